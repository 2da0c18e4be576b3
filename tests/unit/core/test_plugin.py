from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import pytest

from ci_ops.core.plugin import Channel, Check, Format, Rule, Status, Target, shorten
from ci_ops.core.ports.http import Response
from ci_ops.core.ports.world import World
from ci_ops.core.report import Report
from ci_ops.core.subject import Subject
from tests.support.deployments import a_record

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.result import Result


@dataclass(frozen=True, kw_only=True)
class TlsExpiry(Check):
    """Looks at nothing."""

    rules: ClassVar[Mapping[str, Rule]] = {"soon": Rule(sentence="It expires.", advice="Renew it.")}

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Yield one finding."""
        del subject, world
        found = self.finding("soon", Status.WARN, observed="x" * 600)
        yield self.result(Status.WARN, "soon", measured=1, findings=(found,))


NOBODY = cast("World", None)


def test_a_plugin_is_named_after_its_class() -> None:
    assert TlsExpiry.plugin_name() == "tls-expiry"
    assert TlsExpiry.needs == ""


def test_a_finding_has_the_rule_its_advice_and_a_readable_observation(tmp_path: Path) -> None:
    (result,) = TlsExpiry().run(Subject(root=tmp_path), NOBODY)
    (found,) = result.findings
    assert result.check == "tls-expiry"
    assert (found.rule, found.sentence, found.advice) == ("tls-expiry/soon", "It expires.", "Renew it.")
    assert len(found.observed) == 500
    assert found.observed.endswith("…")
    assert TlsExpiry().finding("soon", Status.WARN, "Other.", advice="Own.").advice == "Own."


def test_a_rule_that_is_not_listed_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        TlsExpiry().finding("later", Status.WARN)


def test_the_bases_promise_and_do_nothing(tmp_path: Path) -> None:
    subject = Subject(root=tmp_path)
    report = Report(command="verify", reason="ok")
    for call in (
        lambda: Check().run(subject, NOBODY),
        lambda: Target().deploy_steps(a_record()),
        lambda: Target().rollback_steps(a_record(), a_record()),
        lambda: Channel().send(cast("object", None), NOBODY),  # type: ignore[arg-type]
        lambda: Format().render(report, cast("object", None)),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert Check.detect(tmp_path) is None
    assert Channel.recognise("https://example.test/") is None
    assert Target().state_place() is None
    assert Target().measure() is None
    assert Target().release_directory(a_record()) == ""


def test_text_is_cut_visibly() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_a_body_that_is_not_utf8_can_still_be_shown() -> None:
    answer = Response(status=200, headers={}, body=b"a\xff", seconds=0.1, url="http://127.0.0.1/")
    assert answer.text == "a�"
