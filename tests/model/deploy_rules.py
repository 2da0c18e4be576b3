"""How `deploy` may end, and what may be live then."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.condition import FATES
from tests.model.episode import Episode, Wanted, changes, wrong_code
from tests.model.expected import Model, Release


def deploy(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    """Contradictions between a deployment's end and the model."""
    current, before = model.current, episode.before.condition
    serves = before.serves(wanted.revision)
    is_asked_for = current is not None and current.revision == wanted.revision
    if episode.ran.reason == "unchanged" and not (is_asked_for and serves):
        yield "it said `unchanged`, but the service did not serve that revision well"
    may_stay = (
        is_asked_for and serves and not wanted.force and not model.cut and model.is_clear(episode.before)
    )
    if may_stay and current is not None and current.is_verified:
        yield from wrong_code(episode, {0}, "the revision is live, verified and healthy")
        if episode.ran.reason != "unchanged":
            yield f"reason {episode.ran.reason}, where the revision is live, verified and healthy"
        yield from changes(episode)
    elif _is_held(wanted, episode):
        yield from wrong_code(episode, {3}, f"{wanted.revision[:7]} {FATES[wanted.revision[0]].sentence}")
        yield from _is_live(model, wanted, episode, is_measured=False)
    elif _can_be_done(wanted, episode):
        yield from wrong_code(episode, {0}, f"{wanted.revision[:7]} {FATES[wanted.revision[0]].sentence}")
        yield from _is_live(model, wanted, episode)
    else:
        yield from _failed(model, wanted, episode)


def _is_held(wanted: Wanted, episode: Episode) -> bool:
    return (
        wanted.verify and episode.holds and wanted.revision[0] == "1" and wanted.revision not in episode.sick
    )


def _can_be_done(wanted: Wanted, episode: Episode) -> bool:
    letter = wanted.revision[0]
    if not wanted.verify:
        return letter not in "bd"
    return FATES[letter].is_good and wanted.revision not in episode.sick


def _is_live(model: Model, wanted: Wanted, episode: Episode, *, is_measured: bool = True) -> Iterator[str]:
    letter, now = wanted.revision[0], episode.after.condition
    if wanted.verify and is_measured and not now.serves(wanted.revision):
        yield f"exit {episode.ran.code}, but {now} instead of {wanted.revision[:7]}"
    if (
        model.has_folders
        and episode.ran.code in {0, 3}
        and episode.ran.record.get("id") != episode.after.link
    ):
        yield f"the report is about {episode.ran.record.get('id')}, but {episode.after.link} is live"
    if letter not in "cf" and now.revision != wanted.revision:
        yield f"{now.revision[:7] or 'nothing'} is served instead of {wanted.revision[:7]}"


def _failed(model: Model, wanted: Wanted, episode: Episode) -> Iterator[str]:
    why = f"{wanted.revision[:7]} {FATES[wanted.revision[0]].sentence}; {episode.after.condition}"
    backs = {model.live} | ({model.cut.live} if model.cut else set())
    if episode.after.link not in backs and model.has_folders:
        yield f"{episode.after.link or 'nothing'} is live after a deployment that failed; before it {sorted(backs)}"
    if model.cut or not model.is_clear(episode.before):
        yield from wrong_code(episode, {5, 6}, why)
    elif model.current is None:
        # For `command` the records say what was live where the service has never answered.
        had_one = bool(episode.after.condition.revision) or (not model.has_folders and bool(model.releases))
        yield from wrong_code(episode, {5, 6} if had_one else {5}, f"first deployment; {why}")
    else:
        yield from _restored(model.current, wanted, episode, why, is_local=model.has_folders)


def _restored(
    current: Release, wanted: Wanted, episode: Episode, why: str, *, is_local: bool
) -> Iterator[str]:
    """The release before serves again, and the exit code says whether it serves well."""
    after = episode.after.condition
    if after.revision != current.revision:
        yield f"{after.revision[:7] or 'nothing'} is served; before the deployment {current.revision[:7]} was"
    is_untouched = is_local and wanted.revision[0] == "b"
    allowed = {5} if is_untouched or after.serves(current.revision) else {6}
    if not wanted.verify and not is_untouched:
        allowed = {5, 6}
    yield from wrong_code(episode, allowed, why)
    if is_untouched and episode.ran.reason == "rolled-back":
        yield "reason rolled-back, although the deployment failed before it was live"
