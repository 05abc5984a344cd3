"""Lists all queues with Genesys Cloud's Python SDK (PureCloudPlatformClientV2), however long that takes.

    python3 ci/examples/python/list_queues.py

GENESYS_API is the API's base URL. The SDK does not renew a token: where the API answers 401, this takes another one.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

import PureCloudPlatformClientV2 as genesys
from PureCloudPlatformClientV2.rest import ApiException

ACCESS_TOKEN = Path(__file__).resolve().parents[2] / "access-token"


def read_token(refused_version: str | None = None) -> tuple[str, str]:
    """Reads the stored token and its version; if the refused version is still the stored one, a new one is made."""
    command = [str(ACCESS_TOKEN), "get", "genesys", "--min-ttl", "5m"]
    if refused_version is not None:
        command += ["--not-version", refused_version]
    read = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The receipt, and on GitHub Actions and Azure Pipelines the command that masks the token.
    sys.stderr.write(read.stderr)
    if read.returncode != 0:
        sys.exit(f"access-token ended with status {read.returncode}")
    return read.stdout.strip(), re.search(r"^token v(\d+) ", read.stderr, re.MULTILINE).group(1)


def main() -> None:
    client = genesys.api_client.ApiClient(host=os.environ["GENESYS_API"])
    client.access_token, version = read_token()
    routing = genesys.RoutingApi(client)
    page, pages = 1, 1
    while page <= pages:
        try:
            listing = routing.get_routing_queues(page_number=page, page_size=100)
        except ApiException as error:
            if error.status != 401:
                raise
            client.access_token, version = read_token(version)
            listing = routing.get_routing_queues(page_number=page, page_size=100)
        pages = listing.page_count
        for queue in listing.entities:
            print(queue.id, queue.name)
        page += 1


if __name__ == "__main__":
    sys.exit(main())
