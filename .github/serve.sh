#!/usr/bin/env bash
# For self-test.yml: start the small service with this commit live (none if empty); its address is the output `url`.
set -euo pipefail
site=$RUNNER_TEMP/site
mkdir -p "$site/current"
printf %s "$1" >"$site/current/commit"
python=$(command -v python3 || command -v python)
nohup "$python" tests/support/small_service.py "$site" --address "$site/address" </dev/null >"$site/log" 2>&1 & # it outlives this step
for _ in {1..100}; do
  [ ! -s "$site/address" ] || break
  sleep 0.1
done
echo "url=$(cat "$site/address")" >>"$GITHUB_OUTPUT"
