#!/bin/bash
# State: circus 0.19.0, CPython 3.11, Linux; a watcher whose command ends with 1 as soon as it is started.
# Guess, written down before: `circusctl restart` answers "ok" with 0 without waiting (right); that `status` then shows the
#   process's state was taken for granted.
# Behaviour: `start` answers "ok" with 0, and ten looks one after the other all say `status` "active" and `numprocesses` 1, while
#   the command is started over and over (the log below counts its starts). "active" is what the operator asked for, not
#   what the process does; a process is counted until it is reaped. `circusctl status` ends with 0 for "stopped", too.
# Why it matters: a deployment that restarts by circusctl and asks it for the status is green for a release that cannot start.
# Output seen: "start: ok 0; status: active (10 of 10), numprocesses 1; started more than 5 times: yes; status when stopped: stopped 0".
# Exits 0 while it is so, 1 when circus says that the process is not there.
set -euo pipefail
box=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || :; rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check circus==0.19.0
cd "$box"
cat >circus.ini <<P
[circus]
endpoint = ipc://$box/endpoint
pubsub_endpoint = ipc://$box/events
check_delay = 0.2
[watcher:shop]
cmd = sh -c "echo start >>$box/starts; exit 1"
shell = False
max_retry = -1
autostart = false
P
venv/bin/circusd circus.ini >log 2>&1 &
daemon=$!
control() { local end=0 said; said=$(timeout 20 venv/bin/circusctl --endpoint "ipc://$box/endpoint" "$@" 2>/dev/null) || end=$?; echo "$said $end"; }
for _ in $(seq 100); do [ "$(control status shop)" != "stopped 0" ] || break; sleep 0.1; done
stopped=$(control status shop)
started=$(control start shop)
active=0
for _ in $(seq 10); do [ "$(control status shop)" != "active 0" ] || active=$((active + 1)); done
counted=$(control numprocesses shop)
for _ in $(seq 100); do [ "$(wc -l <starts)" -le 5 ] || break; sleep 0.1; done
if [ "$(wc -l <starts)" -gt 5 ]; then many=yes; else many=no; fi
echo "start: $started; status: active ($active of 10), numprocesses ${counted% *}; started more than 5 times: $many; status when stopped: $stopped"
[ "$started/$active/$many/$stopped" = "ok 0/10/yes/stopped 0" ] || { echo "changed: see the line above" >&2; tail -5 log >&2; exit 1; }
