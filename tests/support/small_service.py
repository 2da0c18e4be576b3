"""A small HTTP service whose release is whatever lies under `current` in its folder.

In a test: `with SmallService(folder) as service: … service.url …`. On its own:
`python tests/support/small_service.py FOLDER --address FILE` writes its address
to FILE and serves until that file is gone. A release is a folder with the file
`commit` and, where its health is not good, the file `health` with its word.
"""

from __future__ import annotations

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class Server(ThreadingHTTPServer):
    """A server that does not mind clients who have gone away."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_arguments: object) -> None:
        """A command that was killed while it asked is part of the tests."""


class SmallService:
    """Serves what the folder says at every request; nothing is kept in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, document = service.answer(self.path.partition("?")[0])
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> tuple[int, dict[str, str]]:
        """Status and body for a path."""
        commit, health = self.read("commit"), self.read("health") or "pass"
        if not commit:
            return 503, {"status": "fail", "output": "there is no release"}
        if path == "/__version__":
            return 200, {"commit": commit}
        if path in {"/", "/health/ready"}:
            return 200 if health == "pass" else 503, {"status": health, "releaseId": commit}
        return 404, {}

    def read(self, name: str) -> str:
        """The text of a file of the live release; empty without one."""
        try:
            return (self.folder / "current" / name).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @property
    def live(self) -> str:
        """The commit that is served now."""
        return self.read("commit")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def main() -> None:
    """Serve a folder until the file with the address is gone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--address", type=Path, required=True, help="file to write the address to")
    arguments = parser.parse_args()
    with SmallService(arguments.folder) as service:
        arguments.address.write_text(service.url, encoding="utf-8")
        never = threading.Event()
        while arguments.address.exists():
            never.wait(0.2)


if __name__ == "__main__":
    main()
