"""Ready-made health checks: each module has functions that return a check.

    health.add(database_check(url))
    health.add(queue_depth_check(outbox.qsize, warn_at=100), name="outbox", required=False)

A check brings its name and rules along; what is given to `add` wins. Drivers
are imported when a check is made, never before.
"""
