#!/bin/bash
# State: junitparser 5.0.3, CPython 3.11; a JUnit report whose suite counts an error that no test case has: the suite did not
#   come to its tests.
# Guess, written down before: `junitparser verify` ends with a code other than 0, and `junitparser merge` keeps the totals.
# Behaviour: `verify` reads the test cases alone and ends with 0; `merge` counts them anew and writes errors="0". A pattern
#   that matches no file (`verify --glob`) ends with 0, too.
# Why it matters: a matrix's reports are merged and verified in the last job; the leg whose suite did not start, and the legs
#   that left no report at all, are green. Count the reports and the tests against what was expected.
# Output seen: "verify: 0; merged: errors=0 of 1; a failed test: 1; no file: 0".
# Exits 0 while it is so, 1 when one of them changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check junitparser==5.0.3
cd "$box"
cat >suite.xml <<'P'
<testsuites tests="1" failures="0" errors="1">
  <testsuite name="unit" tests="1" failures="0" errors="0"><testcase name="test_page" classname="unit"/></testsuite>
  <testsuite name="database" tests="0" failures="0" errors="1"><system-err>no database</system-err></testsuite>
</testsuites>
P
cat >test.xml <<'P'
<testsuites><testsuite name="unit" tests="1" failures="1"><testcase name="test_page"><failure/></testcase></testsuite></testsuites>
P
verify() { local end=0; venv/bin/junitparser verify "$@" >>log 2>&1 || end=$?; echo "$end"; }
suite=$(verify suite.xml) failed=$(verify test.xml) nothing=$(verify --glob 'reports/*.xml')
venv/bin/junitparser merge suite.xml merged.xml
errors=$(python3 -c 'import xml.etree.ElementTree as tree; print(sum(int(s.get("errors")) for s in tree.parse("merged.xml").iter("testsuite")))')
echo "verify: $suite; merged: errors=$errors of 1; a failed test: $failed; no file: $nothing"
[ "$suite $errors $failed $nothing" = "0 0 1 0" ] || { echo "changed: see the line above" >&2; exit 1; }
