#!/bin/sh
# Installs, once, the OAuth2 clients and SDKs that others wrote, with which `npm run prove -- six-hours` tries
# token-endpoint. Into .venv/oauth-clients, from PyPI and npm.
set -eu
cd "$(dirname "$0")/.."

clients=.venv/oauth-clients
# The copy of this script and of the list of packages is written last: an interrupted installation is done again, and so is a changed one.
if cat .ci/install-oauth-clients.sh .ci/requirements/oauth-clients.txt | cmp -s - "$clients/installed"; then exit 0; fi

.ci/install-python-packages.sh oauth-clients
npm install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix "$clients" \
  purecloud-platform-client-v2@262.0.0 openid-client@6.8.1

cat .ci/install-oauth-clients.sh .ci/requirements/oauth-clients.txt >"$clients/installed"
