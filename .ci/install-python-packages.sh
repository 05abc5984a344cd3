#!/bin/sh
# Makes the Python virtual environment .venv/NAME with the packages of .ci/requirements/NAME.txt, unless it is there already:
#   install-python-packages.sh NAME [OPTION…]     the options are those of `uv pip install`
# The files have the hashes of all packages; docs/development/dependencies.md says how to write one. uv does in 3 seconds of
# processor time what pip does in 30. It is itself installed once, by pip.
set -eu
cd "$(dirname "$0")/.."
requirements=.ci/requirements/$1.txt
directory=$PWD/.venv/$1
shift

# The directory too: the commands name their interpreter by its path.
wanted=$(printf '%s\n' "$directory" "$@" && cat "$requirements")
if [ -f "$directory/packages" ] && [ "$(cat "$directory/packages")" = "$wanted" ]; then exit 0; fi

uv=$PWD/.venv/uv-$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' .ci/requirements/uv.txt)
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
  $pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$temporary" \
    --require-hashes -r .ci/requirements/uv.txt
  mkdir -p .venv
  # Copied under another name and renamed: whoever does this at the same time never sees half of it.
  cp "$temporary/bin/uv" "$uv.$$"
  mv "$uv.$$" "$uv"
fi

# pip's settings hold for uv too: the index, and the machine's certificate authorities.
export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}" UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
rm -rf "$directory"
"$uv" venv --quiet --python ">=3.11" "$directory"
"$uv" pip install --quiet --python "$directory/bin/python" --require-hashes "$@" -r "$requirements"
# Last: an installation that was interrupted is done again.
printf '%s\n' "$wanted" >"$directory/packages"
