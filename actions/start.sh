#!/usr/bin/env bash
# Become the interpreter of one action. Every process from here on keeps the same id: a cancelled job signals the
# step's first process alone.
set -eu
names=(python3 python)
[ "${RUNNER_OS-}" != Windows ] || names=(python python3) # python3 may be the Store's stand-in there
[ -z "${CI_OPS_PYTHON-}" ] || names=("$CI_OPS_PYTHON")
for name in "${names[@]}"; do
  if command -v "$name" >/dev/null; then
    exec "$name" -I -X utf8 "${BASH_SOURCE[0]%/*}/bootstrap.py" "$@"
  fi
done
printf 'status=error\nreason=setup-failed\n' >>"${GITHUB_OUTPUT:-/dev/null}"
sentence="There is no Python on this runner. Install 3.11 or newer, or name one with the input python."
echo "::error title=ci-ops set-up failed::$sentence" >&2
exit 69 # EX_UNAVAILABLE of sysexits.h, as bootstrap.py says it
