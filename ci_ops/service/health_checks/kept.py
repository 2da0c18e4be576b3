"""Checks on a connection of their own, opened once per process and replaced when it is lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.health_checks.built_in import built_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.service.health.model import Answer, Check


def kept_check(name: str, connect: Callable[[], Any], ask: Callable[[Any], Answer], **options: Any) -> Check:
    """Return a check on a persistent connection: none per probe, and none from a busy pool."""
    kept = KeptConnection(connect, ask)

    def check() -> Answer:
        return kept.answer()

    return built_in(check, name, close=kept.drop, **options)


class KeptConnection:
    """A persistent connection, used by one run of a check at a time."""

    def __init__(self, connect: Callable[[], Any], ask: Callable[[Any], Answer]) -> None:
        self._connect = connect
        self._ask = ask
        self._kept: Any = None
        tell_after_fork(self)

    def answer(self) -> Answer:
        """Return the connection's answer; a new connection replaces a lost one."""
        if self._kept is not None:
            try:
                return self._ask(self._kept)
            except Exception:  # noqa: BLE001 - lost since last time; a new one tells whether the database is up
                self.drop()
        self._kept = self._connect()
        try:
            return self._ask(self._kept)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Close the connection; the next request opens a new one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(Exception):
                kept.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent process."""
        self._parents, self._kept = self._kept, None  # held on to, so that nothing closes it here
