"""The state of a session: the folder for reports, and the site of an environment."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.delivery.ledger import JsonLinesLedger
from ci_ops.core.environment import environment_key
from ci_ops.core.errors import UsageError
from ci_ops.core.plugin import StatePlace
from ci_ops.edge.trusted import FOLDER_MODE, Untrusted, check_folder, open_own
from ci_ops.flows._job import Site
from ci_ops.flows._owner import require_owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.config.model import Config
    from ci_ops.core.delivery.ledger import Ledger
    from ci_ops.core.git import Git
    from ci_ops.core.ports.world import World
    from ci_ops.core.traits import Traits
    from ci_ops.session.configured import Configured

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
STATE_IGNORE = b"*\n"
"""A .gitignore for the state folder: nothing in it is to be committed."""


def state_folder(folder: Path, *, git: Git, traits: Traits, note: Callable[[str], None]) -> Path:
    """Return the folder for reports and state, created if missing. Raises UsageError.

    Content of the checkout is not trusted: a folder with links or with files that git tracks is
    refused. A read-only command may run where its state cannot be stored: it then uses a temporary
    folder, and says so.
    """
    try:
        _make_ours(folder, git)
    except OSError as error:
        if error.errno in _NOT_WRITABLE and not traits.changes:
            import tempfile  # noqa: PLC0415 - needed only here

            elsewhere = Path(tempfile.mkdtemp(prefix="ci-ops-"))
            note(f"{folder} is not used ({error.strerror}); reports and state go to {elsewhere}.")
            return elsewhere
        raise UsageError(
            f"the folder for reports and state cannot be used: {error.strerror}",
            where=str(folder),
            hint="Move away what is in its place, or let this user write to the project's folder.",
        ) from error
    return folder


def _make_ours(folder: Path, git: Git) -> None:
    """Create the folder and its .gitignore. Raises OSError, Untrusted."""
    check_folder(folder, folder)
    ignore = folder / ".gitignore"
    if ignore.is_symlink():
        raise Untrusted("its .gitignore is a link, and links are not followed here")
    if folder.is_relative_to(git.folder) and folder.is_dir() and git.tracks(folder):
        raise Untrusted(
            f"git tracks files in it, so it came with the checkout; remove them: git rm -r --cached {folder.name}"
        )
    if not ignore.is_file():
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        os.write(descriptor := open_own(ignore, os.O_WRONLY | os.O_CREAT), STATE_IGNORE)
        os.close(descriptor)


def open_site(
    read: Configured,
    world: World,
    folder: Path,
    *,
    traits: Traits,
    remote: Ledger | None,
    unread: str,
    note: Callable[[str], None],
) -> Site:
    """Return the site of a service in its environment, beside the releases where they are here.

    Where the file names the service, releases of another one are refused; a name that comes from the folder or
    the repository differs from one caller to the next. Raises UsageError.

    `unread` says why there may be records elsewhere; it does not hold beside the releases, nor with a remote.
    """
    config = read.config
    beside = _beside_releases(config, world, traits)
    lasts = beside is not None
    own = folder / environment_key(config.service) / environment_key(config.environment)
    state, root = (beside, None) if beside else (StatePlace(directory=own), folder)
    place = world.at(state.place)
    store, lease = place.store(state.directory, root), place.lease(state.directory, root)
    owner = config.service if beside is not None and read.names_service else ""
    if owner:
        require_owner(store, owner, state.directory)
    local = JsonLinesLedger(store, note=note)
    if remote is None:
        return Site(store=store, ledger=local, lease=lease, owner=owner, unread="" if lasts else unread)
    from ci_ops.core.delivery.ledger_pair import LedgerPair  # noqa: PLC0415 - most jobs have one ledger

    pair = LedgerPair(
        local,
        remote,
        remote_name="GitHub",
        local_lasts=lasts,
        note=note,
        is_strict=traits.answers_from_ledger,
    )
    return Site(store=store, ledger=pair, lease=lease, owner=owner)


def _beside_releases(config: Config, world: World, traits: Traits) -> StatePlace | None:
    """Return where the target stores its state; None if it stores none, or none can be read."""
    target = config.deploy.target
    state = target.plugin.state_place() if target else None
    is_used = state is not None and (traits.changes or world.at(state.place).has_folder(state.directory))
    return state if is_used else None
