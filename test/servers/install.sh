#!/usr/bin/env bash
# Installs the servers that the tests start, into test/servers/.python or the folder LIMBECK_TEST_SERVERS. What is
# there already, of the same versions, stays. pip reads its own settings, so an index or a proxy of yours holds here too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${LIMBECK_TEST_SERVERS:-$here/.python}

# MLServer runs on no later Python than 3.12.
python=
for candidate in "${PYTHON:-python3}" python3.12 python3.11 python3.10; do
  if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo 'The servers need Python 3.10, 3.11 or 3.12 with venv (Debian: apt-get install python3-venv).' >&2
  exit 1
fi

install() {
  local requirements=$here/requirements-$1.txt environment=$target/$1
  cmp -s "$requirements" "$environment/installed.txt" && return
  [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$environment/installed.txt"
}

# MLServer needs another version of FastAPI than the frameworks, and Triton another one of NumPy: an environment each.
installs=()
for name in servers frameworks triton; do
  install "$name" &
  installs+=($!)
done
for each in "${installs[@]}"; do wait "$each"; done
