"""Targets: where a release goes, as steps that can be undone.

A target is a frozen dataclass over `ci_ops.core.plugin.Target`; its fields are
its configuration. It yields steps and receives each result; it runs nothing.

To add one: copy `command.py`, name file and class after the target, and add
`tests/unit/targets/test_<name>.py`. The contract tests find it by its folder.
"""
