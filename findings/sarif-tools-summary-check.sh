#!/bin/bash
# State: sarif-tools 3.0.5, CPython 3.11; `sarif --check error summary` on SARIF 2.1.0 files.
# Guess, written down before: the level of a result without one is its rule's `defaultConfiguration`, wherever the rule
#   is; a suppressed result and one with `baselineState: absent` do not count. (The missing path was not guessed.)
# Behaviour: a path that does not exist is a warning on standard error, "error: 0" and exit 0. A rule of
#   `tool.extensions` (a plugin, such as CodeQL packs) is not looked up: its error is counted as a warning, exit 0.
#   A suppressed result, and one with `baselineState: absent`, count as errors, exit 1.
# Why it matters: a scanner that wrote nothing, or elsewhere, is a green gate; so is a scanner whose rules are in packs; a
#   finding that was reviewed and suppressed is red for ever.
# Output seen: "missing: 0, extension: 0, suppressed: 1, absent: 1".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check sarif-tools==3.0.5
cd "$box"
python3 - <<'P'
import json

place = {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}

def write(name, tool, **more):
    result = {"ruleId": "R1", "message": {"text": "found"}, "locations": [{"physicalLocation": place}], **more}
    with open(f"{name}.sarif", "w") as file:
        json.dump({"version": "2.1.0", "runs": [{"tool": tool, "results": [result]}]}, file)

rule = {"id": "R1", "defaultConfiguration": {"level": "error"}}
pack = {"driver": {"name": "scanner"}, "extensions": [{"name": "pack", "rules": [rule]}]}
plain = {"driver": {"name": "scanner", "rules": [rule]}}
write("extension", pack, rule={"id": "R1", "index": 0, "toolComponent": {"index": 0}})
write("suppressed", plain, suppressions=[{"kind": "external", "status": "accepted", "justification": "reviewed"}])
write("absent", plain, baselineState="absent")
P
code() { local end=0; venv/bin/sarif --check error summary "$1.sarif" >>log 2>&1 || end=$?; echo "$end"; }
missing=$(code missing) extension=$(code extension) suppressed=$(code suppressed) absent=$(code absent)
echo "missing: $missing, extension: $extension, suppressed: $suppressed, absent: $absent"
[ "$missing $extension $suppressed $absent" = "0 0 1 1" ] || { echo "changed: see the codes above" >&2; exit 1; }
