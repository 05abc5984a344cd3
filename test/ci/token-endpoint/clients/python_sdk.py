"""Genesys Cloud's Python SDK through the gateway, with the token that it takes once, until UNTIL_MS or for RUN_MS.

WORKERS call at a time.
"""
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import PureCloudPlatformClientV2 as genesys
from PureCloudPlatformClientV2.rest import ApiException

client = genesys.api_client.ApiClient()
client.set_gateway(
    os.environ["GENESYSCLOUD_GATEWAY_HOST"],
    os.environ["GENESYSCLOUD_GATEWAY_PROTOCOL"],
    int(os.environ["GENESYSCLOUD_GATEWAY_PORT"]),
    None,
    None,
)
client.get_client_credentials_token(
    os.environ["GENESYSCLOUD_OAUTHCLIENT_ID"], os.environ["GENESYSCLOUD_OAUTHCLIENT_SECRET"]
)
routing = genesys.RoutingApi(client)
# The SDK takes long to load.
until = float(os.environ.get("UNTIL_MS") or time.time() * 1000 + float(os.environ["RUN_MS"]))
calls, failures = [], []


def work(_worker):
    while time.time() * 1000 < until:
        calls.append(call := len(calls) + 1)
        try:
            if call % 2:
                routing.get_routing_queues(page_size=100)
            else:
                routing.post_routing_queues({"name": f"queue {call}"})
        except ApiException as error:
            failures.append(f"call {call}: {error.status}")
        time.sleep(0.3)


workers = int(os.environ.get("WORKERS", "1"))
with ThreadPoolExecutor(workers) as pool:
    list(pool.map(work, range(workers)))
print(json.dumps({"client": "Python SDK", "calls": len(calls), "failures": failures}))
sys.exit(1 if failures else 0)
