"""An OAuth 2.0 authorization server made with Authlib and Flask, on loopback: client credentials, Basic and post."""

import hmac
import json
import os
import sys

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from flask import Flask, jsonify, request


class Client(ClientMixin):
    def __init__(self, client_id, client_secret, auth_method):
        self.client_id = client_id
        self.client_secret = client_secret
        self.auth_method = auth_method

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return False

    def check_client_secret(self, client_secret):
        return hmac.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.auth_method

    def check_response_type(self, response_type):
        return False

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


clients = {one["client_id"]: Client(**one) for one in json.loads(os.environ["CLIENTS"])}
owners = {}


def save_token(token, token_request):
    owners[token["access_token"]] = token_request.client.get_client_id()


app = Flask(__name__)
server = AuthorizationServer(app, query_client=clients.get, save_token=save_token)
server.register_grant(ClientCredentialsGrant)


@app.post("/token")
def token():
    return server.create_token_response()


@app.get("/owner")
def owner():
    """Tells whose token the bearer token is; null for one that was never issued."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return jsonify(owners.get(bearer))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
