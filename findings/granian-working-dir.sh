#!/bin/sh
# State: granian 2.8.9, CPython 3.11, Linux; started in one folder, with `--working-dir` naming a symbolic link `current`
#   to a release ("Set the working directory", says its help).
# Guess, written down before: workers run in the folder that `current` names, after a switch of the link and HUP in the
#   new one, as workers of gunicorn with `--chdir` do.
# Behaviour: `--working-dir` is an import path alone. The workers' working directory is that of the shell that started
#   granian; after HUP they have the *code* of the new release and the old directory, so relative paths (templates, a
#   file REVISION, an SQLite database) are read elsewhere than the code.
# Output seen: "before: code one, in start", "after HUP: code two, in start".
# Exits 0 while it is so, 1 when the working directory follows the option.
set -eu
box=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9
for release in one two; do
  mkdir "$box/$release"
  cat >"$box/$release/app.py" <<P
import os

def app(environ, start_response):
    start_response("200 OK", [])
    return [f"code $release, in {os.path.basename(os.getcwd())} {os.getpid()}".encode()]
P
done
ln -s one "$box/current"
mkdir "$box/start" && cd "$box/start"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start() {
  "$box/venv/bin/python" -m granian --interface wsgi --working-dir "$box/current" --port "$port" app:app >"$box/log" 2>&1 &
  server=$!
}
ask() { python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).read().decode())' \
  "http://127.0.0.1:$port/" 2>/dev/null; }
until_asked() { tries=0; until ask >"$box/said"; do tries=$((tries + 1)); [ "$tries" -lt 100 ]; sleep 0.1; done; cat "$box/said"; }
start
before=$(until_asked)
echo "before: ${before% *}"
ln -sfn two "$box/next" && mv -fT "$box/next" "$box/current"
kill -HUP "$server"
tries=0
until after=$(until_asked) && [ "${after##* }" != "${before##* }" ]; do tries=$((tries + 1)); [ "$tries" -lt 100 ]; sleep 0.2; done
echo "after HUP: ${after% *}"
[ "${before% *}, ${after% *}" = "code one, in start, code two, in start" ]
