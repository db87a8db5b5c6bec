#!/usr/bin/env bash
# Runs tests on another version of Node, which npm has: `test/on-node.sh 24`, then what vitest takes.
set -euo pipefail
version=$1
shift
cd "$(dirname "$0")/.."
place="test/.nodes/$version"
[ -x "$place/node_modules/node/bin/node" ] || npm install --prefix "$place" --no-audit --no-fund "node@$version" >&2
PATH="$PWD/$place/node_modules/node/bin:$PATH"
echo "Node $(node --version)"
npx vitest run "$@"
