#!/bin/bash
# State: pytest-benchmark 5.3.1, pytest 9.2.0, pytest-xdist 3.8.0, CPython 3.11; a saved run, and then the same benchmark,
#   many times slower, with `--benchmark-compare=0001 --benchmark-compare-fail=mean:5%`.
# Guess, written down before: a benchmark that the saved run does not have fails the comparison, or is warned of.
# Behaviour: it is compared with nothing, without a word, exit 0: after a renaming, or with a parameter added, a regression of
#   any size passes. With `-n 2` benchmarks are switched off, which is warned of, but `--benchmark-compare-fail` asks for
#   nothing more: exit 0, though nothing was compared. (No saved run at all is an error, exit 4.)
# Why it matters: the gate "no slower than the last release" is green for exactly the benchmarks that were touched, and for
#   all of them once somebody puts `-n` into `addopts`. Count the comparisons.
# Output seen: "same name: 1; renamed: 0; parameter: 0; -n 2: 0; nothing saved: 4".
# Exits 0 while it is so, 1 when one of the codes changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check pytest-benchmark==5.3.1 pytest==9.2.0 pytest-xdist==3.8.0
mkdir "$box/tests" && cd "$box/tests"
run() { local end=0; "$box/venv/bin/pytest" -q -p no:cacheprovider "$@" >>"$box/log" 2>&1 || end=$?; echo "$end"; }
compare() { run --benchmark-compare=0001 --benchmark-compare-fail=mean:5% "$@"; }
printf 'def test_sum(benchmark):\n    benchmark(lambda: sum(range(10)))\n' >test_speed.py
[ "$(run --benchmark-save=base)" = 0 ]
printf 'def test_sum(benchmark):\n    benchmark(lambda: sum(range(100000)))\n' >test_speed.py
same=$(compare)
workers=$(compare -n 2)
nothing=$(compare --benchmark-storage=elsewhere)
sed -i 's/test_sum/test_total/' test_speed.py
renamed=$(compare)
printf 'import pytest\n\n@pytest.mark.parametrize("n", [100000])\ndef test_sum(benchmark, n):\n    benchmark(lambda: sum(range(n)))\n' >test_speed.py
parameter=$(compare)
echo "same name: $same; renamed: $renamed; parameter: $parameter; -n 2: $workers; nothing saved: $nothing"
[ "$same $renamed $parameter $workers $nothing" = "1 0 0 0 4" ] || { echo "changed: see the codes above" >&2; exit 1; }
