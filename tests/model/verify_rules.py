"""Allowed outcomes of `verify`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.condition import Condition
from tests.model.episode import Call, Episode, unexpected_changes, unexpected_code
from tests.model.expected import Model


def verify(model: Model, call: Call, episode: Episode) -> Iterator[str]:
    """Yield what contradicts the model in the outcome of a verification; the service must not change."""
    now, current = episode.after.condition, model.current
    if episode.before.live != episode.after.live:
        yield f"verify changed {episode.before.live} -> {episode.after.live}"
    if not call.deployment_id:
        yield from unexpected_code(
            episode, _codes(now, call.revision), f"{now}, expected revision {call.revision[:7]}"
        )
        if episode.before.written != episode.after.written:
            yield "verify without a deployment's id wrote records"
        return
    named = model.releases.get(call.deployment_id)
    if named is None:
        yield from unexpected_code(episode, {1, 2, 3, 4}, "that deployment is not recorded")
        yield from unexpected_changes(episode)
    elif current is None or named.id != current.id or not model.is_consistent(episode.before):
        if named.revision != now.revision:
            yield from unexpected_code(episode, {1, 2, 3, 4}, "that deployment is not live")
            yield from unexpected_changes(episode) if model.is_consistent(episode.before) else ()
    else:
        # An undo that failed leaves it unknown what is live: then a refusal is allowed where nothing answers.
        refusal = {4} if model.interruption and not now.is_up else set()
        yield from unexpected_code(episode, _codes(now, named.revision) | refusal, f"{now}")


def _codes(now: Condition, revision: str) -> set[int]:
    """Return the exit codes of a verification that expects that revision."""
    if now.serves(revision):
        return {0}
    return {3} if now.hides_commit and now.is_healthy else {1}
