"""Warnings about a valid configuration that probably does not do what is intended.

A doubt is a warning: the file itself is right, and a script may be made by an earlier step.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.config.leaves import leaves
from ci_ops.config.model import Config
from ci_ops.config.pull_requests import doubts_of_pull_requests
from ci_ops.config.scripts import missing_script
from ci_ops.config.shapes import One, record_of
from ci_ops.core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.config.leaves import Leaf
    from ci_ops.config.load import Loaded

_RESERVED = re.compile(
    r"(?i)(?:^|[/@.])(?P<name>example\.(?:com|org|net)|[a-z0-9-]+\.(?:example|invalid|test))(?=[:/?#\s\"']|$)"
)
"""Source: RFC 2606 and RFC 6761, names that are reserved for documentation."""


def doubts(loaded: Loaded, folder: Path, root: str = "ci_ops") -> Iterator[Problem]:
    """Yield warnings: missing scripts, documentation addresses, secrets that pull requests lack."""
    for leaf in leaves(record_of(Config), loaded.tree, root):
        sentence = _about(leaf, folder)
        if sentence:
            yield Problem(sentence, path=leaf.path, location=str(leaf.scalar.place))
    yield from doubts_of_pull_requests(loaded.config, folder)


def _about(leaf: Leaf, folder: Path) -> str:
    if leaf.shape == One("shell"):
        script = missing_script(leaf.scalar.text, folder)
        return f"the script {script} does not exist in this checkout" if script else ""
    found = _RESERVED.search(leaf.scalar.text) if leaf.shape in {One("text"), One("secret")} else None
    return f"{found['name'].lower()} is a name for documentation that no service has" if found else ""
