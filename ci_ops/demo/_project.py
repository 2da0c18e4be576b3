"""The shop's repository with its two commits, and its ci-ops.yml."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("app.py", "migrate.py", "reload.sh", "settings.py")

DEFECT = {
    "app.py": (
        "SELECT id, item, price FROM orders",
        "SELECT id, item, total FROM orders",
    ),
    "migrate.py": (
        "    database.executemany(",
        (
            '    columns = [row[1] for row in database.execute("PRAGMA table_info(orders)")]\n'
            '    if "total_cents" not in columns:\n'
            '        database.execute("ALTER TABLE orders ADD COLUMN total_cents INTEGER")\n'
            '    database.execute("UPDATE orders SET total_cents = round(price * 100)")\n'
            "    database.executemany("
        ),
    ),
    "reload.sh": ("for name in web-1 web-2; do", "for name in web-1; do"),
}
"""What the second commit changes: it reads a column the migration named otherwise,
and its reload forgets a worker. It starts, and its liveness answers."""

CONFIG = """\
version: 1
service: shop
readiness:
  checks:
    git-state: {{pushed: false}}
    compiles: {{}}
    env-vars: {{app: "settings:config", python: "${{SHOP_PYTHON}}"}}
deploy:
  target:
    type: releases
    path: {place}
    migrate: '"$SHOP_PYTHON" migrate.py'
    reload: sh "$SHOP/current/reload.sh"
verify:
  url: {url}
  deadline: 5s
  checks:
    revision: {{connections: 24}}
    health: {{}}
    endpoints: {{paths: {{/orders: {{}}}}, connections: 24}}
notify:
  channels:
    team: {{type: slack, webhook-url: "${{SHOP_WEBHOOK}}"}}
"""


def make_project(folder: Path, *, place: Path, url: str) -> tuple[str, str]:
    """Create the repository in `folder`; return the commit ids of the good and the bad release."""
    folder.mkdir(parents=True)
    shop = files("ci_ops.demo") / "shop"
    for name in SOURCES:
        (folder / name).write_text((shop / name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "ci-ops.yml").write_text(CONFIG.format(place=json.dumps(str(place)), url=url), encoding="utf-8")
    (folder / ".gitignore").write_text(".ci-ops/\n__pycache__/\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    good = _commit(folder, "Open the shop")
    for name, (before, after) in DEFECT.items():
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    bad = _commit(folder, "Count in cents, and reload gently")
    return good, bad


def own_environment() -> dict[str, str]:
    """Return this process's variables without git's own, which a hook sets for another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def git(folder: Path, *words: str) -> str:
    """Return git's output, independent of the user's settings."""
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgsign=false")
    try:
        done = subprocess.run(
            ["git", *identity, *words],
            cwd=folder,
            env=own_environment(),
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise UsageError("the demo needs git, which is not installed", hint="Install git.") from None
    return done.stdout.strip()


def _commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")
