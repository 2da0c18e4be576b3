import io
import json

import structlog

from ci_ops.service.logs.context import log_context
from ci_ops.service.logs.structlog import add_context, render_json


def test_structlog_writes_our_context_and_hides_what_we_hide() -> None:
    stream = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[add_context, structlog.processors.add_log_level, render_json],
    )
    with log_context(order=7, user="ada"):
        log.info("placed", user="bob", password="hunter2", url="redis://:hunter2@db")

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["order"], line["user"]) == ("placed", "info", 7, "bob")
    assert "hunter2" not in stream.getvalue()
