from __future__ import annotations

from typing import Any

import pytest

from ci_ops.checks.debug_page import DebugPage
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from tests.support.checking import a_subject, a_world, assert_refusals_say_nothing, rules_of, the_result
from tests.support.sample_service import Answer, SampleService, sample_service, text

EXAMPLE = DebugPage()


def look(service: SampleService, **settings: Any) -> Result:
    subject = a_subject(url=service.url("/health/ready"), timeout_seconds=2.0)
    return the_result(DebugPage(**settings), subject, a_world())


def test_a_plain_404_of_an_address_made_up_passes(service: SampleService) -> None:
    result = look(service, prefix="/api/")
    assert (result.status, result.measured, result.facts["status"]) == (Status.PASS, 1, 404)
    missing, debugger = service.asked
    assert missing.path.startswith("/api/ci-ops-")
    assert missing.headers["accept"].startswith("text/html")
    assert debugger.query["cmd"] == ["resource"]
    look(service, prefix="/api/")
    assert service.asked[2].path != missing.path


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<p>You are seeing this because you have <code>DEBUG = True</code> in your settings", "Django"),
        ("<title>Action Controller: Exception caught</title>", "Rails"),
        ("<title>Phoenix.Router.NoRouteError at GET /x</title>", "Phoenix"),
        ("Traceback (most recent call last):\n  File x", "Python"),
        ("Error: x\n    at Layer.handle (/srv/app/node_modules/layer.js:95:5)\n", "Node.js"),
        ("java.lang.Error\n\tat org.shop.web.Cart.find(Cart.java:12)\n", "Java"),
        ("<b>Warning</b>: Undefined variable $x in <b>/srv/index.php</b> on line <b>3</b>", "PHP"),
        ("x" * 500_000 + "Traceback (most recent call last):", "Python"),
    ],
)
@pytest.mark.parametrize("status", [404, 500, 200])
@pytest.mark.reports("debug-page/debug-page")
def test_a_debug_page_fails_whatever_its_status(
    service: SampleService, body: str, kind: str, status: int
) -> None:
    service.does_elsewhere(lambda _: text(body, status))
    result = look(service)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["debug-page"], True)
    assert f"the debug page of {kind}" in result.sentence
    assert result.findings[0].observed.startswith(f"{status} with the debug page")


@pytest.mark.parametrize(
    ("answer", "status", "rule"),
    [
        (text("<div id=root></div>", 200), Status.WARN, "not-a-refusal"),
        (text("", 302, Location="/start"), Status.WARN, "not-a-refusal"),
        (text("no", 403), Status.WARN, "not-a-refusal"),
        (text("boom", 500), Status.FAIL, "status"),
        (text("", 404, Age="9"), Status.FAIL, "aged"),
        (text("", 404, X_Cache="HIT"), Status.FAIL, "aged"),
        (text("", 403, CF_Mitigated="challenge"), Status.ERROR, "gate"),
    ],
)
@pytest.mark.reports("debug-page/{rule}")
def test_an_answer_that_hides_the_404_of_the_application_is_no_pass(
    service: SampleService, answer: Answer, status: Status, rule: str
) -> None:
    service.does_elsewhere(lambda _: answer)
    result = look(service)
    assert (result.status, rules_of(result)) == (status, [rule])


@pytest.mark.reports("debug-page/unreachable")
def test_a_dead_server_was_not_measured_and_an_unusable_prefix_is_refused() -> None:
    with sample_service() as dead:
        pass
    result = look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)
    for prefix in ("api", "//evil.example.com/", "/api?x=1"):
        with pytest.raises(ValueError, match=r"^prefix: "):
            DebugPage(prefix=prefix)


@pytest.mark.reports("debug-page/throttled", "debug-page/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(("url", "rule"), [("", "url"), ("http://service.invalid", "not-asked")])
@pytest.mark.reports("debug-page/{rule}")
def test_an_address_that_leads_nowhere_is_an_error(url: str, rule: str) -> None:
    result = the_result(EXAMPLE, a_subject(url=url), a_world())
    assert (result.status, set(rules_of(result)), result.measured) == (Status.ERROR, {rule}, 0)


@pytest.mark.reports("debug-page/debugger")
def test_a_debugger_behind_a_plain_404_fails(service: SampleService) -> None:
    style = text("div.debugger { margin: 0 }", Content_Type="text/css")
    service.does_elsewhere(lambda asked: style if "__debugger__" in asked.query else text("no", 404))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["debugger"])
