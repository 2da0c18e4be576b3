"""The sinks of one command, and the deliveries of earlier commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ci_ops.channels._address import channel_at
from ci_ops.channels._dispatch import Notifier
from ci_ops.core.errors import UsageError
from ci_ops.core.event import Delivery, Outcome
from ci_ops.core.named import NamedChannel
from ci_ops.core.text.json_document import parse_json
from ci_ops.plugins import family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ci_ops.config.model import Config
    from ci_ops.core.event import Sink
    from ci_ops.core.ports.store import Store
    from ci_ops.core.ports.world import World

FILE = "deliveries.jsonl"
REMEMBERED = 200
"""Deliveries that are looked back on; one deployment makes a handful."""


def sinks_for(
    config: Config,
    world: World,
    store: Store,
    *,
    waits: Callable[[], Iterator[float]],
    to: tuple[str, ...] = (),
    dry_run: bool = False,
) -> tuple[Sink, ...]:
    """Return the configured channels, or those given by name or address; empty for none."""
    channels = list(config.notify.channels)
    known = {channel.name for channel in channels}
    addressed = [_addressed(each, number) for number, each in enumerate(to, 1) if each not in known]
    channels += addressed
    if not channels:
        return ()
    names = tuple(each for each in to if each in known) + tuple(each.name for each in addressed)
    notifier = Notifier(
        channels=channels,
        world=world,
        waits=waits,
        routes=config.notify.routes,
        to=names,
        deadline_seconds=config.notify.deadline,
        dry_run=dry_run,
        earlier=tuple(_earlier(store)),
    )
    return (notifier,)


def remember(store: Store, deliveries: tuple[Delivery, ...]) -> None:
    """Save successful deliveries, so that no later command repeats them."""
    arrived = [each for each in deliveries if each.outcome is Outcome.DELIVERED]
    lines = store.lines(FILE)
    for each in arrived:
        lines.append(json.dumps({"target": each.target, "event": each.event}))


def _addressed(address: str, number: int) -> NamedChannel:
    """Return a channel for an address that was given instead of a name."""
    channels = family("channels")
    plugin = channel_at(address, [channels.load(name) for name in channels.names()])
    if plugin is not None:
        name = plugin.plugin_name()
        return NamedChannel(name=name if number == 1 else f"{name}-{number}", plugin=plugin)
    raise UsageError(
        "an entry of `to` is neither a channel's name nor an address of a known kind",
        where="to",
        hint="Give the name of a channel in ci-ops.yml, a webhook's https address, or `console`.",
    )


def _earlier(store: Store) -> Iterator[Delivery]:
    for line in store.lines(FILE).read()[-REMEMBERED:]:
        try:
            document = parse_json(line)
            yield Delivery(target=document["target"], event=document["event"], outcome=Outcome.DELIVERED)
        except (KeyError, TypeError, ValueError):
            continue
