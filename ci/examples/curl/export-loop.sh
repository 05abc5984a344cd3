#!/bin/sh
# A long loop in plain curl: the token is read again for each call, so that the loop may run longer than any token
# lives. usage: export-loop.sh NAME PAGES; GENESYS_API is the API's base URL.
#
# The token goes to curl in a header on stdin (`--header @-`): it is no argument, and in no variable that `sh -x` shows.
set -eu
here=$(dirname "$0")

page=1
while [ "$page" -le "$2" ]; do
  "$here/../../access-token" get "$1" --min-ttl 2m |
    sed 's/^/Authorization: Bearer /' |
    curl --silent --show-error --fail --header @- "$GENESYS_API/api/v2/routing/queues?pageNumber=$page" \
      --output "queues-$page.json"
  page=$((page + 1))
done
