"""Where `rollback` may go, and when it may refuse."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.episode import Episode, Wanted, changes, wrong_code
from tests.model.expected import Model

UNCHANGED_CODES = {0, 2, 3, 4}


def rollback(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    if wanted.to:
        yield from _rollback_to(model, wanted, episode)
    elif wanted.deployment_id:
        yield from _rollback_of(model, wanted, episode)
    elif wanted.is_done_before is not False and episode.ran.reason == "unchanged":
        if model.current is None or not episode.after.condition.serves(model.current.revision):
            yield f"reason unchanged, but {episode.after.condition}"
        yield from changes(episode)
    elif wanted.is_done_before and not episode.is_disturbed and _stands(model, episode):
        yield f"reason {episode.ran.reason}, although this job's rollback to {model.live} was proven and stands"
    else:
        yield from _go(model, episode, *_ways(model, wanted, episode))


def _stands(model: Model, episode: Episode) -> bool:
    """Return True when the release that is live serves well, and no run was cut off since."""
    current = model.current
    return current is not None and model.cut is None and episode.before.condition.serves(current.revision)


def _ways(model: Model, wanted: Wanted, episode: Episode) -> tuple[frozenset[str], bool]:
    """Where a rollback may go, and whether it may refuse."""
    ways = model.rollback_target(episode.before)
    may_refuse = not model.must_have_way_back(episode.before)
    current = model.current
    if not model.is_clear(episode.before):
        started = [
            each.id for each in model.releases.values() if each.revision == episode.before.condition.revision
        ]
        for each in started:
            ways |= model.rollback_target(episode.before, each)
        may_refuse = True
    if (
        current is not None
        and current.is_verified is not True
        and (wanted.is_same_job or wanted.deployment_id)
    ):
        ways |= {current.before}
    if model.cut is not None and model.cut.command == "rollback":
        is_open = not model.cut.is_reported
        ways |= model.cut.way_back
        may_refuse = (
            not any(each and model.releases[each].is_verified for each in ways) if is_open else may_refuse
        )
    elif model.cut is not None:
        # From outside it cannot be seen whether the run had begun: then its undo ends where it began.
        ways |= model.cut.way_back | {model.cut.live}
        may_refuse = may_refuse and episode.before.live == model.cut.truth
    return ways, may_refuse


def _go(model: Model, episode: Episode, ways: frozenset[str], may_refuse: bool) -> Iterator[str]:
    if episode.ran.code in {2, 3, 4} and (may_refuse or not ways):
        return  # that nothing was changed then is a statement of its own
    names = sorted(ways) or "nowhere"
    if not ways:
        yield f"exit {episode.ran.code} ({episode.ran.reason}), expected a refusal: there is nowhere to go"
        return
    at = _reached(model, episode, ways)
    if at is None:
        yield f"{episode.after.live} is live after a rollback from {model.live}; it may go to {names}"
        yield from wrong_code(episode, {0, 5, 6}, f"it may go to {names}")
        return
    revision = model.releases[at].revision if at else ""
    is_good = episode.after.condition.serves(revision) if at else True
    yield from wrong_code(episode, {0} if is_good else {6}, f"it went to {at}; {episode.after.condition}")
    yield from _left(model, at, episode)


def _reached(model: Model, episode: Episode, ways: frozenset[str]) -> str | None:
    if model.has_folders:
        return episode.after.link if episode.after.link in ways else None
    served = episode.after.condition.revision
    same = [each for each in sorted(ways) if (model.releases[each].revision if each else "") == served]
    return same[-1] if same else None


def _left(model: Model, at: str, episode: Episode) -> Iterator[str]:
    """Every record of a release that was left says so."""
    if episode.ran.code != 0 or episode.is_disturbed or model.live in {at, ""}:
        return
    for record in episode.after.records:
        if record.release == model.live and record.state == "verified":
            yield f"{record.id} is still `verified`, although its release {model.live} was left"


def _rollback_to(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    named = [
        each for each in model.named(wanted.to) if not model.has_folders or each.id in episode.before.folders
    ]
    if not named:
        yield from wrong_code(episode, {2, 4}, f"there is no release {wanted.to} to go to")
        yield from changes(episode) if not model.cut else ()
        return
    ways = frozenset(each.id for each in named)
    may_refuse = model.live in ways or not any(each.is_verified for each in named) or len(named) > 1
    if episode.ran.code == 0 and model.live in ways and episode.before.live == episode.after.live:
        if not episode.after.condition.serves(model.releases[model.live].revision):
            yield f"exit 0, but {episode.after.condition}"
        return
    yield from _go(model, episode, ways, may_refuse)


def _rollback_of(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    current, named = model.current, model.releases.get(wanted.deployment_id)
    if named is None:
        yield from wrong_code(episode, {2, 3, 4}, "nobody knows that deployment")
        yield from changes(episode)
        return
    is_cut = model.cut is not None and named.revision in {"", model.cut.revision}
    if named is not current and not is_cut:
        yield from wrong_code(episode, UNCHANGED_CODES, "it is not what is live")
        yield from changes(episode)
        return
    ways, may_refuse = _ways(model, wanted, episode)
    may_refuse |= named is not current  # the run that deployed it was cut off, perhaps before it began
    if current is not None and current.is_verified:
        ways |= {current.before}
        may_refuse = True
    if episode.ran.reason == "unchanged":
        if episode.before.live != episode.after.live:
            yield f"reason unchanged: {episode.before.live} -> {episode.after.live}"
        return
    yield from _go(model, episode, ways, may_refuse)
