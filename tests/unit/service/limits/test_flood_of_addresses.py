"""Twenty times as many addresses as are counted, of a single request each, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.unmeasured import without_coverage

FLOOD = """
import json, resource, sys
from ci_ops.service.limits.guard import DDoSProtection

def most_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

guard = DDoSProtection(threshold=1, max_ips=15_000, max_blocks=3_000)
before = most_bytes()
for _ in range(2):
    guard.check_request("2001:db8::1")
for number in range(300_000):
    guard.check_request(f"{number >> 16}.{number >> 8 & 255}.{number & 255}.7")
summary = guard.get_summary()
grown = most_bytes() - before
print(json.dumps({"grown": grown, "tracked": summary["tracked"], "blocked": guard.is_blocked("2001:db8::1")}))
"""
CACHES_BYTES = 4_000_000
"""What the caches of addresses that were read take, whatever the guard holds."""


def test_a_flood_of_addresses_stays_within_the_stated_memory_and_unblocks_nobody() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD], env=without_coverage(), capture_output=True, text=True, check=True
    )
    seen = json.loads(done.stdout)
    assert seen["grown"] <= (15_000 + 3_000) * 700 + CACHES_BYTES
    assert seen["tracked"] <= 15_000
    assert seen["blocked"]
