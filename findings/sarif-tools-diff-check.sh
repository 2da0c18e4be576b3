#!/bin/bash
# State: sarif-tools 3.0.5, CPython 3.11; `sarif --check error diff OLD NEW`, whose help says that it fails on "an increase in
#   issues" of that level.
# Guess, written down before: a finding that moved by a line is no increase (so it is), one more is.
# Behaviour: an issue is its rule and message; files and the number of places do not count. A second finding of the same
#   rule, and one that moved into another file, are "no increase", exit 0; for the former the output even says "1 -> 2
#   (+1)". Another rule of the same level is found, exit 1.
# Why it matters: as a gate ("no new error since the last release") it passes the second SQL injection, the third and the
#   tenth, because linters word a rule's message the same each time.
# Output seen: "same rule, second place: 0; other file: 0; other rule: 1".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check sarif-tools==3.0.5
cd "$box"
python3 - <<'P'
import json

def result(rule, file, line):
    place = {"artifactLocation": {"uri": file}, "region": {"startLine": line}}
    return {"ruleId": rule, "level": "error", "message": {"text": f"{rule} found"}, "locations": [{"physicalLocation": place}]}

def write(name, *results):
    run = {"tool": {"driver": {"name": "linter", "rules": [{"id": "S608"}, {"id": "S105"}]}}, "results": list(results)}
    with open(name, "w") as file:
        json.dump({"version": "2.1.0", "runs": [run]}, file)

write("old.sarif", result("S608", "a.py", 3))
write("second.sarif", result("S608", "a.py", 3), result("S608", "a.py", 90))
write("other.sarif", result("S608", "b.py", 1))
write("rule.sarif", result("S608", "a.py", 3), result("S105", "a.py", 5))
P
code() { local end=0; venv/bin/sarif --check error diff old.sarif "$1" >>log 2>&1 || end=$?; echo "$end"; }
second=$(code second.sarif) other=$(code other.sarif) rule=$(code rule.sarif)
echo "same rule, second place: $second; other file: $other; other rule: $rule"
[ "$second $other $rule" = "0 0 1" ] || { echo "changed: see the codes above" >&2; exit 1; }
