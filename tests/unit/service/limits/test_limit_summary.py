from __future__ import annotations

import json

from ci_ops.service.limits.abuse import AbuseDetector
from ci_ops.service.limits.gcra import Quota
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.summary import security_status


def test_flags_blocks_and_counts_are_told_together() -> None:
    detector, guard, limiter = AbuseDetector(), DDoSProtection(), Limiter(Quota(limit=1))
    detector.flag_user(7, "chargebacks")
    guard.block_ip("198.51.100.7")
    limiter.hit("a")
    limiter.hit("a")
    status = security_status(detector, guard, {"login": limiter})
    assert json.loads(json.dumps(status)) == status
    assert status["abuse"]["flagged"] == status["ddos"]["blocked"] == 1
    assert status["limits"] == {"login": {"refused": 1, "shadowed": 0, "store_down": 0}}


def test_without_anything_given_the_ready_made_ones_tell() -> None:
    assert security_status()["limits"] == {}
