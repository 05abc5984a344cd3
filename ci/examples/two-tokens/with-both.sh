#!/bin/sh
# Runs a command with a token of Genesys Cloud and one of NICE CXone: `exec` becomes its command, which may be a second
# `exec`. usage: with-both.sh COMMAND ...
#
# The second one may wait for a new token while the first one's life runs: its --min-ttl has ten minutes more.
set -eu
here=$(dirname "$0")

exec "$here/../../access-token" exec genesys --min-ttl 40m --env GENESYSCLOUD_ACCESS_TOKEN -- \
  "$here/../../access-token" exec cxone --min-ttl 30m --env CXONE_ACCESS_TOKEN -- "$@"
