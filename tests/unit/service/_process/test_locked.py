from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_while_other_threads_hold_the_locks_goes_on_working() -> None:
    program = textwrap.dedent(
        """
        import os, threading
        from ci_ops.service import (
            DB_CIRCUIT_BREAKER, RateLimiter, RetryBudget, abuse_detector, ddos_protection,
            error_recovery_service, graceful_degradation, per_user_rate_limiter,
        )
        bucket, budget = RateLimiter(), RetryBudget()
        limiter = per_user_rate_limiter.limiter
        owners = [
            DB_CIRCUIT_BREAKER.circuit, bucket, budget, abuse_detector, ddos_protection,
            error_recovery_service, graceful_degradation, limiter, limiter.store,
        ]
        held, done = threading.Event(), threading.Event()

        def hold():
            for owner in owners:
                owner._lock.acquire()
            held.set()
            done.wait()

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        held.wait()
        if os.fork() == 0:
            DB_CIRCUIT_BREAKER.call(int, "7")
            DB_CIRCUIT_BREAKER.trip()
            assert bucket.is_allowed() and per_user_rate_limiter.is_allowed(7)
            assert limiter.counts.refused == 0
            budget.record_failure()
            assert not abuse_detector.record_event(7, "x")
            assert ddos_protection.check_request("198.51.100.7")
            error_recovery_service.log_error("x", ValueError("y"))
            graceful_degradation.mark_degraded("x", "y")
            os._exit(23)
        _, status = os.wait()
        print(os.waitstatus_to_exitcode(status))
        done.set()
        """
    )
    words = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "23\n", done.stderr
