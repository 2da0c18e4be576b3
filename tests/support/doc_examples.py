"""The examples of the documentation: found in its pages, and run in a child each.

A block that begins with ```python and the name of a framework is a whole
application (`app` or `application`); one with a file's name is written beside
every application of its page; any other block of Python is run by itself, one
that says `redis` where there is one. The table under "answers" says what the
applications answer, in order.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.parts import ROOT
from tests.support.web_calls import LOCAL, REMOTE, Called, ask_asgi, call_wsgi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PAGES = ROOT / "docs" / "service"
ASGI_KINDS = frozenset({"fastapi", "starlette", "asgi"})
FRAMEWORKS = ("fastapi", "starlette", "django", "flask", "asgi", "wsgi")
"""Where a page has examples, it has one of each; Starlette's may be FastAPI's."""
REDIS = "redis"
NOT_FOR_APPLICATIONS = frozenset({"backoff", "click", "github", "jinja2", "requests", "urllib3", "yaml"})
"""What the command line needs. A framework may bring one of them; the kit must not load it."""
_BLOCK = re.compile(r"^```python ?(?P<words>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(
    r"^\| `(?P<method>[A-Z]+) (?P<path>\S+)`(?P<remote> from elsewhere)? \| (?P<status>\d{3})(?P<said>.*) \|$",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request of the table of answers."""

    method: str
    path: str
    peer: str
    status: int
    said: tuple[str, ...]
    """Texts that stand in the answer, in its headers or its body."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A block that runs by itself."""

    code: str
    needs_redis: bool
    """It finds the server's address as REDIS_URL."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the documentation."""

    name: str
    files: Mapping[str, str]
    applications: Mapping[str, str]
    scripts: tuple[Script, ...]
    answers: tuple[Asked, ...]


def read_page(path: Path) -> Page:
    """The examples of a page."""
    text = path.read_text(encoding="utf-8")
    files: dict[str, str] = {}
    applications: dict[str, str] = {}
    scripts: list[Script] = []
    for block in _BLOCK.finditer(text):
        word, code = block["words"].strip(), block["code"]
        if word.endswith(".py"):
            files[word] = code
        elif word in FRAMEWORKS:
            applications[word] = code
        else:
            assert word in {"", REDIS}, f"{path.name}: nothing is known of ```python {word}"
            scripts.append(Script(code=code, needs_redis=word == REDIS))
    return Page(
        name=path.stem,
        files=files,
        applications=applications,
        scripts=tuple(scripts),
        answers=tuple(_asked(row) for row in _ROW.finditer(text)),
    )


def _asked(row: re.Match[str]) -> Asked:
    return Asked(
        method=row["method"],
        path=row["path"],
        peer=REMOTE if row["remote"] else LOCAL,
        status=int(row["status"]),
        said=tuple(re.findall(r"`([^`]+)`", row["said"])),
    )


def pages() -> dict[str, Page]:
    """Every page, by its name."""
    return {path.stem: read_page(path) for path in sorted(PAGES.glob("*.md"))}


def run_application(page: Page, kind: str, folder: Path, env: Mapping[str, str]) -> list[Called]:
    """What the page's application answers to the requests of its table."""
    for name, code in {**page.files, "example.py": page.applications[kind]}.items():
        (folder / name).write_text(code, encoding="utf-8")
    (folder / "asked.json").write_text(json.dumps([asdict(each) for each in page.answers]))
    said = _run(["-m", "tests.support.doc_examples", kind], folder, env)
    line = said.rstrip().rpartition("\n")[2]
    return [
        Called(status=one["status"], headers=one["headers"], body=one["body"].encode())
        for one in json.loads(line)
    ]


def run_script(page: Page, script: Script, folder: Path, env: Mapping[str, str]) -> None:
    """Run a block by itself; whatever it raises fails the test."""
    for name, text in {**page.files, "script.py": script.code}.items():
        (folder / name).write_text(text, encoding="utf-8")
    _run(["script.py"], folder, env)


def _run(words: list[str], folder: Path, env: Mapping[str, str]) -> str:
    path = f"{folder}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=folder,
        env={**env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@asynccontextmanager
async def alive(app: Any) -> AsyncIterator[None]:
    """The application between its startup and its shutdown, where it knows a lifespan."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, incoming.get, outgoing.put)
    )
    await incoming.put({"type": "lifespan.startup"})
    answer = asyncio.create_task(outgoing.get())
    await asyncio.wait([life, answer], return_when=asyncio.FIRST_COMPLETED)
    if answer.done():
        assert answer.result()["type"] == "lifespan.startup.complete", answer.result()
    else:
        answer.cancel()
    yield
    await incoming.put({"type": "lifespan.shutdown"})
    with suppress(Exception):  # an application that knows no lifespan has raised at once
        await life


async def _ask_asgi(app: Any, asked: list[dict[str, Any]]) -> list[Called]:
    async with alive(app):
        return [await ask_asgi(app, one["path"], method=one["method"], peer=one["peer"]) for one in asked]


def main(kind: str) -> None:
    """Ask the application in `example.py`; print what it answers on the last line."""
    if kind not in {"asgi", "wsgi"}:
        import_module(kind)
    before = {*sys.modules}
    module = import_module("example")
    app = getattr(module, "app", None) or module.application
    asked = json.loads(Path("asked.json").read_text())
    if kind in ASGI_KINDS:
        called = asyncio.run(_ask_asgi(app, asked))
    else:
        called = [call_wsgi(app, one["path"], method=one["method"], peer=one["peer"]) for one in asked]
    answers = [
        {"status": one.status, "headers": one.headers, "body": one.body.decode("utf-8", "replace")}
        for one in called
    ]
    heavy = NOT_FOR_APPLICATIONS & ({*sys.modules} - before)
    assert not heavy, f"the kit has loaded {', '.join(heavy)}"
    print(f"\n{json.dumps(answers)}")  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(sys.argv[1])
