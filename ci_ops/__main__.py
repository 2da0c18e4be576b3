"""The entry point, which turns every exception into an exit code.

No other place does.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ci_ops.session.streams import outlive_readers

if TYPE_CHECKING:
    from ci_ops.core.errors import CiOpsError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code.

    As a program, without arguments given, it outlives the readers of its output.
    """
    if arguments is None:
        outlive_readers()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as error:
        from ci_ops.session.needs import missing_extra  # noqa: PLC0415 - only when something is missing

        usage = missing_extra(error)
        if usage is None:
            return _report_bug(error)
        sys.stderr.write(f"error: {usage}\nhint: {usage.hint}\n")
        return usage.exit_code
    except Exception as error:  # noqa: BLE001 - the last line of defence, which says so
        return _report_bug(error)


def _run(arguments: list[str]) -> int:
    import click  # noqa: PLC0415 - a bare installation must be able to say what is missing

    from ci_ops.cli import cli  # noqa: PLC0415 - the same
    from ci_ops.core.errors import CiOpsError, UsageError  # noqa: PLC0415 - the same

    try:
        answer = cli.main(args=arguments, prog_name="ci-ops", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        sys.stderr.write(help_wanted.format_message() + "\n")
        return 2
    except click.UsageError as error:
        context = error.ctx.command_path if error.ctx else "ci-ops"
        return _fail(UsageError(error.format_message(), hint=f"{context} --help"))
    except click.Abort:
        return 130
    except CiOpsError as error:
        return _fail(error)


def _fail(error: CiOpsError) -> int:
    from ci_ops.session.failure import report_failure  # noqa: PLC0415 - only when something failed

    return report_failure(error, os.environ)


def _report_bug(error: Exception) -> int:
    import platform  # noqa: PLC0415 - only a fault of ours names it

    from ci_ops.session.failure import report_bug  # noqa: PLC0415 - only when something failed

    where = f"Python {platform.python_version()} on {platform.platform()}"
    return report_bug(error, platform=where, env=os.environ)


if __name__ == "__main__":
    sys.exit(main())
