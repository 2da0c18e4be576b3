#!/bin/bash
# State: uv 0.13.9, Linux; an environment file whose second line is one that `docker run --env-file` and systemd's
#   EnvironmentFile take as it is: an unquoted value with a blank, or a quoted password with a dollar sign.
# Guess, written down before: the values differ between the readers of such files, line by line.
# Behaviour: `uv run --env-file` leaves out that line *and every line after it*, writes one warning, and runs the command,
#   whose exit code is 0. With `--quiet` there is no word at all.
# Why it matters: a service, a migration or a smoke test that is started by `uv run --env-file` runs with part of its
#   settings, and with the defaults for the rest (DEBUG, a database in a file), and the step is green.
# Output seen: "blank: FIRST, 0, 1 warning; dollar: FIRST, 0, 1 warning; quiet: FIRST, 0, 0 warnings; python-dotenv: FIRST SECOND THIRD".
# Exits 0 while it is so, 1 when uv reads the third line or refuses the file.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9 python-dotenv==1.2.4
cd "$box"
printf 'FIRST=1\nSECOND=Corner Shop\nTHIRD=3\n' >blank.env
printf 'FIRST=1\nSECOND="pass$wd"\nTHIRD=3\n' >dollar.env
cat >names.py <<'P'
import os
print(" ".join(name for name in ("FIRST", "SECOND", "THIRD") if name in os.environ))
P
read_by_uv() { # file, options of uv
  local end=0 names
  names=$(env -u FIRST -u SECOND -u THIRD venv/bin/uv run "${@:2}" --no-project --python venv/bin/python --env-file "$1" python names.py 2>err) || end=$?
  echo "$names, $end, $(grep -c warning err || :)"
}
blank=$(read_by_uv blank.env)
dollar=$(read_by_uv dollar.env)
quiet=$(read_by_uv dollar.env --quiet)
dotenv=$(venv/bin/python -c 'import dotenv; print(*dotenv.dotenv_values("dollar.env"))')
echo "blank: $blank warning; dollar: $dollar warning; quiet: $quiet warnings; python-dotenv: $dotenv"
[ "$blank/$dollar/$quiet" = "FIRST, 0, 1/FIRST, 0, 1/FIRST, 0, 0" ] || { echo "changed: uv reads or refuses the rest" >&2; exit 1; }
