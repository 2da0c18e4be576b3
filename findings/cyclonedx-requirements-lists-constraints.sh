#!/bin/bash
# State: cyclonedx-bom 7.5.0 (`cyclonedx-py requirements`), CPython 3.11; a requirements file with `-c constraints.txt`, a
#   marker that does not hold here, and a wildcard pin.
# Guess, written down before: constraints are not listed; markers are ignored (right); what is not pinned has no version.
# Behaviour: every line of the constraints file is a component with version and purl, although nothing asks for the package
#   (pip installs none of them by that); the package that both files name is there twice, once without a version. A
#   requirement for another Python is a component without a note. `flask==3.*` has the *version* "3.*" and the purl
#   pkg:pypi/flask@3.%2A, without the warning "no pinned version" that other unpinned requirements get.
# Why it matters: a scanner reports holes in packages that are not installed, and matches no advisory for "3.*": green. Make
#   the SBOM from the environment that is shipped (`cyclonedx-py environment`), not from the wish.
# Output seen: "click, django 5.2.19, flask 3.*, urllib3 1.26.0, click 8.1.0; warnings: click".
# Exits 0 while it is so, 1 when the list changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
cd "$box"
printf -- '-c constraints.txt\nclick\nflask==3.*\ndjango==5.2.19 ; python_version < "3.0"\n' >requirements.txt
printf 'urllib3==1.26.0\nclick==8.1.0\n' >constraints.txt
venv/bin/cyclonedx-py requirements requirements.txt --output-file sbom.json 2>warnings
seen=$(python3 - <<'P'
import json, re
order = ["click", "django 5.2.19", "flask 3.*", "urllib3 1.26.0", "click 8.1.0"]
listed = [" ".join(filter(None, (c["name"], c.get("version")))) for c in json.load(open("sbom.json"))["components"]]
listed.sort(key=lambda each: order.index(each) if each in order else len(order))
warned = re.findall(r"no pinned version.*?name=(\w+)", open("warnings").read())
print(", ".join(listed) + "; warnings: " + ", ".join(warned))
P
)
echo "$seen"
[ "$seen" = "click, django 5.2.19, flask 3.*, urllib3 1.26.0, click 8.1.0; warnings: click" ] || { echo "changed: see the list above" >&2; exit 1; }
