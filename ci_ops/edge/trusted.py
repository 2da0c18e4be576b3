"""Files of ours in folders that a checkout or another user may have filled.

No link is followed, and nothing is obeyed that somebody else could have written.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o664, 0o775
"""Never writable by every user, whatever the umask of a container says."""

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY: int = getattr(os, "O_BINARY", 0)
"""Windows alone: line ends are written as they are."""


class Untrusted(OSError):
    """A file or folder that this user did not write; `strerror` says what it is."""

    def __init__(self, sentence: str) -> None:
        super().__init__(errno.EPERM, sentence)


def open_own(path: Path, how: int) -> int:
    """Open a regular file of ours and return its descriptor. Raises Untrusted, OSError."""
    try:
        descriptor = os.open(path, how | _NO_FOLLOW | _BINARY, FILE_MODE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise Untrusted("it is a link, and links are not followed here") from None
        if error.errno == errno.ENXIO:
            raise Untrusted("it is no regular file") from None
        raise
    try:
        _check_file(os.fstat(descriptor), path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_own(path: Path) -> bytes:
    """Return the content of a file of ours. Raises Untrusted, OSError."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read()


def check_folder(folder: Path, root: Path) -> None:
    """Raise Untrusted unless the folder and its parents up to the root are ours.

    A missing folder passes. The root's own parent is not checked: its owner decides what is in it.
    """
    above = [each for each in folder.parents if each == root or root in each.parents]
    for each in (*reversed(above), folder):
        try:
            state = each.lstat()
        except FileNotFoundError:
            return
        if stat.S_ISLNK(state.st_mode):
            raise Untrusted(f"{each} is a link, and links are not followed here")
        if not stat.S_ISDIR(state.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        _check_writer(state, each.parent)


def _check_file(state: os.stat_result, folder: Path) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise Untrusted("it is no regular file")
    _check_writer(state, folder)


def _check_writer(state: os.stat_result, folder: Path) -> None:
    """Raise Untrusted unless the writer is this user, root, the folder's owner or its shared group."""
    if not hasattr(os, "geteuid"):
        return
    if state.st_mode & stat.S_IWOTH and not state.st_mode & stat.S_ISVTX:
        raise Untrusted("every user may write to it (chmod o-w)")
    around = folder.stat()
    is_shared = bool(around.st_mode & stat.S_IWGRP) and state.st_gid == around.st_gid
    if state.st_uid not in {os.geteuid(), 0, around.st_uid} and not is_shared:
        raise Untrusted(f"it belongs to another user (number {state.st_uid})")
