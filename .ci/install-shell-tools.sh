#!/bin/sh
# Installs, once, what `npm run lint:sh`, `lint:workflows` and `test:ci` need beside npm. Into .venv/shell-tools, from PyPI:
# ShellCheck, zizmor, the AWS CLI v1, and the SDK that an example uses. From the distribution, where they are missing, and only with
# INSTALL_SYSTEM_PACKAGES=1, as .ci/run sets it: dash, busybox, ksh, zsh, curl, the AWS CLI v2.
set -eu
cd "$(dirname "$0")/.."

tools=.venv/shell-tools
# The copy of this script and of the list of packages is written last: an interrupted installation is done again, and so is a changed one.
if cat .ci/install-shell-tools.sh .ci/requirements/shell-tools.txt | cmp -s - "$tools/installed"; then exit 0; fi

# The SDK's thousands of modules are compiled now, which else the first job would do.
.ci/install-python-packages.sh shell-tools --compile-bytecode

missing=''
for command in dash busybox ksh zsh curl; do
  command -v "$command" >/dev/null || missing="$missing $command"
done
# GitHub's runners have the AWS CLI v2 already; Debian and Ubuntu package it. Other systems run with v1 alone.
if [ ! -x /usr/local/bin/aws ] && [ ! -x /usr/bin/aws ]; then missing="$missing awscli"; fi
if [ -n "$missing" ] && [ "${INSTALL_SYSTEM_PACKAGES:-}" != 1 ]; then
  echo "Not installed, and suites that need one of them fail:$missing. INSTALL_SYSTEM_PACKAGES=1 $0 installs them with apt-get." >&2
  exit 0
fi
if [ -n "$missing" ]; then
  echo "Installing with apt-get:$missing" >&2
  as_root=''
  if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
  $as_root apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

cat .ci/install-shell-tools.sh .ci/requirements/shell-tools.txt >"$tools/installed"
