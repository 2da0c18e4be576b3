#!/bin/bash
# State: honcho 2.0.0 beside python-dotenv 1.2.4, CPython 3.11, Linux; one `.env` for both.
# Guess, written down before: they agree on quoted values and differ on unquoted ones with `#`, `$` or quotes.
# Behaviour: besides, honcho leaves out `EMPTY=` and every line with `export`, without a word, so the process sees those
#   variables unset. It cuts an unquoted value at `#` without a blank before it (a password, the fragment of a URL), takes
#   the quotes and blanks out of an unquoted JSON value, and drops a single backslash.
# Why it matters: `honcho start` in a container and `load_dotenv` in a test read two configurations from one file; an "unset"
#   variable takes the application's default, where an empty one would switch something off.
# Output seen: "python-dotenv: '' 'y' 'a#b' '{\"a\": 1}' 'C:\\new'; honcho: None None 'a' '{a:1}' 'C:new'".
# Exits 0 while it is so, 1 when one of the values changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check honcho==2.0.0 python-dotenv==1.2.4
mkdir "$box/work" && cd "$box/work"
printf '%s\n' 'EMPTY=' 'export EXPORTED=y' 'PASSWORD=a#b' 'JSON={"a": 1}' 'FOLDER=C:\new' >.env
cat >show.py <<'P'
import os
import sys

names = ("EMPTY", "EXPORTED", "PASSWORD", "JSON", "FOLDER")
if len(sys.argv) > 1:
    import dotenv
    values = dotenv.dotenv_values(".env")
else:
    values = os.environ
print(*(repr(values.get(name)) for name in names))
P
dotenv=$("$box/venv/bin/python" show.py dotenv)
honcho=$(env -u EMPTY -u EXPORTED -u PASSWORD -u JSON -u FOLDER "$box/venv/bin/honcho" run "$box/venv/bin/python" show.py)
echo "python-dotenv: $dotenv; honcho: $honcho"
cat >expected <<'P'
'' 'y' 'a#b' '{"a": 1}' 'C:\\new'
None None 'a' '{a:1}' 'C:new'
P
printf '%s\n' "$dotenv" "$honcho" | cmp -s - expected || { echo "changed: see the values above" >&2; exit 1; }
