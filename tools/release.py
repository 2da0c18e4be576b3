"""Make a release of a commit: exact references, a tag for them, and `v1` moved to it.

    python tools/release.py write v1.2.3 owner/ci-ops   check, and write the references
    python tools/release.py notes v1.2.3                what changed, for the release's page
    python tools/release.py tag v1.2.3                  commit what was written, tag it, push the tag
    python tools/release.py move v1.2.3                 move v1 onto it, unless a newer v1.x.y is there

Standard library only. `tag` and `move` push with the token in RELEASE_TOKEN.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "org/ci-ops"
"""What stands in the source for the repository, whatever it is called."""
FILES = ("README.md", "zizmor.yml", "docs/*.md", ".github/workflows/*.yml", "templates/**/*")
TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_USES = re.compile(rf"(?P<before>{SOURCE}/(?:actions/\w+|\.github/workflows/[\w.-]+)@)(?P<ref>[\w.-]*\w)")
_RAW = re.compile(rf"(?P<before>/{SOURCE}/)(?P<ref>v\d+)(?=/)")


_RELATIVE = re.compile(r"\]\((?P<path>(?!https?:|#)[\w./#-]+)\)")


class Refused(SystemExit):
    """The release was refused; the text says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"error: {sentence}")


def check(root: Path, tag: str) -> None:
    """Raise Refused for a tag that differs from the commit's version or has no changelog."""
    if not TAG.fullmatch(tag):
        raise Refused(f"{tag!r} is not of the form v1.2.3")
    version = tag.removeprefix("v")
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    version_line = re.search(
        r'^__version__ = "(.*)"$', (root / "ci_ops" / "__init__.py").read_text("utf-8"), re.MULTILINE
    )
    if declared != version:
        raise Refused(f"pyproject.toml says {declared}, the tag says {version}")
    if version_line is None or version_line[1] != version:
        raise Refused(f"ci_ops.__version__ is not {version}")
    notes(root, tag)


def notes(root: Path, tag: str) -> str:
    """Return the section of CHANGELOG.md about that version."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(tag.removeprefix('v'))}\b.*\n((?:(?!## ).*\n?)*)", text, re.MULTILINE
    )
    if section is None or not section[1].strip():
        raise Refused(f"CHANGELOG.md has no section for {tag.removeprefix('v')}")
    return section[1].strip() + "\n"


def _is_text(path: Path) -> bool:
    """Return True for a file that is not Python's cache of compiled templates."""
    return path.is_file() and path.parent.name != "__pycache__"


def write(root: Path, tag: str, repository: str) -> list[str]:
    """Write repository and exact version into every reference to ci-ops; return the changed files."""
    check(root, tag)
    if not re.fullmatch(r"[\w.-]+/ci-ops", repository):
        raise Refused(f"{repository!r} is not the name of a repository called ci-ops")
    changed = []
    for path in sorted(each for pattern in FILES for each in root.glob(pattern) if _is_text(each)):
        before = path.read_text(encoding="utf-8")
        after = _RAW.sub(rf"\g<before>{tag}", _USES.sub(rf"\g<before>{tag}", before))
        if path.name == "README.md":  # PyPI shows it, where a relative link leads nowhere
            after = _RELATIVE.sub(rf"](https://github.com/{repository}/blob/{tag}/\g<path>)", after)
        after = after.replace(SOURCE, repository)
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            changed.append(path.relative_to(root).as_posix())
    if not changed:
        raise Refused("there is no reference to write; is this commit a release already?")
    return changed


def tag_and_push(root: Path, tag: str) -> str:
    """Commit the references, tag the commit and push only the tag; return the commit's id."""
    if git(root, "ls-remote", "origin", f"refs/tags/{tag}"):
        raise Refused(f"{tag} is there already; a released version never changes")
    git(root, "commit", "--quiet", "--all", "--message", f"Release {tag}")
    git(root, "tag", "--annotate", tag, "--message", f"ci-ops {tag}")
    git(root, "push", "--quiet", "origin", f"refs/tags/{tag}")
    return git(root, "rev-parse", "HEAD")


def move(root: Path, tag: str) -> str:
    """Move the tag of the major version to the release, unless a newer one exists; return a sentence."""
    major = tag.partition(".")[0]
    listed = git(root, "ls-remote", "--tags", "origin", f"{major}.*")
    released = {found[0] for found in TAG.finditer(listed)}
    if tag not in released:
        raise Refused(f"{tag} is not released")
    newest = max(released, key=numbers)
    if newest != tag:
        return f"{major} stays on {newest}, which is newer than {tag}."
    git(root, "fetch", "--quiet", "--force", "origin", f"refs/tags/{tag}:refs/tags/{tag}")
    git(root, "push", "--quiet", "--force", "origin", f"refs/tags/{tag}^{{commit}}:refs/tags/{major}")
    return f"{major} is {tag} now."


def numbers(tag: str) -> tuple[int, ...]:
    """Return the three numbers of a tag for comparison."""
    return tuple(int(part) for part in tag.removeprefix("v").split("."))


def git(root: Path, *words: str) -> str:
    """Return git's output; the token is passed in the environment, which no process list shows."""
    identity = (
        "-c",
        "user.name=github-actions[bot]",
        "-c",
        "user.email=github-actions[bot]@users.noreply.github.com",
    )
    done = subprocess.run(
        ["git", *identity, *words],
        cwd=root,
        env={**os.environ, **credentials()},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"git {words[0]} ended with {done.returncode}")
    return done.stdout.strip()


def credentials() -> dict[str, str]:
    """Return git's settings for a push to GitHub; none without RELEASE_TOKEN."""
    token = os.environ.get("RELEASE_TOKEN", "")
    if not token:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.https://github.com/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }


def main(arguments: list[str] | None = None, root: Path = ROOT) -> None:
    """Run one of the four subcommands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["write", "notes", "tag", "move"])
    parser.add_argument("tag")
    parser.add_argument("repository", nargs="?", default="")
    asked = parser.parse_args(arguments)
    if asked.what == "write":
        text = "\n".join(write(root, asked.tag, asked.repository))
    elif asked.what == "notes":
        text = notes(root, asked.tag)
    else:
        text = tag_and_push(root, asked.tag) if asked.what == "tag" else move(root, asked.tag)
    sys.stdout.write(text.rstrip("\n") + "\n")


if __name__ == "__main__":
    main()
