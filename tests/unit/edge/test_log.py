"""The log: one line each, without secrets and without commands for the runner."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.log import LOGGER, set_up_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SECRET = "hunter2-hunter2"
log = logging.getLogger("ci_ops.tests")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    logger.handlers = []
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers, logger.level, logger.propagate = before


def fail() -> None:
    raise ValueError(f"bad {SECRET}\n::error::second line")


def log_a_failure() -> None:
    try:
        fail()
    except ValueError:
        log.exception("it failed")


def test_stderr_gets_one_line_for_each_message_from_the_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(redact=Redactor([SECRET]))
    log.info("not this")
    log.warning("deploying %s with %s", "shop", SECRET)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"{STAMP} WARNING deploying shop with \*\*\*\n", err)


def test_a_message_never_becomes_a_command_of_the_runner(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(redact=Redactor())
    log.error("first\n::error::second\n  ##[group]third\x1b[31m")
    log_a_failure()
    lines = capsys.readouterr().err.splitlines()
    assert not any(line.strip().startswith("::") or "##[" in line or "\x1b" in line for line in lines)
    assert any("second" in line for line in lines)


def test_a_traceback_is_indented_and_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(redact=Redactor([SECRET]))
    log_a_failure()
    err = capsys.readouterr().err
    assert SECRET not in err
    first, *rest = err.splitlines()
    assert first.endswith("ERROR it failed")
    assert all(line.startswith("  ") for line in rest)
    assert "  ValueError: bad ***" in rest


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "log.jsonl"
    set_up_log(level="debug", format_name="json", file=file, redact=Redactor([SECRET]))
    log.debug("two\nlines with %s", SECRET)
    log_a_failure()
    log.info("where", stack_info=True)
    first, second, third = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    assert re.fullmatch(STAMP, first.pop("at"))
    assert first == {"level": "debug", "logger": "ci_ops.tests", "message": "two\nlines with ***"}
    assert second["traceback"].startswith("Traceback")
    assert SECRET not in second["traceback"]
    assert third["traceback"].startswith("Stack")


def test_a_file_gets_the_text_as_it_is_and_nothing_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.txt"
    set_up_log(level="info", file=file, redact=Redactor())
    log.info("ünï · \ud800")
    assert file.read_text("utf-8").endswith("INFO ünï · \ufffd\n")
    assert capsys.readouterr().err == ""


def test_a_second_set_up_replaces_the_first(tmp_path: Path) -> None:
    for name in ("one", "two"):
        set_up_log(level="info", file=tmp_path / name, redact=Redactor())
    log.info("only once")
    assert (tmp_path / "one").read_text() == ""
    assert (tmp_path / "two").read_text().count("only once") == 1


def test_libraries_below_us_are_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log(level="debug", redact=Redactor())
    logging.getLogger("urllib3.connectionpool").debug("POST /services/T000/B000/secret")
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written") as caught:
        set_up_log(file=tmp_path, redact=Redactor())
    assert caught.value.where == str(tmp_path)
