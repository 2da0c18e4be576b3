"""A user's repository: an application of two files, how it is shipped, and its workflows."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHIP = """\
#!/bin/sh
# Make a commit's release the live one; without a commit there is none.
set -e
mkdir -p "$SITE/releases"
if [ -z "$1" ]; then rm -f "$SITE/current"; exit; fi
release="$SITE/releases/$1"
if [ ! -d "$release" ]; then mkdir "$release" && cp health "$release" && printf %s "$1" >"$release/commit"; fi
ln -sfn "$release" "$SITE/new" && mv -fT "$SITE/new" "$SITE/current"
"""
RELEASES = """\
version: 1
service: shop
deploy:
  target:
    type: releases
    path: ${SITE}
    build: printf %s "$DEPLOYMENT_REVISION" >commit
verify:
  url: ${SHOP_URL}
  deadline: 1s
"""
"""A ci-ops.yml that says how to deploy and verify; what differs between machines comes from variables."""
SLACK = """\
notify:
  channels:
    team: {type: slack, webhook-url: "${SLACK_WEBHOOK_URL}"}
"""


class Caller:
    """A git repository with a remote, so that its commits count as pushed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", str(folder))
        self.write("ship.sh", SHIP)

    def git(self, *words: str) -> str:
        """What git answers."""
        done = subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, health: str = "pass", message: str = "Change the shop") -> str:
        """Commit everything as a release of that health, and push it; its id."""
        self.write("health", health)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("fetch", "--quiet", "origin")
        return self.git("rev-parse", "HEAD")
