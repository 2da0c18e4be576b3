"""Rate limits, abuse detection and flood protection; everything counted per key and bounded.

    gcra     the arithmetic: Quota, Decision
    table    a bounded dictionary that drops idle entries only
    store    buckets in this process; redis: buckets that processes share
    limiter  Limiter: quotas over a store, shadow mode, store-down policy
    buckets  RateLimiter and PerUserRateLimiter, the documented token buckets
    headers  RateLimit, RateLimit-Policy, Retry-After and the problem document
    client   the client of a request: the walk over trusted proxies, IPv6 /64
    abuse    AbuseDetector: users who repeat one event too often
    probe    ProbeKey: signed requests of a verification, which no limit counts
    guard    DDoSProtection: addresses that send too much, and blocks

Public names are in `ci_ops.service`.
"""
