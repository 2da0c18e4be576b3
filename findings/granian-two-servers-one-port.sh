#!/bin/bash
# State: granian 2.8.9 and hypercorn 0.18.0, CPython 3.11, Linux; a second server started on the port of one that runs.
# Guess, written down before: the second one ends with "address already in use", as those of uvicorn and waitress do.
# Behaviour: granian, with any number of workers, and hypercorn with `--workers 2` or more listen with SO_REUSEPORT. The
#   second server starts without a word, and the kernel gives each new connection to one of the two, so a server left over
#   from the release before goes on answering a share of the requests. `hypercorn` with one worker refuses.
# Why it matters: "the new server started and its health address answers" proves nothing about the old one; the check
#   has to ask for the revision, on several new connections.
# Output seen: "granian: old and new", "hypercorn --workers 2: old and new", "hypercorn: old".
# Exits 0 while it is so, 1 when a server refuses the port or one of the two gets no request.
set -euo pipefail
box=$(mktemp -d)
servers=()
stop() { for each in "${servers[@]}"; do kill -KILL -- "-$each" 2>/dev/null || :; wait "$each" 2>/dev/null || :; done; servers=(); }
trap 'stop; rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9 hypercorn==0.18.0
cat >"$box/app.py" <<'P'
import os


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": os.environ["RELEASE"].encode()})
P
cd "$box"
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start() { # release, command
  RELEASE=$1 setsid "${@:2}" >>"$box/log" 2>&1 &
  servers+=($!)
}
answers() { # port: the releases that answer 60 new connections, once until something answers
  python3 - "$1" <<'P'
import sys, time, urllib.request

def ask():
    return urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=2).read().decode()

for _ in range(100):
    try:
        ask()
        break
    except OSError:
        time.sleep(0.1)
print(" and ".join(sorted({ask() for _ in range(60)}, reverse=True)))
P
}
both() { # command with PORT in it: what answers after the second start
  local here command
  here=$(port)
  command=("${@//PORT/$here}")
  start old "${command[@]}"
  answers "$here" >/dev/null
  start new "${command[@]}"
  for _ in $(seq 60); do
    seen=$(answers "$here")
    [ "$seen" = old ] && kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  stop
}
both venv/bin/granian --interface asgi --port PORT app:app
granian=$seen
both venv/bin/hypercorn --workers 2 --bind 127.0.0.1:PORT app:app
two=$seen
both venv/bin/hypercorn --bind 127.0.0.1:PORT app:app
one=$seen
echo "granian: $granian"
echo "hypercorn --workers 2: $two"
echo "hypercorn: $one"
[ "$granian/$two/$one" = "old and new/old and new/old" ] || { echo "changed: a server refuses a port that is taken" >&2; exit 1; }
