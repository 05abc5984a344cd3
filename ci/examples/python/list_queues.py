"""Lists all queues with Genesys Cloud's Python SDK (PureCloudPlatformClientV2), however long that takes.

Run it as
    ci/access-token exec genesys --min-ttl 5m --env GENESYSCLOUD_ACCESS_TOKEN -- python3 list_queues.py
GENESYS_API is the API's base URL. A job that outlives its token takes a new one where the API answers 401.
"""
import os
import subprocess
import sys
from pathlib import Path

import PureCloudPlatformClientV2 as genesys
from PureCloudPlatformClientV2.rest import ApiException

ACCESS_TOKEN = Path(__file__).resolve().parents[2] / "access-token"


def read_again() -> str:
    """Reads the token as it is stored now; in the pipe to this process, and nowhere else."""
    command = [str(ACCESS_TOKEN), "get", "genesys", "--min-ttl", "5m"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main() -> None:
    client = genesys.api_client.ApiClient(host=os.environ["GENESYS_API"])
    client.access_token = os.environ["GENESYSCLOUD_ACCESS_TOKEN"]
    routing = genesys.RoutingApi(client)
    page, pages = 1, 1
    while page <= pages:
        try:
            listing = routing.get_routing_queues(page_number=page, page_size=100)
        except ApiException as error:
            if error.status != 401:
                raise
            client.access_token = read_again()
            listing = routing.get_routing_queues(page_number=page, page_size=100)
        pages = listing.page_count
        for queue in listing.entities:
            print(queue.id, queue.name)
        page += 1


if __name__ == "__main__":
    sys.exit(main())
