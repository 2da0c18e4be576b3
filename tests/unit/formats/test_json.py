"""The report for machines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.core.report import Report
from ci_ops.core.text.lines import map_texts
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats.json import Json, plain
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.published import assert_published
from tests.support.reports import PASSED, REPORTS, STALE, hostile_report

EXAMPLE = Json()


def shown(report: Report) -> str:
    return Json().render(report, JinjaTemplates())


def test_what_json_does_not_know_becomes_null_or_text() -> None:
    value = {1: (math.nan, -math.inf, 0.5), "path": PurePosixPath("/a"), "plain": [None, True, "x"]}
    assert plain(value) == {"1": [None, None, 0.5], "path": "/a", "plain": [None, True, "x"]}


def test_the_document_is_the_reports_own() -> None:
    assert json.loads(Json().render(PASSED, JinjaTemplates())) == PASSED.to_json()


@pytest.mark.parametrize("kind", REPORTS)
def test_json_fits_the_published_schema(kind: str) -> None:
    document = json.loads(shown(REPORTS[kind]))
    assert_published(document, "report-1")


@settings(deadline=None, max_examples=60)
@given(text=st.text())
def test_json_keeps_every_text_as_it_is(text: str) -> None:
    document = json.loads(shown(hostile_report(text)))
    assert document["sentence"] == text
    assert document["results"][0]["findings"][0]["observed"] == text
    assert document["results"][0]["facts"]["endless"] is None


@settings(deadline=None, max_examples=60)
@given(text=HOSTILE_TEXTS)
def test_no_text_is_a_command_of_the_runner(text: str) -> None:
    assert "##[" not in shown(hostile_report(text))


def test_a_report_whose_secrets_are_hidden_text_by_text_stays_well_formed() -> None:
    """Redacting a finished document would take quotes and numbers along: `"token_count": ***`."""
    sentence = 'it said password="hunter2hunter2"'
    leaking = replace(PASSED, sentence=sentence, results=(replace(STALE, facts={"token_count": 3}),))
    assert_published(json.loads(shown(map_texts(leaking, Redactor()))), "report-1")
