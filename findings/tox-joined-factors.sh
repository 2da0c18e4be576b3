#!/bin/bash
# State: tox 4.67.15, CPython 3.11; a tox.ini with the environments `lint` and `types`, each with its commands, and none in
#   [testenv].
# Guess, written down before: an environment that the file does not define is an error.
# Behaviour: it is one only where a part of its name is unknown (`lnt`: exit 254). A name put together of known parts,
#   `lint-types` or `py311-lint`, is an environment of its own that takes nothing from [testenv:lint] or [testenv:types]:
#   no command runs, "OK", "congratulations", exit 0.
# Why it matters: a matrix that writes `tox -e py${{ matrix.python }}-lint` is green on every leg and has linted nothing.
# Output seen: "lint: 1; lnt: 254; lint-types: 0; py311-lint: 0".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check tox==4.67.15
cd "$box"
version=$(venv/bin/python -c 'import sys; print("py{}{}".format(*sys.version_info))')
cat >tox.ini <<P
[tox]
env_list = $version, lint, types
no_package = true
[testenv:lint]
commands = python -c "raise SystemExit('a finding')"
[testenv:types]
commands = python -c "raise SystemExit('a finding')"
P
code() { local end=0; venv/bin/tox run -e "$1" >>log 2>&1 || end=$?; echo "$end"; }
lint=$(code lint) unknown=$(code lnt) joined=$(code lint-types) python=$(code "$version-lint")
echo "lint: $lint; lnt: $unknown; lint-types: $joined; $version-lint: $python"
[ "$lint $unknown $joined $python" = "1 254 0 0" ] || { echo "changed: see the codes above" >&2; exit 1; }
