"""What `verify` may say, and that it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.condition import Condition
from tests.model.episode import Episode, Wanted, changes, wrong_code
from tests.model.expected import Model


def verify(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    now, current = episode.after.condition, model.current
    if episode.before.live != episode.after.live:
        yield f"verify changed {episode.before.live} -> {episode.after.live}"
    if not wanted.deployment_id:
        yield from wrong_code(
            episode, _codes(now, wanted.revision), f"{now}, asked for {wanted.revision[:7]}"
        )
        if episode.before.written != episode.after.written:
            yield "verify without a deployment's id wrote records"
        return
    named = model.releases.get(wanted.deployment_id)
    if named is None:
        yield from wrong_code(episode, {1, 2, 3, 4}, "nobody knows that deployment")
        yield from changes(episode)
    elif current is None or named.id != current.id or not model.is_clear(episode.before):
        if named.revision != now.revision:
            yield from wrong_code(episode, {1, 2, 3, 4}, "it is not what is live")
            yield from changes(episode) if model.is_clear(episode.before) else ()
    else:
        yield from wrong_code(episode, _codes(now, named.revision), f"{now}")


def _codes(now: Condition, revision: str) -> set[int]:
    if now.serves(revision):
        return {0}
    return {3} if now.is_mute and now.is_healthy else {1}
