"""Drain on SIGTERM: first out of the rotation, then the shutdown.

Servers close their socket within a tenth of a second of SIGTERM and notify the
application last, so a router that probes every few seconds sends requests into
a closed socket. Here the signal is held back: readiness is refused, requests
are served for a while longer, and only then does the server get its signal.

It works where the server has set its handler with `signal.signal` before this
is installed: uvicorn (alone, with workers, as gunicorn's worker) and gunicorn's
sync and gthread workers. gunicorn's asgi worker is known by its hook, and
hypercorn is given `shutdown_trigger`. Elsewhere there is the drain file.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from ci_ops.service._process.forks import tell_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("ci_ops.service.lifecycle.application")

ON_ITS_LOOP = (
    "this server takes SIGTERM on its event loop; for gunicorn post_worker_init in ci_ops.service.gunicorn_hooks "
    "changes that, for any other there is the drain file"
)

ACCEPTED_SECONDS = 0.5
"""In which a connection that was accepted sends its request."""


class SignalDrain:
    """Holds SIGTERM back between `begin` and the server's own handler.

    `begin` runs at once and returns for how many seconds to go on serving,
    `release` runs when they are over, `after` when the server has got its
    signal. All run on a thread of their own: the handler itself only writes a
    byte, which is all that is safe in the middle of anything. Further SIGTERMs
    change nothing: a service manager signals every process of the group, and
    the server's master signals its workers once more.
    """

    def __init__(
        self, begin: Callable[[], float], release: Callable[[], None], after: Callable[[], None]
    ) -> None:
        self._begin = begin
        self._release = release
        self._after = after
        self._original: Any = signal.SIG_DFL
        self._bell: int | None = None
        self._is_over = False
        self._is_on_loop = False
        self.worker: Any = None
        """The gunicorn worker whose handler this holds back; None for another server."""
        tell_after_fork(self)

    @property
    def is_installed(self) -> bool:
        """True in the process that installed it, until it is taken out."""
        return self._bell is not None

    def install(self, worker: Any = None) -> str:
        """Hold SIGTERM back from now on, also where a server has set its handler since.

        Returns the obstacle where it cannot; else an empty text. `worker` is what
        the hooks of gunicorn get.
        """
        if threading.current_thread() is not threading.main_thread() or os.name != "posix":
            return "" if self.is_installed else "signals are for the main thread of a POSIX process"
        found = signal.getsignal(signal.SIGTERM)
        is_on_loop = (getattr(found, "__module__", None) or "").partition(".")[0] in {"asyncio", "uvloop"}
        if self.is_installed and (found == self._handle or (is_on_loop and self._is_on_loop)):
            return ""
        if is_on_loop and not hasattr(worker, "handle_exit_signal"):
            return ON_ITS_LOOP
        if not self.is_installed:
            self._begin_to_watch()
        self._is_on_loop = is_on_loop
        if is_on_loop:
            self._take_from_loop(worker)
        else:
            self._take_from(found, worker)
        return ""

    def hand_over(self, stop: Callable[[], object]) -> None:
        """Call this when the time is over, in place of the original handler."""
        self._original = lambda *_: stop()

    def stop_accepting(self) -> float:
        """Leave new connections to other workers and return the seconds to serve the present ones.

        Servers on an event loop close at shutdown what they have accepted and not
        yet read, so they have to stop accepting before. Source: `servers` of
        uvicorn's Server and of gunicorn's asgi worker, which are asyncio's.
        """
        owner = self.worker if self._is_on_loop else getattr(self._original, "__self__", None)
        servers = getattr(owner, "servers", ())
        for server in servers:
            server.get_loop().call_soon_threadsafe(server.close)
        return ACCEPTED_SECONDS if servers else 0.0

    def _begin_to_watch(self) -> None:
        listener, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        self._is_over = False
        threading.Thread(target=self._watch, args=(listener,), name="ci-ops-drain", daemon=True).start()

    def _take_from(self, found: Any, worker: Any) -> None:
        if found != self._handle:  # a forked child finds what its parent had installed
            self._original = found
        owner = getattr(self._original, "__self__", None)
        self.worker = owner if hasattr(owner, "cfg") else worker or self.worker
        signal.signal(signal.SIGTERM, self._handle)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003 - requests see no interrupted system calls

    def _take_from_loop(self, worker: Any) -> None:
        """Source: gunicorn/workers/gasgi.py, init_signals."""
        self.worker = worker
        self.hand_over(worker.handle_exit_signal)
        worker.loop.add_signal_handler(signal.SIGTERM, self._handle, signal.SIGTERM, None)

    def uninstall(self) -> None:
        """Restore the handler of SIGTERM, unless another one was installed meanwhile."""
        if self._bell is None:
            return
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, self._original)  # on a loop nothing need change: it is passed on
        bell, self._bell = self._bell, None
        os.close(bell)

    def after_fork(self) -> None:
        """Be uninstalled in a forked child, whose SIGTERM must not wake the parent."""
        bell, self._bell = self._bell, None
        if bell is not None:
            os.close(bell)

    def _handle(self, number: int, frame: Any) -> None:
        bell = self._bell
        if bell is not None and not self._is_over:
            os.write(bell, b"T")
        elif callable(self._original):
            self._original(number, frame)
        elif self._original == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self, listener: int) -> None:
        try:
            if os.read(listener, 1) and self._wait(listener, self._run(self._begin, 0.0)):
                self._run(self._release, None)
                self._is_over = True
                os.kill(os.getpid(), signal.SIGTERM)
                self._run(self._after, None)
        finally:
            os.close(listener)

    def _wait(self, listener: int, seconds: float) -> bool:
        """Keep serving; False when it was uninstalled meanwhile."""
        end = time.monotonic() + seconds
        bell = select.poll()  # not select.select: that takes no descriptor from 1024 on
        bell.register(listener, select.POLLIN)
        while (left := end - time.monotonic()) > 0:
            if bell.poll(left * 1000) and not os.read(listener, 64):
                return False
        return True

    def _run(self, step: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return step()
        except Exception:
            log.exception("a step of draining failed; going on")
            return otherwise
