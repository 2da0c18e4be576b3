"""The folders of target `releases` on its host, and shell commands for them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

STATE_FOLDER = ".ci-ops"
ID_PATTERN = "^[0-9]{8}T[0-9]{6}Z-[0-9a-z]{7}$"
MISSING = (
    "is not there, and the release has none: create it on the host, "
    "or end its name in the shared paths with / where it is a folder"
)

OUTLIVE_TERM = "trap : TERM"
"""For a shell around a command that may end in its own time after TERM; the command itself hears it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below the target's folder, quoted for the shell."""

    path: str

    def __call__(self, name: str) -> str:
        """Return the path of that name."""
        return shlex.quote(f"{self.path}/{name}")

    def release(self, release: str) -> str:
        """Return the folder of that release."""
        return self(f"releases/{release}")

    def mark(self, release: str, key: str) -> str:
        """Return the marker file of a completed step."""
        return self(f"{STATE_FOLDER}/{release}.{key}.done")

    def sources(self, release: str) -> str:
        """Return the archive with the sources of a release, as fetched."""
        return self(f"{STATE_FOLDER}/{release}.sources.tar")

    def remove(self, release: str) -> str:
        """Return the command that removes a release with its marks; `release` may be a shell's variable."""
        releases, state = self("releases"), self(STATE_FOLDER)
        return f'rm -rf {releases}/"{release}" {state}/"{release}".*.done {state}/"{release}".sources.tar*'

    def switch(self, link: str) -> str:
        """Return the commands that point `current` at that link atomically."""
        new, current = self(".current.new"), self("current")
        rename = f"{{ mv -fT {new} {current} 2>/dev/null || mv -fh {new} {current}; }}"
        return f"ln -sfn {shlex.quote(link)} {new} && {rename}"

    def build(self, release: str, run: str) -> str:
        """Return the build commands; after an interrupted build they start from the fetched files.

        An interrupted build leaves, for instance, half a virtual environment: it must not be
        reused.
        """
        folder, sources = self.release(release), self.sources(release)
        return (
            f"{OUTLIVE_TERM}\nif [ -e {sources} ]; then\n"
            f"  rm -rf {folder}\n  mkdir {folder}\n  tar -xpf {sources} -C {folder}\n"
            f"else\n"
            f"  tar -cf {sources}.new -C {folder} .\n  mv {sources}.new {sources}\n"
            f"fi\ncd {folder}\n(\n{run}\n)\nrm {sources}"
        )

    def share(self, release: str, names: tuple[str, ...]) -> str:
        """Return the commands that link shared paths into the release.

        Content of the first release is moved to `shared`; later releases link to it.
        """
        folder, shared, missing = self.release(release), self("shared"), shlex.quote(MISSING)
        head = f"""share() {{
  mkdir -p {shared}/"$1" {folder}/"$1"
  if [ ! -e {shared}/"$2" ] && [ ! -L {shared}/"$2" ]; then
    if [ -e {folder}/"$2" ] && [ ! -L {folder}/"$2" ]; then
      mv {folder}/"$2" {shared}/"$2"
    elif [ "$3" = folder ]; then
      mkdir {shared}/"$2"
    else
      echo {shared}/"$2" {missing} >&2
      return 1
    fi
  fi
  rm -rf {folder}/"$2"
  ln -s {shared}/"$2" {folder}/"$2"
}}
"""
        return head + "\n".join(_share(name) for name in names)

    def prune(self, *, keep: int, spare: frozenset[str]) -> str:
        """Return the commands that remove all but the newest `keep` releases, except protected ones."""
        spared = " ".join(f"-e {shlex.quote(each)}" for each in sorted(spare))
        return (
            f"ls -1 {self('releases')} | grep -E '{ID_PATTERN}' | sort -r | tail -n +{keep + 1}"
            f" | {{ grep -vxF {spared} || true; }}"
            f" | while read -r old; do {self.remove('$old')}; done"
        )


def path_inside(name: str) -> PurePosixPath:
    """Return a path inside the release. Raises ValueError for any other."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name!r} must be a path inside the release")
    return path


def _share(name: str) -> str:
    """Return the call for one path: a folder unless its name has a file extension."""
    path = path_inside(name)
    kind = "file" if "." in path.name and not name.endswith("/") else "folder"
    return f"share {shlex.quote(str(path.parent))} {shlex.quote(str(path))} {kind}"
