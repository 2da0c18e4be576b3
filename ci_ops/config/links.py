"""Cross-references between parts of the configuration."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ci_ops.config.convert import one_of
from ci_ops.config.environments import is_meant
from ci_ops.config.safe_text import safe_word
from ci_ops.config.tree import Entry, Listing, Node, Place, Scalar, Table
from ci_ops.config.variables import fill
from ci_ops.core.environment import DEFAULT_ENVIRONMENT
from ci_ops.core.errors import Problem, UsageError
from ci_ops.core.event import EVENT_NAMES
from ci_ops.core.plugin import Check, Phase
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.plugins import Family

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ci_ops.config.model import Config

ALL = "all"
"""In a route's `to`: every channel."""

_RULE = re.compile(r"(?P<plugin>[a-z0-9-]+)/(?P<rule>[a-z0-9-]+|\*)")


def problems_of(
    tree: Table, *, env: Mapping[str, str], environments: Iterable[str], root: str
) -> Iterator[Problem]:
    """Return every cross-reference that does not resolve.

    It reads the tree, so that other problems do not hide these.
    """
    checks: Family[Check] = Family(f"{root}.checks")
    for phase in Phase:
        yield from _of_phase(phase, tree.get(phase, "checks"), checks)
    yield from _of_routes(tree, env, tuple(environments))
    yield from _of_ignore(tree.get("ignore"), checks)


def settled(config: Config, environments: Collection[str]) -> Config:
    """Return the configuration without disabled entries, with one spelling of the environment.

    A route that means this environment by another spelling names it as the caller does.
    `environments` are those that the file lists.
    """
    here, enabled = config.environment, config.enabled()
    live = {each.name for each in enabled.notify.channels} | {ALL}
    routes = tuple(
        replace(
            route,
            # A route stays even when nobody is left on it: without any route every channel hears everything.
            to=tuple(each for each in route.to if each in live),
            environments=tuple(
                here if is_meant(each, here, environments) else each for each in route.environments
            ),
        )
        for route in enabled.notify.routes
    )
    return replace(enabled, notify=replace(enabled.notify, routes=routes))


def _of_phase(phase: Phase, table: Node | None, checks: Family[Check]) -> Iterator[Problem]:
    for name, entry in _entries(table):
        kind = entry.node.get("type") if isinstance(entry.node, Table) else None
        word = kind.text if isinstance(kind, Scalar) else name
        if word in checks.names() and phase not in (phases := checks.load(word).phases):
            right = one_of(f"`{each}.checks`" for each in sorted(phases))
            yield _problem(
                entry.place, f"{phase}.checks.{safe_word(name)}", f"this check belongs under {right}"
            )


def _of_routes(tree: Table, env: Mapping[str, str], environments: tuple[str, ...]) -> Iterator[Problem]:
    channels = {name: entry.place for name, entry in _entries(tree.get("notify", "channels"))}
    if ALL in channels:
        sentence = "`all` stands for every channel; choose another name"
        yield _problem(channels[ALL], f"notify.channels.{ALL}", sentence)
    for index, route in enumerate(_nodes(tree.get("notify", "routes"))):
        for key in ("to", "events", "environments"):
            for number, node in enumerate(_nodes(route.get(key) if isinstance(route, Table) else None)):
                text = _text(node, env)
                sentence = _about_item(key, text, tuple(channels), environments) if text else ""
                if sentence:
                    yield _problem(node.place, f"notify.routes[{index}].{key}[{number}]", sentence)


def _about_item(key: str, text: str, channels: tuple[str, ...], environments: tuple[str, ...]) -> str:
    """Return the problem with one word of a route; empty for none."""
    if key == "to":
        is_known = text in {*channels, ALL}
        return "" if is_known else f"there is no channel of that name{did_you_mean(text, channels)}"
    if key == "events":
        is_known = any(fnmatchcase(each, text) for each in EVENT_NAMES)
        return "" if is_known else f"there is no event of that name{did_you_mean(text, EVENT_NAMES)}"
    is_known = not environments or any(
        is_meant(text, each, environments) for each in (*environments, DEFAULT_ENVIRONMENT)
    )
    return "" if is_known else f"there is no environment of that name{did_you_mean(text, environments)}"


def _of_ignore(table: Node | None, checks: Family[Check]) -> Iterator[Problem]:
    for key, entry in _entries(table):
        sentence = _about_rule(key, checks)
        if sentence:
            yield _problem(entry.place, f"ignore.{safe_word(key)}", sentence)


def _entries(node: Node | None) -> Iterable[tuple[str, Entry]]:
    return node.entries.items() if isinstance(node, Table) else ()


def _nodes(node: Node | None) -> tuple[Node, ...]:
    return node.nodes if isinstance(node, Listing) else ()


def _text(node: Node, env: Mapping[str, str]) -> str:
    """Return the text with its variables filled in; empty if the reader has already reported it."""
    if not isinstance(node, Scalar):
        return ""
    if node.is_typed_in:
        return node.text
    filled = fill(node.text, env)
    return "" if filled.missing or filled.mistakes else filled.text


def _about_rule(key: str, checks: Family[Check]) -> str:
    """Return the problem with the name of a rule; empty for none."""
    found = _RULE.fullmatch(key)
    if found is None:
        return "a rule is written <check>/<rule> or <check>/*, such as env-vars/missing"
    try:
        rules = checks.load(found["plugin"]).rules
    except UsageError as error:
        return error.what
    if found["rule"] == "*" or found["rule"] in rules:
        return ""
    return f"the check {found['plugin']} has no such rule{did_you_mean(found['rule'], rules)}"


def _problem(place: Place, path: str, sentence: str) -> Problem:
    return Problem(sentence, path=path, location=str(place))
