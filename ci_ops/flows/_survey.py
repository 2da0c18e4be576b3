"""A survey of a project: framework, application, how it is installed, migrated and started.

Reads files and runs git; runs and imports nothing of the project.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.contract.requirements import normal
from ci_ops.core.git import Git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.core.ports.world import World

FRAMEWORKS = {"Django": "django", "FastAPI": "fastapi", "Flask": "flask"}
"""As a person writes it → the distribution."""
SERVERS = ("gunicorn", "uvicorn", "granian", "hypercorn")
MAX_FILES = 300
MAX_FILE_BYTES = 256 * 1024
_SKIPPED = frozenset({"venv", "env", "node_modules", "tests", "test", "site-packages", "build", "dist"})
_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The findings of a survey; empty where nothing was recognised."""

    framework: str = ""
    """Django, FastAPI or Flask."""
    application: str = ""
    """Where the server finds it, as `module:name`."""
    settings: str = ""
    """Django's settings module."""
    server: str = ""
    """The server that is among the requirements."""
    install: str = ""
    """The command that installs the requirements into the release's own environment."""
    migrate: str = ""
    """The command that migrates the database."""
    has_health: bool = False
    """True when the kit is mounted, so that /health/ready answers."""
    render_service: str = ""
    """The service's name in render.yaml."""
    directory: str = ""
    """The project's path inside its repository; empty at its root."""
    branch: str = "main"
    """The repository's default branch."""

    @property
    def module(self) -> str:
        """The module that a server imports."""
        return self.application.partition(":")[0]


def survey(root: Path, world: World) -> Survey:
    """Return the survey of the files at `root`. Never raises for their contents."""
    requirements = _requirements(root)
    framework = next((name for name, package in FRAMEWORKS.items() if package in requirements), "")
    if not framework and (root / "manage.py").is_file():
        framework = "Django"
    directory, branch = _repository(Git(root, world))
    sources = list(_sources(root))
    application = _wsgi(sources) if framework == "Django" else _application(sources, framework)
    return Survey(
        framework=framework,
        application=application,
        settings=_settings(root) if framework == "Django" else "",
        server=next((name for name in SERVERS if name in requirements), ""),
        install=_install(root),
        migrate=_migrate(root, framework),
        has_health=any("ci_ops.service" in text for _, text in sources),
        render_service=_render_service(root),
        directory=directory,
        branch=branch,
    )


def _read(path: Path) -> str:
    """Return the file's text; empty if it is unreadable, large or outside the project."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _requirements(root: Path) -> frozenset[str]:
    """Return the names of the project's declared dependencies, lock files aside."""
    names: set[str] = set()
    for path in (root / "pyproject.toml", root / "setup.cfg", *sorted(root.glob("requirements*.txt"))):
        for line in _read(path).splitlines():
            words = re.findall(r"""(?:^|["'])\s*([A-Za-z][\w.-]*)\s*(?=[\[<>=!~;"' ]|$)""", line)
            names.update(map(normal, words))
    return frozenset(names)


def _sources(root: Path) -> Iterator[tuple[str, str]]:
    """Yield module name and text of the project's own Python files, those near the root first."""
    count = 0
    for pattern in ("*.py", "*/*.py", "*/*/*.py", "src/*/*/*.py"):
        for path in sorted(root.glob(pattern)):
            parts = path.relative_to(root).with_suffix("").parts
            if count >= MAX_FILES:
                return
            if _SKIPPED.intersection(parts) or any(part.startswith(".") for part in parts):
                continue
            count += 1
            if parts[:1] == ("src",):
                parts = parts[1:]
            yield ".".join(parts).removesuffix(".__init__"), _read(path)


def _application(sources: list[tuple[str, str]], framework: str) -> str:
    """Return the location of `app = FastAPI()`, or of a factory call such as `app = create_app()`."""
    if not framework:
        return ""
    made_by_factory = ""
    for module, text in sources:
        for name, call in _calls(text):
            if call == framework:
                return f"{module}:{name}"
            if call in {"create_app", "make_app", "get_app"} and not made_by_factory:
                made_by_factory = f"{module}:{name}"
    return made_by_factory


def _calls(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and called function of each assignment at the top of a module."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            call = node.value.func
            called = call.id if isinstance(call, ast.Name) else getattr(call, "attr", "")
            yield from ((each.id, called) for each in node.targets if isinstance(each, ast.Name))


def _wsgi(sources: list[tuple[str, str]]) -> str:
    """Return Django's own entry point."""
    found = [module for module, text in sources if "get_wsgi_application" in text]
    return f"{found[0]}:application" if found else ""


def _settings(root: Path) -> str:
    match = _SETTINGS.search(_read(root / "manage.py"))
    return match[1] if match else ""


def _install(root: Path) -> str:
    venv = "python3 -m venv venv && "
    if (root / "uv.lock").is_file():
        return "UV_PROJECT_ENVIRONMENT=venv uv sync --frozen --no-dev"
    if (root / "poetry.lock").is_file():
        return f"{venv}VIRTUAL_ENV=$PWD/venv poetry sync --only main"
    if (root / "requirements.txt").is_file():
        return f"{venv}venv/bin/pip install --quiet -r requirements.txt"
    if (root / "pyproject.toml").is_file():
        return f"{venv}venv/bin/pip install --quiet ."
    return ""


def _migrate(root: Path, framework: str) -> str:
    if framework == "Django" and (root / "manage.py").is_file():
        return "venv/bin/python manage.py migrate --noinput"
    if (root / "alembic.ini").is_file():
        return "venv/bin/alembic upgrade head"
    if framework == "Flask" and (root / "migrations" / "env.py").is_file():
        return "venv/bin/flask db upgrade"
    return ""


def _render_service(root: Path) -> str:
    match = re.search(r"^\s*(?:- )?name:\s*([\w-]+)\s*$", _read(root / "render.yaml"), re.MULTILINE)
    return match[1] if match else ""


def _repository(git: Git) -> tuple[str, str]:
    """Return the project's path inside its repository, and the default branch."""
    inside = _answer(git, "rev-parse", "--show-prefix").rstrip("/")
    remote = _answer(git, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").partition("/")[2]
    return inside, remote or _answer(git, "branch", "--show-current") or "main"


def _answer(git: Git, *words: str) -> str:
    """Return git's output on one line; empty without a repository or without git."""
    done = git.run(*words)
    return done.stdout.strip() if done.exit_code == 0 else ""
