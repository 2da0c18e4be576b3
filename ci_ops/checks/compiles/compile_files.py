"""Compilation of files without running them; a script for the project's own Python.

`python -I -S compile_files.py LIST RESULT`: LIST contains the file names, each followed by a zero
byte; RESULT is written at the end, as JSON. Nothing of ci-ops is imported, and the syntax is that
of Python 3.8.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import warnings

MAX_SOURCE_BYTES = 32 << 20


def main(names_file: str, result_file: str) -> None:
    """Compile every file of the list."""
    warnings.simplefilter("ignore")
    with open(names_file, "rb") as file:  # noqa: PTH123 - pathlib takes a tenth of a second in some versions
        names = file.read().split(b"\0")[:-1]
    broken, unread = [], []
    for number, name in enumerate(names):
        try:
            source = read(name)
        except OSError as error:
            unread.append([number, error.strerror or str(error)])
            continue
        problem = problem_of(source)
        if problem is not None:
            broken.append([number, *problem])
    result = {"python": list(sys.version_info[:3]), "files": len(names), "broken": broken, "unread": unread}
    with open(result_file, "w", encoding="ascii") as file:  # noqa: PTH123 - as above
        json.dump(result, file)


def read(name: bytes) -> bytes:
    """Return the bytes of a regular file; a pipe or a device is refused. Raises OSError."""
    how = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(name, how)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError("it is no regular file")
        if state.st_size > MAX_SOURCE_BYTES:
            raise OSError("it is larger than 32 MiB")
        return file.read()


def problem_of(source: bytes) -> tuple[int, str] | None:
    """Return line and message of the compile error; None if it compiles."""
    try:
        compile(source, "<source>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1, f"{type(error).__name__}: {error.msg}"
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        return 1, f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
