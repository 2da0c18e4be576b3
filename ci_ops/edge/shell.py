"""The shell for users' command lines, which stops at the first failing line."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def shell_arguments(text: str, env: Mapping[str, str], *, announce_to: int | None) -> list[str] | str:
    """Return the arguments that run `text` in a shell; on Windows the text, for its own shell.

    As in a workflow's `run:` with `shell: bash`: the first failing line ends
    the text, and a pipe fails with any of its programs. Where there is no
    bash, `sh -e` runs it, and only the last program of a pipe counts.
    bash first announces its process group to the orphan guard: between its
    start and the moment we could do so, we may be killed.
    Source: docs.github.com, workflow syntax, jobs.<job_id>.steps[*].shell.
    """
    if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
        return text
    bash = shutil.which("bash", path=env.get("PATH"))
    if bash is None:
        return ["/bin/sh", "-ec", text]
    if (
        announce_to is not None
    ):  # in a subshell: where the guard was killed, the pipe's signal ends that alone
        text = f'(echo "+ $$" >&{announce_to}) 2>/dev/null || :; exec {announce_to}>&-; {text}'
    return [bash, "-eo", "pipefail", "-c", text]
