"""Tiny wheels, the lock lines that pin them, and a package index on loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def tiny_wheel(name: str, source: str, more: Mapping[str, str] | None = None) -> bytes:
    """A wheel of version 1.0 with one module of that name, and more members where they are given."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
        for member, text in (more or {}).items():
            archive.writestr(member, text)
    return content.getvalue()


@dataclass(kw_only=True)
class Index:
    """A package index: what it serves, what it was asked for, and a way to make it hang."""

    url: str = ""
    wheels: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    askers: set[str] = field(default_factory=set)
    """The programs that asked, such as `pip`, `uv` and ourselves."""
    speaks_json: bool = False
    """Whether pages have the JSON form; HTML is understood by pip and uv alone."""
    damage: Callable[[str, bytes], bytes] = lambda _, body: body
    """What becomes of an answer on its way: gets path and body."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set while a request for a wheel waits for `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, source: str = "", *, tag: str = "py3-none-any", **more: str) -> str:
        """Serve one more package; the line of a lock file that pins it."""
        wheel = tiny_wheel(name, source or f"NAME = {name!r}\n", more)
        self.wheels[name] = wheel
        self.tags[name] = tag
        return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"

    def forget(self) -> None:
        """Begin again, as a new index."""
        self.asked.clear()
        self.askers.clear()
        self.speaks_json = False
        self.damage = lambda _, body: body

    def answer(self, path: str, asker: str) -> tuple[str, bytes] | None:
        """The page of a package, or its wheel, with its content type; None when there is none."""
        parts = path.strip("/").split("/")
        self.asked.append(path)
        self.askers.add(asker.partition("/")[0])
        name = parts[1] if len(parts) > 1 else ""
        if name not in self.wheels:
            return None
        if parts[0] == "simple":
            return self.page(name)
        self.held.set()
        self.go_on.wait(30)
        return "application/zip", self.damage(path, self.wheels[name])

    def page(self, name: str) -> tuple[str, bytes]:
        """What the index knows of a package, in the form that it speaks."""
        file = f"{name}-1.0-{self.tags[name]}.whl"
        address = f"/files/{name}/{file}"
        if not self.speaks_json:
            return "text/html", f'<a href="{address}">wheel</a>'.encode()
        digest = hashlib.sha256(self.wheels[name]).hexdigest()
        files = [
            {"filename": f"{name}-1.0.tar.gz", "url": "gone.tar.gz", "hashes": {"sha256": "0" * 64}},
            {"filename": file, "url": f"../..{address}", "hashes": {"sha256": digest}},
        ]
        document = {"meta": {"api-version": "1.3"}, "name": name, "files": files}
        body = self.damage(f"/simple/{name}/", json.dumps(document).encode())
        return "application/vnd.pypi.simple.v1+json", body


@contextmanager
def serve_index() -> Iterator[Index]:
    """A package index on a free port of loopback, for as long as the block runs."""
    index = Index()
    index.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = index.answer(self.path, self.headers.get("User-Agent", "")) or ("", b"")
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            if kind.endswith("json") and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
