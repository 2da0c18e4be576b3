"""The rules of every format; each is tried as the `EXAMPLE` of its own test module."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from ci_ops.core.plugin import Format
from ci_ops.core.text.lines import map_texts
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.plugins import family
from tests.support.examples import example_of
from tests.support.golden import assert_golden
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.reports import REPORTS, STALE, hostile_report

if TYPE_CHECKING:
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.report import Report

NAMES = family("formats").names()
EXAMPLES: dict[str, Format] = {name: example_of("formats", name) for name in NAMES}
TEMPLATES: Templates = JinjaTemplates()


def render(name: str, report: Report) -> str:
    return EXAMPLES[name].render(report, TEMPLATES)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_documents_itself(name: str) -> None:
    kind = family("formats").load(name)
    module = inspect.getmodule(kind)
    assert type(EXAMPLES[name]) is kind
    assert kind.plugin_name() == name
    assert module is not None
    assert module.__doc__ is not None
    assert kind.__doc__ is not None
    assert module.__doc__.splitlines()[0] == kind.__doc__.splitlines()[0]


def test_every_format_has_a_file_extension_of_its_own() -> None:
    extensions = [each.extension for each in EXAMPLES.values()]
    assert len(set(extensions)) == len(extensions)
    assert all(re.fullmatch(r"\.[a-z]+", extension) for extension in extensions)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", REPORTS)
def test_the_report_is_the_golden_one(name: str, kind: str) -> None:
    assert_golden(f"formats/{name}/{kind}{EXAMPLES[name].extension}", render(name, REPORTS[kind]))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=60)
@given(text=HOSTILE_TEXTS)
def test_any_text_gives_a_report_that_can_be_written_and_ends_its_line(name: str, text: str) -> None:
    shown = render(name, hostile_report(text))
    assert shown.encode("utf-8").endswith(b"\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_of_a_redacted_report_is_shown(name: str) -> None:
    sentence = 'it said password="hunter2hunter2" at https://mona:hunter2hunter2@shop.example.com'
    leaking = replace(REPORTS["pass"], sentence=sentence, results=(replace(STALE, facts={"token_count": 3}),))
    assert "hunter2" not in render(name, map_texts(leaking, Redactor()))
