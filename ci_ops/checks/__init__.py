"""Checks: each module looks at one thing and says what it found out.

A check's dataclass fields are its configuration. `run` looks once and yields
Results; it never waits for better ones, never raises for what it measured, and
sets `transient` where asking again may help. Order, repeating, threads, time
and crashes are done once, in `_run.py`. What HTTP checks share is in `_http/`,
with `HttpCheck` as their base; a check with modules of its own is a package.

CONTRIBUTING.md adds one step by step; `tests/contract/test_checks_family.py` holds it to the rules of all.
"""
