"""Targets: deployment methods as steps that can be undone.

A target is a frozen dataclass over `ci_ops.core.plugin.Target`; its fields are
its configuration. It yields steps and receives each result; it runs nothing.

CONTRIBUTING.md adds one step by step; `tests/contract/test_targets_family.py` holds it to the rules of all.
"""
