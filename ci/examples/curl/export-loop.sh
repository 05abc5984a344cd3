#!/bin/sh
# A long loop in plain curl: the token is read again for each call, so that the loop may run longer than any token
# lives. usage: export-loop.sh NAME PAGES; GENESYS_API is the API's base URL.
#
# `exec` runs nothing without a live token, and its status is curl's: the loop ends at the first of both that fails. The
# token goes to curl in a header on stdin (`--header @-`): it is no argument, and in no line that `sh -x` shows.
set -eu
here=$(dirname "$0")

page=1
while [ "$page" -le "$2" ]; do
  # shellcheck disable=SC2016 # the inner shell has the token
  "$here/../../access-token" exec "$1" --min-ttl 2m -- sh -c '
    printf "Authorization: Bearer %s\n" "$ACCESS_TOKEN" |
      curl --silent --show-error --fail --header @- --output "$2" "$1"
  ' curl "$GENESYS_API/api/v2/routing/queues?pageNumber=$page" "queues-$page.json"
  page=$((page + 1))
done
