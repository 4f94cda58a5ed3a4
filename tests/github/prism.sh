#!/usr/bin/env bash
# Asks GitHub's own description of its API, served by Prism, whether it takes every request that dirops makes.
# Needs Node.js and npm; what it installs stays in a cache folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

prism=5.16.0
description=23.0.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dirops/prism-$prism-openapi-$description
file=node_modules/@octokit/openapi/generated/api.github.com.json

if ! [ -f "$cache/complete" ]; then
  mkdir -p "$cache"
  npm install --prefix "$cache" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
    "@stoplight/prism-cli@$prism" "@octokit/openapi@$description"
  touch "$cache/complete"
fi

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
# Without --errors: that also fails answers, and some of GitHub's own examples break its own schemas. What Prism finds
# wrong with a request is in a header then, which the test reads.
log=$(mktemp)
(cd "$cache" && exec node node_modules/@stoplight/prism-cli/dist/index.js mock -h 127.0.0.1 -p "$port" "$file") >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 1 240); do
  kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
  grep -q "Prism is listening" "$log" && break
  sleep 0.5
done

DIROPS_PRISM=127.0.0.1:$port DIROPS_GITHUB_DESCRIPTION=$cache/$file \
  cargo test --locked --test github_description
