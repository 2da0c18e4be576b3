"""Messages through the twilio package, against a server that speaks Twilio's API."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import pytest

from ci_ops.checks.messages import Messages, Schedule, Share
from ci_ops.config.model import Config, VerifySection
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from tests.support.checking import a_subject, a_world, checked, rules_of, the_result
from tests.support.parts import MISSING
from tests.support.reports import NOW
from tests.support.twilio_server import ACCOUNT, TOKEN, TwilioServer
from tests.support.web import Reply, serving

pytestmark = pytest.mark.skipif(find_spec("twilio") is None, reason=f"{MISSING} twilio: pip install twilio")
EXAMPLE = Messages(account_sid=ACCOUNT, secret=Secret(TOKEN), base_url="http://127.0.0.1:9")
SERVICE = "MG" + "2" * 32
PROBE = Schedule(messaging_service_sid=SERVICE, to="+15005550006")


def look(twilio: TwilioServer, *, deployed_minutes_ago: float | None = None, **settings: Any) -> Result:
    given: dict[str, Any] = {"account_sid": ACCOUNT, "secret": Secret(TOKEN), "min_sample": 5, **settings}
    at = None if deployed_minutes_ago is None else NOW - timedelta(minutes=deployed_minutes_ago)
    with serving(twilio) as server:
        check = Messages(base_url=server.url(""), **given)
        return the_result(check, a_subject(deployed_at=at), a_world())


@pytest.fixture
def twilio() -> TwilioServer:
    """An active account without messages."""
    return TwilioServer()


def test_messages_that_arrive_pass(twilio: TwilioServer) -> None:
    twilio.add("delivered", 8)
    twilio.add("sent", 2)
    twilio.add("received", 3, direction="inbound")
    result = look(twilio)
    assert (result.status, result.measured, rules_of(result)) == (Status.PASS, 10, [])
    assert result.sentence == "10 of 10 messages were sent without an error."


def test_every_page_is_read_up_to_the_limit(twilio: TwilioServer) -> None:
    twilio.add("delivered", 120)
    assert look(twilio, max_messages=50).measured == 50
    assert look(twilio, max_messages=1000).measured == 120


@pytest.mark.reports("messages/undelivered")
@pytest.mark.parametrize(("lost", "status"), [(1, Status.WARN), (3, Status.FAIL)])
def test_the_share_that_is_lost_is_held_to_both_limits_by_error_code(
    twilio: TwilioServer, lost: int, status: Status
) -> None:
    twilio.add("delivered", 10 - lost)
    twilio.add("undelivered", lost - 1, error_code=30007)
    twilio.add("failed", 1, error_code=21610)
    result = look(twilio)
    assert (result.status, rules_of(result)) == (status, ["undelivered"])
    assert result.sentence.startswith(f"{lost} of 10 (")
    assert "1 x 21610" in result.sentence
    assert result.facts["after"]["errors"]["21610"] == 1


@pytest.mark.reports("messages/undelivered-before")
def test_a_share_that_was_as_high_before_the_deployment_is_no_fault_of_it(twilio: TwilioServer) -> None:
    for minutes in (5, 30):
        twilio.add("delivered", 6, minutes_ago=minutes)
        twilio.add("undelivered", 4, minutes_ago=minutes, error_code=30003)
    result = look(twilio, deployed_minutes_ago=10)
    assert (result.status, rules_of(result)) == (Status.WARN, ["undelivered-before"])
    assert result.facts["before"] == {"sent": 10, "lost": 4, "errors": {"30003": 4}}


def test_a_share_that_rose_with_the_deployment_fails(twilio: TwilioServer) -> None:
    twilio.add("delivered", 10, minutes_ago=30)
    twilio.add("delivered", 6, minutes_ago=5)
    twilio.add("undelivered", 4, minutes_ago=5)
    result = look(twilio, deployed_minutes_ago=10)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["undelivered"])
    assert "in the window before, 0 of 10" in result.sentence


@pytest.mark.reports("messages/small-sample")
def test_too_few_messages_are_not_judged(twilio: TwilioServer) -> None:
    twilio.add("failed", 4)
    result = look(twilio)
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["small-sample"], 4)


@pytest.mark.reports("messages/nothing-sent")
@pytest.mark.parametrize("minutes_ago", [None, 90.0])
def test_nothing_sent_in_the_window_is_inconclusive(twilio: TwilioServer, minutes_ago: float | None) -> None:
    if minutes_ago is not None:
        twilio.add("delivered", 50, minutes_ago=minutes_ago)
    twilio.add("received", 3, direction="inbound")
    result = look(twilio)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["nothing-sent"], 0)
    assert result.transient


@pytest.mark.reports("messages/stuck")
@pytest.mark.parametrize("status", ["queued", "accepted", "sending"])
def test_messages_that_wait_too_long_are_named(twilio: TwilioServer, status: str) -> None:
    twilio.add("delivered", 10)
    twilio.add(status, 2, minutes_ago=11)
    twilio.add(status, 1, minutes_ago=9)
    result = look(twilio)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["stuck"])
    assert result.facts["stuck"] == {status: 2}


@pytest.mark.parametrize(("days", "rules"), [(34, []), (36, ["stuck"])])
def test_a_schedule_ends_after_35_days(twilio: TwilioServer, days: int, rules: list[str]) -> None:
    twilio.add("delivered", 10)
    twilio.add("scheduled", minutes_ago=days * 24 * 60)
    assert rules_of(look(twilio)) == rules


@pytest.mark.reports("messages/account")
@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_that_is_not_active_fails(twilio: TwilioServer, status: str) -> None:
    twilio.status = status
    twilio.add("delivered", 10)
    result = look(twilio)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["account"])
    assert result.sentence == f"The Twilio account is {status}."


def test_a_message_is_scheduled_and_canceled_again(twilio: TwilioServer) -> None:
    result = look(twilio, schedule=PROBE)
    assert (result.status, result.measured, rules_of(result)) == (Status.PASS, 1, [])
    assert result.sentence == "No message was sent in the window. A message was scheduled and canceled."
    (created,) = twilio.created
    assert created["SendAt"] == "2026-11-22T08:42:00Z"
    assert (created["ScheduleType"], created["MessagingServiceSid"]) == ("fixed", SERVICE)
    assert twilio.canceled == ["SM" + "a" * 32]


@pytest.mark.reports("messages/not-scheduled")
def test_a_message_that_goes_out_at_once_is_named_and_still_canceled(twilio: TwilioServer) -> None:
    twilio.created_status = "accepted"
    result = look(twilio, schedule=PROBE)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["not-scheduled"])
    assert twilio.canceled


@pytest.mark.reports("messages/not-scheduled")
def test_a_schedule_that_twilio_refuses_is_a_failure_with_its_reason(twilio: TwilioServer) -> None:
    twilio.add("delivered", 10)
    twilio.schedule_error = 35114
    result = look(twilio, schedule=PROBE)
    assert (result.status, rules_of(result), twilio.canceled) == (Status.FAIL, ["not-scheduled"], [])
    assert "35114" in result.findings[0].observed


@pytest.mark.reports("messages/not-canceled")
def test_a_message_that_is_not_canceled_is_named_with_its_time(twilio: TwilioServer) -> None:
    twilio.canceled_status = "scheduled"
    result = look(twilio, schedule=PROBE)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["not-canceled"])
    assert f"SM{'a' * 32} could not be canceled: it is sent at 2026-11-22 08:42 UTC" in result.sentence


def test_a_probe_is_sent_once_whatever_comes_of_it(twilio: TwilioServer) -> None:
    twilio.add("queued", minutes_ago=20)
    with serving(twilio) as server:
        check = Messages(account_sid=ACCOUNT, secret=Secret(TOKEN), base_url=server.url(""), schedule=PROBE)
        (result,) = checked([Named(name="sms", plugin=check)], a_subject(), a_world(), deadline_seconds=60.0)
    assert (result.attempts, len(twilio.created)) == (1, 1)


@pytest.mark.reports("messages/credentials")
def test_credentials_that_twilio_refuses_say_nothing_about_the_messages(twilio: TwilioServer) -> None:
    twilio.add("delivered", 10)
    result = look(twilio, secret=Secret("another-token"))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["credentials"], 0)
    assert not result.transient
    assert "20003" in result.findings[0].observed


def test_an_api_key_works_in_place_of_the_token(twilio: TwilioServer) -> None:
    twilio.accepts = ("SK" + "3" * 32, "secret-of-the-key")
    twilio.add("delivered", 10)
    key, secret = twilio.accepts
    assert look(twilio, api_key=key, secret=Secret(secret)).status is Status.PASS


@pytest.mark.reports("messages/unanswered")
@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=500),
        Reply(status=503, headers={"Retry-After": "7"}),
        Reply(status=404),
        Reply(status=302, headers={"Location": "https://elsewhere.example/"}),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(body=b"null"),
        Reply(body=b""),
    ],
)
def test_an_answer_that_is_none_is_never_a_pass(twilio: TwilioServer, answer: Reply) -> None:
    twilio.refusal = answer
    result = look(twilio)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unanswered"], 0)
    assert result.transient


def test_a_limit_of_twilio_is_waited_for(twilio: TwilioServer) -> None:
    twilio.refusal = Reply(status=429, headers={"Retry-After": "7"})
    result = look(twilio)
    assert (rules_of(result), result.facts["retry_after_seconds"]) == (["unanswered"], 7.0)


def test_a_server_that_is_not_there_is_no_pass() -> None:
    result = the_result(EXAMPLE, a_subject(), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["unanswered"])


def test_no_number_text_or_secret_is_shown(twilio: TwilioServer) -> None:
    twilio.add("delivered", 5)
    twilio.add("failed", 5, error_code=30003)
    told = json.dumps(look(twilio, schedule=PROBE).to_json())
    for hidden in (TOKEN, "+1555", "+15017122661", "4711", "+15005550006"):
        assert hidden not in told


def test_the_environment_of_the_runner_chooses_no_other_region(
    twilio: TwilioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "9" * 32)
    twilio.add("delivered", 10)
    assert look(twilio).status is Status.PASS


@pytest.mark.parametrize(("checks", "needs"), [((), set()), ((Named(name="sms", plugin=EXAMPLE),), {"sms"})])
def test_its_driver_is_loaded_only_where_it_is_configured(checks: Any, needs: set[str]) -> None:
    assert Config(verify=VerifySection(checks=checks)).needs() == needs


@pytest.mark.reports("messages/driver")
def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "twilio.rest", None)
    result = the_result(EXAMPLE, a_subject(), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["driver"], 0)
    assert 'pipx install "ci-ops[cli,sms]"' in result.findings[0].advice


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"account_sid": "SK1"}, "account-sid: "),
        ({"api_key": "AC1"}, "`api-key`: "),
        ({"window": 0.0}, "window, stuck-after: "),
        ({"min_sample": 0}, "min-sample, max-messages: "),
        ({"max_messages": 10_001}, "min-sample, max-messages: "),
        ({"base_url": "nonsense"}, "base-url: "),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {"account_sid": ACCOUNT, "secret": Secret(TOKEN), **settings}
    with pytest.raises(ValueError, match=f"^{problem}"):
        Messages(**given)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"messaging_service_sid": "", "to": "+1"}, "^messaging-service-sid: "),
        ({"messaging_service_sid": "SM1", "to": "+1"}, "^messaging-service-sid: "),
        ({"messaging_service_sid": SERVICE, "to": ""}, "^to: "),
    ],
)
def test_a_schedule_that_could_send_a_message_is_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Schedule(**settings)


@pytest.mark.parametrize("limits", [{"warn": 1.5}, {"warn": -0.1}, {"fail": 1.1}])
def test_shares_are_between_none_and_all(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares from 0 to 1"):
        Share(**limits)
