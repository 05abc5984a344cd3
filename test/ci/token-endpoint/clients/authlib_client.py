"""Authlib, as a plain OAuth2 client that renews its token by itself, on the fast clock, until UNTIL_MS of that clock."""
import json
import os
import sys
import time

START, SPEED, real_time = float(os.environ["CLOCK_START"]) / 1000, float(os.environ["CLOCK_SPEED"]), time.time
time.time = lambda: START + (real_time() - START) * SPEED

from authlib.integrations.requests_client import OAuth2Session

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
session = OAuth2Session(
    os.environ["OAUTH_CLIENT_ID"],
    os.environ["OAUTH_CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_post",
    grant_type="client_credentials",
    token_endpoint=os.environ["OAUTH_TOKEN_URL"],
    leeway=60,
)
session.fetch_token()
calls, failures = 0, []
while time.time() * 1000 < float(os.environ["UNTIL_MS"]):
    calls += 1
    answer = session.get(os.environ["API_URL"] + "/api/v2/routing/queues")
    if answer.status_code != 200:
        failures.append(f"call {calls}: {answer.status_code}")
    time.sleep(0.3)
print(json.dumps({"client": "Authlib", "calls": calls, "failures": failures}))
sys.exit(1 if failures else 0)
