"""Rate limits, abuse and floods.

Everything counted per key, everything bounded.

    gcra     the arithmetic: Quota, Decision
    table    a dictionary with a hard limit that forgets only what has rested
    store    buckets in this process; redis: buckets that processes share
    limiter  Limiter: quotas over a store, shadow mode, store-down policy
    buckets  RateLimiter and PerUserRateLimiter, the token buckets by name
    headers  RateLimit, RateLimit-Policy, Retry-After and the problem document
    client   whose request it is: the walk over trusted proxies, IPv6 /64
    abuse    AbuseDetector: users who do one thing too often
    guard    DDoSProtection: addresses that send too much, and blocks

Public names are in `ci_ops.service`.
"""
