#!/bin/bash
# State: tdigest 0.5.2.2 and pytdigest 0.1.4 beside fastdigest 0.12.0 and NumPy 2.4.6, CPython 3.11; 1,000 latencies: 950 of
#   10 ms and 50 of 5,000 ms, as with a timeout for one request in twenty.
# Guess, written down before: percentiles within one rank of the exact ones.
# Behaviour: equal values become one heavy centroid, and both libraries draw a line from its middle to the next one: the
#   median is 259.5 ms (exact: 10) and p90 4,251.5 ms (exact: 10). fastdigest, the same algorithm, says 10 and 10.
# Why it matters: latencies that are rounded to milliseconds, cached, or cut by a timeout have such heavy equal values. A
#   canary of which 95 % answer in 10 ms "has a median of a quarter of a second": a gate on p50 or p90 judges a latency
#   that no request had.
# Output seen: "tdigest: p50 259.5, p90 4251.5; pytdigest: p50 259.5, p90 4251.5; fastdigest: p50 10.0, p90 10.0; exact: p50 10.0, p90 10.0".
# Exits 0 while it is so, 1 when one of the figures changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check tdigest==0.5.2.2 pytdigest==0.1.4 fastdigest==0.12.0 numpy==2.4.6
seen=$("$box/venv/bin/python" - <<'P'
import fastdigest, numpy, pytdigest, tdigest

values = [10.0] * 950 + [5000.0] * 50
plain = tdigest.TDigest()
plain.batch_update(values)
by_numpy = pytdigest.TDigest.compute(numpy.array(values))
fast = fastdigest.TDigest.from_values(values)
figures = {
    "tdigest": (plain.percentile(50), plain.percentile(90)),
    "pytdigest": tuple(by_numpy.inverse_cdf([0.5, 0.9])),
    "fastdigest": (fast.quantile(0.5), fast.quantile(0.9)),
    "exact": tuple(numpy.percentile(values, [50, 90])),
}
print("; ".join(f"{name}: p50 {half:.1f}, p90 {ninety:.1f}" for name, (half, ninety) in figures.items()))
P
)
echo "$seen"
wrong="p50 259.5, p90 4251.5" right="p50 10.0, p90 10.0"
[ "$seen" = "tdigest: $wrong; pytdigest: $wrong; fastdigest: $right; exact: $right" ] || { echo "changed: see the figures above" >&2; exit 1; }
