"""A package index on loopback that answers with what the real one said to pip and uv.

It is filled once, with pip and uv as its clients, and kept in .parts/index; from
then on everybody is answered from there, over TLS, with pages of the real size.
So all contenders meet the same index, and none of them meets a network.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import PYTHON, ROOT, bare_environment, seconds_of
from benchmarks._row import CannotMeasure
from tests.support.certificates import bundle, server_context
from tests.support.parts import find
from tests.support.web import Asked, Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = ROOT / ".parts" / "index"
LOCK = ROOT / "actions" / "locks" / "core.txt"
JSON_FORM = "application/vnd.pypi.simple.v1+json"
HANDSHAKE_TRIPS = 2
"""Of a new connection, before its first request: one for TCP, one for TLS 1.3."""
_ADDRESS = re.compile(rb'"url": ?"(https://)')


class Mirror:
    """What was recorded, and while it records the way to the real index."""

    def __init__(self, trip_seconds: float) -> None:
        self.is_recording = False
        self._trip_seconds = trip_seconds
        self._known: set[int] = set()
        self.url = ""
        self._packed: dict[str, bytes] = {}

    def answer(self, asked: Asked) -> Reply:
        """The recorded answer, packed for those who take it packed."""
        asked.wait(self._trip_seconds * (1 if asked.connection in self._known else 1 + HANDSHAKE_TRIPS))
        self._known.add(asked.connection)
        path = asked.path
        file = KEPT / hashlib.sha256(path.encode()).hexdigest()[:32]
        if not file.exists():
            if not self.is_recording:
                return Reply(status=404, body=b"")
            self._record(path, asked, file)
        body = file.read_bytes()
        if not path.startswith("/simple/"):
            return Reply(body=body, headers={"Content-Type": "application/octet-stream"})
        if path not in self._packed:
            own = f'"url":"{self.url}/away/'.encode()
            self._packed[path] = gzip.compress(_ADDRESS.sub(own, body), compresslevel=6)
        headers = {"Content-Type": JSON_FORM, "Content-Encoding": "gzip"}
        return Reply(body=self._packed[path], headers=headers)

    def _record(self, path: str, asked: Asked, file: Path) -> None:
        """Pass a client's own request on and keep what it is answered."""
        if path.startswith("/simple/"):
            address = self._real_index + path.removeprefix("/simple/")
        else:
            address = "https://" + path.removeprefix("/away/")
        kept = {name: asked.headers[name] for name in ("accept", "user-agent") if name in asked.headers}
        with urllib.request.urlopen(urllib.request.Request(address, headers=kept), timeout=60) as response:
            body = response.read()
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_bytes(body)
        new.replace(file)

    @cached_property
    def _real_index(self) -> str:
        """The index that pip asks on this machine."""
        question = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        said = subprocess.run(question, capture_output=True, text=True, check=False).stdout.strip()
        if not said:
            default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
            said = subprocess.run(
                [sys.executable, "-c", default], capture_output=True, text=True, check=True
            ).stdout
        return said.strip().rstrip("/") + "/"


@contextmanager
def mirrored(trip_seconds: float = 0.0) -> Iterator[dict[str, str]]:
    """The variables that send pip, uv and us to the mirror, for as long as the block runs.

    A trip is what it takes to the index and back.
    """
    mirror = Mirror(trip_seconds)
    with TemporaryDirectory() as folder, serving(mirror.answer, context=server_context()) as server:
        mirror.url = server.url("").rstrip("/")
        certificates = str(bundle(Path(folder)))
        variables = {
            "PIP_INDEX_URL": f"{mirror.url}/simple/",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_CERT": certificates,
            "SSL_CERT_FILE": certificates,
        }
        _fill(mirror, Path(folder), variables)
        yield variables


def _fill(mirror: Mirror, folder: Path, variables: dict[str, str]) -> None:
    """Let pip and uv ask for everything once; without a network say so."""
    digest = hashlib.sha256(LOCK.read_bytes() + str(sys.implementation.cache_tag).encode()).hexdigest()
    mark = KEPT / f".filled-{digest[:16]}"
    if mark.exists():
        return
    mirror.is_recording = True
    options = ["--quiet", "--no-deps", "--require-hashes", "--target", folder / "pip", "-r", LOCK]
    commands = [[PYTHON, "-I", "-m", "pip", "install", *options]]
    if uv := find("uv"):
        options[options.index(folder / "pip")] = folder / "uv"
        index = ["--default-index", variables["PIP_INDEX_URL"], "--python", PYTHON]
        commands.append([uv, "pip", "install", *index, *options])
    try:
        for command in commands:
            seconds_of(command, env=bare_environment(folder, **variables))
    except RuntimeError as problem:
        sentence = "the package index was never recorded, and is out of reach; run it once with a network"
        raise CannotMeasure(sentence) from problem
    mirror.is_recording = False
    mark.touch()
