#!/bin/bash
# State: uv 0.13.9, Linux; a uv.lock that is older than pyproject.toml, and UV_NO_SYNC=1 in the environment, as images set
#   it so that `uv run` installs nothing.
# Guess, written down before: `uv run --locked` ("assert that the uv.lock will remain unchanged") refuses, as `uv sync
#   --locked` and `uv lock --check` do, and as `uv run --locked` does where UV_FROZEN=1 is set.
# Behaviour: with UV_NO_SYNC=1 or `--no-sync` the assertion is dropped without a warning; the command runs and the exit
#   code is 0.
# Why it matters: "it ran with --locked" is taken for the proof that the lock is in step. The check has to be a command of
#   its own: `uv lock --check`.
# Output seen: "run --locked: 1, with UV_FROZEN: 1, with UV_NO_SYNC: 0, with --no-sync: 0, lock --check with UV_NO_SYNC: 1".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
mkdir "$box/project" && cd "$box/project"
cat >pyproject.toml <<'P'
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["click==8.5.1"]
[tool.uv]
package = false
P
unset UV_FROZEN UV_LOCKED UV_NO_SYNC VIRTUAL_ENV
uv() { local end=0; "$box/venv/bin/uv" --quiet "$@" 2>/dev/null || end=$?; echo "$end"; }
export UV_PYTHON="$box/venv/bin/python"
[ "$(uv sync)" = 0 ]
sed -i 's/8.5.1/8.5.0/' pyproject.toml
plain=$(uv run --locked true)
frozen=$(UV_FROZEN=1 uv run --locked true)
by_variable=$(UV_NO_SYNC=1 uv run --locked true)
by_option=$(uv run --locked --no-sync true)
check=$(UV_NO_SYNC=1 uv lock --check)
echo "run --locked: $plain, with UV_FROZEN: $frozen, with UV_NO_SYNC: $by_variable, with --no-sync: $by_option, lock --check with UV_NO_SYNC: $check"
[ "$plain $frozen $by_variable $by_option $check" = "1 1 0 0 1" ] || { echo "changed: see the codes above" >&2; exit 1; }
