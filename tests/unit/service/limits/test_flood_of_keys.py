"""A million keys that are never seen again, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.unmeasured import without_coverage

FLOOD = """
import json, resource, sys
from ci_ops.service.limits.gcra import Quota
from ci_ops.service.limits.store import MemoryStore

def most_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

quota, key = Quota(limit=1, window_seconds=3600), "2001:0db8:85a3:0000:0000:8a2e:%09x:ffff:ffff"
before = most_bytes()
store = MemoryStore(max_keys=100_000)
first = [store.spend_one(quota, key % number).allowed for number in range(1000)]
for number in range(1000, 1_000_000):
    store.spend_one(quota, key % number)
again = [store.spend_one(quota, key % number).allowed for number in range(1000)]
grown = most_bytes() - before
print(json.dumps({"grown": grown, "held": len(store), "first": all(first), "again": any(again)}))
"""


def test_a_million_keys_stay_within_the_stated_memory_and_free_nobody_of_a_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], env=without_coverage(), capture_output=True, text=True, check=True
    )
    seen = json.loads(done.stdout)
    assert seen["grown"] <= 100_000 * 400 + 160_000
    assert seen["held"] == 100_000
    assert seen["first"]
    assert not seen["again"]
