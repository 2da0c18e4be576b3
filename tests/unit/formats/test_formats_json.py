"""The report for machines."""

from __future__ import annotations

import json
import math
from pathlib import PurePosixPath

from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats.json import Json, plain
from tests.support.reports import PASSED


def test_what_json_does_not_know_becomes_null_or_text() -> None:
    value = {1: (math.nan, -math.inf, 0.5), "path": PurePosixPath("/a"), "plain": [None, True, "x"]}
    assert plain(value) == {"1": [None, None, 0.5], "path": "/a", "plain": [None, True, "x"]}


def test_the_document_is_the_reports_own() -> None:
    assert json.loads(Json().render(PASSED, JinjaTemplates())) == PASSED.to_json()
