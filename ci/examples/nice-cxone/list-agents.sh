#!/bin/sh
# Lists the agents of a NICE CXone tenant with curl. usage: list-agents.sh NAME; CXONE_API is the API's base URL, which
# the tenant's configuration names: {issuer}/.well-known/cxone-configuration?tenantId=...
#
# The token goes to curl in a header on stdin: it is no argument of a process.
set -eu
here=$(dirname "$0")

# shellcheck disable=SC2016 # the inner shell has the token
"$here/../../access-token" exec "$1" --min-ttl 5m --env CXONE_ACCESS_TOKEN -- sh -c '
  printf "Authorization: Bearer %s\n" "$CXONE_ACCESS_TOKEN" |
    curl --silent --show-error --fail --header @- "$1"
' curl "$CXONE_API/incontactapi/services/v30.0/agents"
