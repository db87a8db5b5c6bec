#!/usr/bin/env bash
# Installs the packages that one adapter each needs, and OpenAI's client, and links them to where Node looks for them. npm
# would leave them out of the project's own folder, since it knows them as optional there, and warns on Node 20 of the
# client, which runs there all the same. A later `npm install` takes the links away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
modules=$here/../../node_modules

# No scripts: those would download from elsewhere what the packages have with them.
npm install --prefix "$here" --ignore-scripts --no-package-lock --no-audit --no-fund
for name in @huggingface/jinja @huggingface/transformers node-llama-cpp onnxruntime-node openai; do
  mkdir -p "$(dirname "$modules/$name")"
  ln -sfn "$here/node_modules/$name" "$modules/$name"
done
