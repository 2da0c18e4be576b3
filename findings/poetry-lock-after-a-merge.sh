#!/bin/sh
# State: poetry 2.5.1, CPython 3.11, Linux; a lock of jinja2 3.1.6, edited as a merge of two branches may leave it: the
#   same [[package]] twice, or a [[package]] missing that another one needs.
# Guess, written down before, for the doubled entry: `poetry check --lock` ("verify that poetry.lock exists and is in
#   sync with pyproject.toml") refuses it, as `uv lock --check` does.
# Behaviour: it accepts both, exit 0. From the second lock `poetry install` installs jinja2 without markupsafe, exit 0.
#   The content hash covers pyproject.toml alone; the packages of the lock are not held against each other.
# Output seen: "doubled: 0, missing: 0, markupsafe installed: no".
# Exits 0 while it is so, 1 when Poetry refuses one of the two or installs markupsafe.
set -eu
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv" && python3 -m venv "$box/target"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check poetry==2.5.1
mkdir "$box/project" && cd "$box/project"
cat >pyproject.toml <<P
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["jinja2==3.1.6"]
[tool.poetry]
package-mode = false
P
poetry() { VIRTUAL_ENV="$box/target" PATH="$box/target/bin:$PATH" "$box/venv/bin/poetry" --no-interaction --quiet "$@"; }
poetry lock
cp poetry.lock whole
edit() { python3 - "$1" <<P
import sys
head, *packages = open("whole").read().split("[[package]]\n")
last, tail = packages[-1].split("[metadata]", 1)
packages[-1] = last
assert last.startswith('name = "markupsafe"')
packages = packages + [last] if sys.argv[1] == "doubled" else packages[:-1]
open("poetry.lock", "w").write(head + "".join("[[package]]\n" + each for each in packages) + "[metadata]" + tail)
P
}
edit doubled; doubled=0; poetry check --lock || doubled=$?
edit missing; missing=0; poetry check --lock || missing=$?
poetry install
"$box/target/bin/python" -c 'import importlib.util as u; u.find_spec("jinja2") or exit(2)'
if [ -d "$("$box/target/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/markupsafe" ]; then installed=yes; else installed=no; fi
echo "doubled: $doubled, missing: $missing, markupsafe installed: $installed"
[ "$doubled $missing $installed" = "0 0 no" ]
