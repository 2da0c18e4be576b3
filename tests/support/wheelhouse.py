"""Tiny wheels, the lock lines that pin them, and a package index on loopback."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def tiny_wheel(name: str, source: str) -> bytes:
    """A wheel of version 1.0 with one module of that name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return content.getvalue()


@dataclass(kw_only=True)
class Index:
    """A package index: what it serves, what it was asked for, and a way to make it hang."""

    url: str = ""
    wheels: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    """Set while a request for a wheel waits for `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)

    def add(self, name: str, source: str = "") -> str:
        """Serve one more package; the line of a lock file that pins it."""
        wheel = tiny_wheel(name, source or f"NAME = {name!r}\n")
        self.wheels[name] = wheel
        return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"

    def answer(self, path: str) -> bytes | None:
        """The page of a package, or its wheel; None when there is none."""
        parts = path.strip("/").split("/")
        self.asked.append(path)
        wheel = self.wheels.get(parts[1]) if len(parts) > 1 else None
        if wheel is None:
            return None
        if parts[0] == "simple":
            return f'<a href="/files/{parts[1]}/{parts[1]}-1.0-py3-none-any.whl">wheel</a>'.encode()
        self.held.set()
        self.go_on.wait(30)
        return wheel


@contextmanager
def serve_index() -> Iterator[Index]:
    """A package index on a free port of loopback, for as long as the block runs."""
    index = Index()
    index.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = index.answer(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header(
                "Content-Type", "text/html" if self.path.startswith("/simple") else "application/zip"
            )
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing: the tests read `asked`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_arguments: Any) -> None:
            """A client that was killed half-way is part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        index.url = f"http://127.0.0.1:{server.server_port}/simple/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield index
        finally:
            index.go_on.set()
            server.shutdown()
