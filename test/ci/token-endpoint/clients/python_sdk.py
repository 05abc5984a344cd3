"""Genesys Cloud's Python SDK through the gateway, with the token that it takes once, until UNTIL_MS."""
import json
import os
import sys
import time

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
calls, failures = 0, []
while time.time() * 1000 < float(os.environ["UNTIL_MS"]):
    calls += 1
    try:
        if calls % 2:
            routing.get_routing_queues(page_size=100)
        else:
            routing.post_routing_queues({"name": f"queue {calls}"})
    except ApiException as error:
        failures.append(f"call {calls}: {error.status}")
    time.sleep(0.3)
print(json.dumps({"client": "Python SDK", "calls": calls, "failures": failures}))
sys.exit(1 if failures else 0)
