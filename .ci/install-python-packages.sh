#!/bin/sh
# Makes a Python virtual environment with packages from PyPI, unless it is there already:
#   install-python-packages.sh DIRECTORY ARGUMENT…     the arguments are those of `pip install`
# uv does in 3 seconds of processor time what pip does in 30. It is itself installed once, by pip.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
directory=$1
shift

# The directory too: the commands name their interpreter by its path.
wanted=$(printf '%s\n' "$directory" "$@" && for argument; do if [ -f "$argument" ]; then cat "$argument"; fi; done)
if [ -f "$directory/packages" ] && [ "$(cat "$directory/packages")" = "$wanted" ]; then exit 0; fi

uv=$root/.venv/uv-0.13.9
if [ ! -x "$uv" ]; then
  temporary=$(mktemp -d)
  trap 'rm -rf "$temporary"' EXIT
  # Without pip of its own, a Python can usually make an environment that has it. That takes some seconds more.
  pip='python3 -m pip'
  if ! $pip --version >/dev/null 2>&1; then
    python3 -m venv "$temporary/venv"
    pip=$temporary/venv/bin/pip
  fi
  # shellcheck disable=SC2086 # a command and its words
  $pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$temporary" "uv==${uv##*-}"
  mkdir -p "$root/.venv"
  # Copied under another name and renamed: whoever does this at the same time never sees half of it.
  cp "$temporary/bin/uv" "$uv.$$"
  mv "$uv.$$" "$uv"
fi

# pip's settings hold for uv too: the index, and the machine's certificate authorities.
export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}" UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
rm -rf "$directory"
"$uv" venv --quiet --python ">=3.10" "$directory"
"$uv" pip install --quiet --python "$directory/bin/python" "$@"
# Last: an installation that was interrupted is done again.
printf '%s\n' "$wanted" >"$directory/packages"
