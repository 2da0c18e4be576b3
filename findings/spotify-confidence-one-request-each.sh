#!/bin/bash
# State: spotify-confidence 4.1.0, CPython 3.11; `ZTest(…).difference(…)` of failures per request, control against canary.
# Guess, written down before: no difference with equal rates, p = 1; too few requests are not significant.
# Behaviour: one request to each, of which the canary's failed: p-value 0.0, significant. The estimated variance of both
#   groups is 0, so any difference is infinitely many standard errors. No failure in 1,000 requests of both: p-value NaN,
#   not significant, no warning that the value is none.
# Why it matters: the first failed request of a canary is "significant at every level" and rolls back; and a comparison
#   `p < limit` or `p >= limit` is False with NaN, so one of the two spellings of a gate fails each healthy release.
# Output seen: "0 of 1 against 1 of 1: p 0.0, significant; 0 of 1000 against 0 of 1000: p nan, not significant".
# Exits 0 while it is so, 1 when one of the p-values changes.
set -euo pipefail
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
python3 -m venv "$box/venv"
"$box/venv/bin/pip" install --quiet --disable-pip-version-check spotify-confidence==4.1.0
seen=$("$box/venv/bin/python" -W ignore - <<'P'
import pandas, spotify_confidence

def compare(control, canary):
    rows = [("control", *control), ("canary", *canary)]
    frame = pandas.DataFrame(rows, columns=["release", "failed", "requests"])
    test = spotify_confidence.ZTest(
        frame, numerator_column="failed", numerator_sum_squares_column="failed", denominator_column="requests",
        categorical_group_columns="release",
    )
    row = test.difference(level_1="control", level_2="canary").iloc[0]
    verdict = "significant" if row["is_significant"] else "not significant"
    return f"{control[0]} of {control[1]} against {canary[0]} of {canary[1]}: p {float(row['p-value'])}, {verdict}"

print(compare((0, 1), (1, 1)), compare((0, 1000), (0, 1000)), sep="; ")
P
)
echo "$seen"
[ "$seen" = "0 of 1 against 1 of 1: p 0.0, significant; 0 of 1000 against 0 of 1000: p nan, not significant" ] ||
  { echo "changed: see the p-values above" >&2; exit 1; }
