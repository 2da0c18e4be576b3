"""Configurations for tests: text in, Config or problems out, with the sample plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.config.document import read_bytes
from ci_ops.config.load import Loaded, Source, interpret

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLES = "tests.support.sampleplugins"


def loaded(
    text: str, env: Mapping[str, str] | None = None, *, file: str = "ci-ops.yml", **more: Any
) -> Loaded:
    """What the text says, and what is wrong with it."""
    source = Source(env=env or {}, root=SAMPLES, **more)
    return interpret(read_bytes(text.encode(), file=file), source)


def problems(text: str, env: Mapping[str, str] | None = None, **more: Any) -> list[str]:
    """Everything that is wrong, as people read it."""
    return [str(each) for each in loaded(text, env, **more).problems]


def probe(text: str, env: Mapping[str, str] | None = None) -> Any:
    """The sample check `probe` with this flow map as its settings."""
    found = loaded(f"verify: {{checks: {{probe: {text}}}}}", env)
    assert not found.problems, [str(each) for each in found.problems]
    return found.config.verify.checks[0].plugin
