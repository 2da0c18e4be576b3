#!/bin/bash
# State: pip 26.3 (`pip lock`, `pip install -r pylock.toml`, both marked experimental) and uv 0.13.9, CPython 3.11, Linux; a
#   requirement for another system and one for another Python.
# Guess, written down before: the lock names the Python or the environments it was made for (PEP 751 has `requires-python`
#   and `environments`), or keeps the requirements under their markers, and installers refuse it elsewhere.
# Behaviour: `pip lock` writes what it would install here and now, without markers, `requires-python` or `environments`. What
#   is for another Python or system is left out, and nothing in the file says so: pip and uv install it anywhere, exit 0,
#   and their checks are content, since a project's own requirements are not asked.
# Why it matters: a lock made on a laptop with a newer Python leaves a package of the server out, in silence.
# Output seen: "locked: click; requires-python, environments, markers in the file: 0; uv: 0; pip: 0, check: 0".
# Exits 0 while it is so, 1 when the lock names its environment or an installer refuses it.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv" && python3 -m venv "$box/by-pip" && python3 -m venv --without-pip "$box/by-uv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check pip==26.3 uv==0.13.9
cd "$box"
printf 'click==8.5.1\ncolorama==0.4.6 ; sys_platform == "win32"\ntomli==2.3.0 ; python_version < "3.11"\n' >requirements.txt
venv/bin/pip lock --quiet -r requirements.txt -o pylock.toml 2>/dev/null
locked=$(grep -A1 '^\[\[packages\]\]' pylock.toml | sed -n 's/^name = "\(.*\)"/\1/p' | paste -sd ' ')
notes=$(grep -cE '^(requires-python|environments)|marker' pylock.toml || :)
by_uv=0; venv/bin/uv pip sync --quiet --python by-uv/bin/python pylock.toml 2>/dev/null || by_uv=$?
by_pip=0; venv/bin/pip --python by-pip/bin/python install --quiet -r pylock.toml 2>/dev/null || by_pip=$?
check=0; venv/bin/pip --python by-pip/bin/python check >/dev/null || check=$?
echo "locked: $locked; requires-python, environments, markers in the file: $notes; uv: $by_uv; pip: $by_pip, check: $check"
[ "$locked/$notes/$by_uv/$by_pip/$check" = "click/0/0/0/0" ] || { echo "changed: see the line above" >&2; exit 1; }
