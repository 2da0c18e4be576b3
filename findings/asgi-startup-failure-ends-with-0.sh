#!/bin/bash
# State: hypercorn 0.18.0 and uvicorn 0.54.0, CPython 3.11, Linux; an ASGI application that answers `lifespan.startup` with
#   `lifespan.startup.failed`, as Starlette and FastAPI do when a startup handler raises (no database).
# Guess, written down before: each ends with a code other than 0 and serves nothing.
# Behaviour: hypercorn logs a LifespanFailureError with its traceback and ends with 0, with one worker and with two.
#   uvicorn alone ends with 3; `uvicorn --workers 2` logs "failed to start, stopping the parent process" and ends with 0.
# Why it matters: for `Restart=on-failure`, `docker run --restart on-failure`, a script with `set -e` and supervisor's
#   `autorestart=unexpected` such a release ended well, and is not started again when the database is back. Only an answer
#   of the service, with its revision, says that it started.
# Output seen: "hypercorn: 0, hypercorn --workers 2: 0, uvicorn: 3, uvicorn --workers 2: 0".
# Exits 0 while it is so, 1 when one of the four ends otherwise.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check hypercorn==0.18.0 uvicorn==0.54.0
cat >"$box/app.py" <<'P'
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
P
cd "$box"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
code() { local end=0; timeout 60 "$@" >>log 2>&1 || end=$?; echo "$end"; }
one=$(code venv/bin/hypercorn --bind "127.0.0.1:$port" app:app)
two=$(code venv/bin/hypercorn --workers 2 --bind "127.0.0.1:$port" app:app)
alone=$(code venv/bin/uvicorn --port "$port" app:app)
workers=$(code venv/bin/uvicorn --workers 2 --port "$port" app:app)
echo "hypercorn: $one, hypercorn --workers 2: $two, uvicorn: $alone, uvicorn --workers 2: $workers"
[ "$one $two $alone $workers" = "0 0 3 0" ] || { echo "changed: see the codes above" >&2; exit 1; }
