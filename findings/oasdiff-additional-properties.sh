#!/bin/bash
# State: oasdiff 1.37.0, built by Go; `oasdiff breaking --fail-on ERR` on OpenAPI 3.1 documents as FastAPI writes them.
# Guess, written down before: a request body that begins to refuse unknown fields (Pydantic's `extra="forbid"`, in the document
#   `additionalProperties: false`) is breaking, as a smaller `maxLength` is.
# Behaviour: "No breaking changes to report", exit 0: clients that send one field more, and got 200, get 422 from then on.
#   Changes of other kinds are found, exit 1: a smaller maxLength, or the values of a map that turn into strings.
# Why it matters: the gate before a deployment passes the one line of a model that makes old callers fail.
# Output seen: "refuses unknown fields: 0; values of a map: 1; smaller maxLength: 1".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
GOBIN="$box" go install github.com/oasdiff/oasdiff@v1.37.0
cd "$box"
python3 - <<'P'
import json

def write(name, *, longest=100, value="integer", **more):
    sent = {"type": "object", "properties": {"note": {"type": "string", "maxLength": longest}}, **more}
    answer = {"type": "object", "additionalProperties": {"type": value}}
    post = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": sent}}},
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}},
    }
    document = {"openapi": "3.1.0", "info": {"title": "shop", "version": "1"}, "paths": {"/orders": {"post": post}}}
    with open(f"{name}.json", "w") as file:
        json.dump(document, file)

write("base")
write("closed", additionalProperties=False)
write("map", value="string")
write("short", longest=10)
P
code() { local end=0; ./oasdiff breaking base.json "$1.json" --fail-on ERR >>log 2>&1 || end=$?; echo "$end"; }
closed=$(code closed) map=$(code map) short=$(code short)
echo "refuses unknown fields: $closed; values of a map: $map; smaller maxLength: $short"
[ "$closed $map $short" = "0 1 1" ] || { echo "changed: see the codes above" >&2; cat log >&2; exit 1; }
