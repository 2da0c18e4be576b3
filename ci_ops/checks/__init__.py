"""Checks: each module measures one thing and yields its results.

A check's dataclass fields are its configuration. `run` measures once and yields Results; it never
waits for better ones, never raises for what it measured, and sets `transient` when a retry may
help. Order, retries, threads, deadlines and crashes are handled once, in `_run.py`. Code that HTTP
checks share is in `_http/`, with `HttpCheck` as their base; a check with modules of its own is a
package. CONTRIBUTING.md adds one step by step; `tests/contract/test_checks_family.py` holds it to
the rules of all.
"""
