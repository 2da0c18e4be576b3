"""Configurations for tests: text in, Config or problems out, with the sample plugins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from ci_ops.config.document import read_bytes
from ci_ops.config.load import Loaded, Source, interpret
from ci_ops.config.tree import Listing, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parents[1] / "data" / "config"
EXAMPLE = DATA / "example.yml"
"""The example of the documentation."""
ENV = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/abcdefgh"}
"""What the example needs."""
unhurried = settings(deadline=None)
"""For examples whose first one imports a module: a slow machine proves nothing."""
SAMPLES = "tests.support.sampleplugins"


def plain(node: Node) -> Any:
    """The tree without its places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [plain(each) for each in node.nodes]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


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


WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=9).filter(
    lambda text: "${" not in text
)
KEYS = WORDS.filter(lambda text: bool(text) and not any(each.isspace() for each in text.replace(" ", "")))
"""A space other than the plain one is refused in a key: readers could not tell it apart."""
ADDRESSES = WORDS.map(lambda text: f"https://shop.example.com/{text}".replace(" ", ""))
PROBES = st.fixed_dictionaries(
    {},
    optional={
        "text": WORDS,
        "count": st.integers(1, 10**9),
        "ratio": st.floats(-1e9, 1e9),
        "deep": st.booleans(),
        "wait": st.sampled_from(["500ms", "1h30m", 3, 2.5]),
        "token": WORDS.filter(bool),
        "tags": st.lists(WORDS, max_size=3),
        "headers": st.dictionaries(KEYS, WORDS, max_size=3),
        "limits": st.fixed_dictionaries({}, optional={"warn": st.just("1s"), "fail": st.just(9)}),
        "expected": st.none() | st.booleans() | WORDS | st.lists(st.integers() | WORDS, max_size=3),
        "day": st.just("2027-01-31"),
        "status": st.just(204) | st.lists(st.integers(100, 599), max_size=3),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1),
        "service": WORDS,
        "readiness": st.fixed_dictionaries({"checks": st.fixed_dictionaries({"probe": PROBES})}),
        "verify": st.fixed_dictionaries(
            {"checks": st.dictionaries(st.sampled_from(["probe"]), PROBES)}, optional={"url": ADDRESSES}
        ),
        "environments": st.just({"staging": {"service": "s"}}),
    },
)
"""Small documents that are valid with the sample plugins."""
