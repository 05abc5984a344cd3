#!/bin/sh
# Lists all queues with Genesys Cloud's CLI, `gc`, which takes GENESYSCLOUD_ACCESS_TOKEN and GENESYSCLOUD_REGION (an AWS
# region) from the environment. usage: list-queues.sh NAME
set -eu
here=$(dirname "$0")

exec "$here/../../access-token" exec "$1" --min-ttl 5m --env GENESYSCLOUD_ACCESS_TOKEN -- \
  gc routing queues list --autopaginate
