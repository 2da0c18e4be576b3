"""Loading of an application's declared contract in a child of the project's own interpreter.

The application's imports never load into our process: they may require another Python, start
threads, or print.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.contract.document import ANSWER, REFUSAL, contract_from_json, document_of
from ci_ops.core.errors import UsageError
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.contract.variables import Contract
    from ci_ops.core.ports.process import Completed, Process

CHILD = "ci_ops.service.settings.declared"

TIMEOUT_SECONDS = 60.0
MAX_OUTPUT_BYTES = 1 << 20

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def read_declaration(
    app: str,
    process: Process,
    *,
    root: Path,
    env: Mapping[str, str],
    python: str = "",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Contract:
    """Return the contract at `module:name`. Raises UsageError, which says why there is none.

    `root` is the folder the module is imported from, `python` the interpreter to import it with;
    the default is that of the project's environment.
    """
    if _NAME.fullmatch(app) is None:
        raise UsageError(
            "the declaration is named as module:name, such as shop.settings:contract", where=app[:200]
        )
    interpreter = python or project_python(root, env)
    completed = process.run(
        [interpreter, "-m", CHILD, app],
        timeout_seconds=timeout_seconds,
        env=env,
        directory=root,
        max_output=MAX_OUTPUT_BYTES,
    )
    answers = [line for line in completed.stdout.splitlines() if line.startswith(ANSWER)]
    if not answers:
        raise UsageError(_why_not(completed), where=app, hint=_hint(completed, interpreter))
    try:
        return contract_from_json(parse_json(document_of(answers[-1].removeprefix(ANSWER))))
    except ValueError as error:
        sentence = f"the declaration was written by a version that differs too much: {error}"
        raise UsageError(sentence, where=app, hint=f"Bring ci-ops up to date for {interpreter}.") from None


def project_python(root: Path, env: Mapping[str, str]) -> str:
    """Return the Python interpreter of the project.

    The project's virtual environment comes first, then the active one, the one on PATH, and ours.
    """
    folders = [root / ".venv", root / "venv"]
    if env.get("VIRTUAL_ENV"):
        folders.append(Path(env["VIRTUAL_ENV"]))
    inside = [folder / place for folder in folders for place in ("bin/python", "Scripts/python.exe")]
    found = [str(each) for each in inside if each.is_file()]
    on_path = (shutil.which(name, path=env.get("PATH", "")) for name in ("python", "python3"))
    return next((each for each in (*found, *on_path) if each), sys.executable)


def _why_not(completed: Completed) -> str:
    refusals = [line for line in completed.output.splitlines() if line.startswith(REFUSAL)]
    if refusals:
        return refusals[-1].removeprefix(REFUSAL).strip()
    if completed.timed_out:
        return f"importing it took longer than {completed.seconds:.0f} s"
    if _lacks_us(completed):
        return "the interpreter that imports it has no ci-ops"
    last = completed.output.strip().rpartition("\n")[2]
    return f"its interpreter ended with exit code {completed.exit_code}: {last[:300] or 'it printed nothing'}"


def _hint(completed: Completed, interpreter: str) -> str:
    if _lacks_us(completed):
        return (
            f"Install it beside the application: {interpreter} -m pip install ci-ops; or name another Python."
        )
    return f"It was imported by {interpreter}, from the project's root."


def _lacks_us(completed: Completed) -> bool:
    return "No module named ci_ops" in completed.output or "No module named 'ci_ops" in completed.output
