from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ci_ops.checks.revision import Revision
from ci_ops.checks.revision.histogram import ONE_CLIENT
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from tests.support.checking import (
    NEW,
    OLD,
    a_subject,
    a_world,
    a_world_without_ipv6,
    assert_refusals_say_nothing,
    checked,
    rules_of,
    the_result,
)
from tests.support.sample_service import RESET, Answer, Asked, SampleService, said, sample_service, text

EXAMPLE = Revision()


def look(service: SampleService, at: str = "", revision: str = NEW, **settings: Any) -> Result:
    subject = a_subject(url=service.url(at), revision=revision, timeout_seconds=2.0)
    return the_result(Revision(**settings), subject, a_world())


def turns(*revisions: str) -> Callable[[Asked], Answer]:
    """Workers that answer in turn, each with its own revision."""
    lock, count = threading.Lock(), [0]

    def answer(asked: Asked) -> Answer:
        del asked
        with lock:
            count[0] += 1
            return said({"commit": revisions[count[0] % len(revisions)]})

    return answer


def test_the_shipped_revision_on_every_new_connection_passes(service: SampleService) -> None:
    service.says("/__version__", said({"source": "x", "commit": NEW}))
    result = look(service)
    assert (result.status, result.measured) == (Status.PASS, 8)
    assert result.sentence == f"All 8 new connections see 2222222; {ONE_CLIENT}."
    assert "ip_hash" in ONE_CLIENT
    assert result.facts["histogram"] == {"2222222": 8}
    assert result.facts["read_from"] == "$.commit"
    assert len({asked.client_port for asked in service.asked}) == 9


def test_one_stale_worker_is_named_with_the_histogram(service: SampleService) -> None:
    service.does("/__version__", turns(NEW, OLD))
    result = look(service, connections=7)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["stale"], True)
    assert "is still served by 1111111 beside 2222222. That is the previous release" in result.sentence
    assert "x 2222222" in result.findings[0].observed
    assert "x 1111111" in result.findings[0].observed
    assert sum(result.facts["histogram"].values()) == 7


@pytest.mark.reports("revision/stale")
def test_a_revision_that_nobody_expected_is_named(service: SampleService) -> None:
    service.says("/__version__", said({"commit": "f" * 40}))
    result = look(service)
    assert result.sentence == f"{service.url('/__version__')} is served by fffffff, not by 2222222."
    assert result.findings[0].observed == "8 x fffffff"


def test_an_old_revision_is_pending_until_the_deadline(service: SampleService) -> None:
    old, new = said({"commit": OLD}), said({"commit": NEW})
    service.says("/__version__", *[old] * 20, new)
    check = Named(name="revision", plugin=Revision(connections=4))
    (result,) = checked([check], a_subject(url=service.url()), a_world())
    assert (result.status, result.attempts) == (Status.PASS, 5)
    service.says("/__version__", old)
    (result,) = checked([check], a_subject(url=service.url()), a_world())
    assert (result.status, result.attempts, rules_of(result)) == (Status.FAIL, 11, ["stale"])


def test_the_health_body_s_release_is_read_where_there_is_no_version_address(service: SampleService) -> None:
    service.says("/health/ready", said({"status": "pass", "releaseId": NEW[:12]}))
    for result in (look(service), look(service, "/health/ready")):
        assert (result.status, result.facts["read_from"]) == (Status.PASS, "releaseId")
        assert result.facts["url"] == service.url("/health/ready")


def test_the_header_is_read_where_no_body_tells(service: SampleService) -> None:
    service.says("/health", text("ok", X_Revision=NEW.upper()))
    result = look(service, "/health")
    assert (result.status, result.facts["read_from"]) == (Status.PASS, "X-Revision")
    service.says("/health", text("ok"))
    service.says("/__version__", text("nothing here", 404, X_Commit=NEW))
    assert look(service, "/health", header="X-Commit").status is Status.PASS


def test_path_and_member_can_be_configured(service: SampleService) -> None:
    service.says("/api/version", said({"build": {"sha": NEW}}))
    assert look(service, path="/api/version", json="$.build.sha").status is Status.PASS
    service.says("/status", said({"status": "pass", "releaseId": NEW}))
    assert look(service, health_path="/status").facts["read_from"] == "releaseId"


@pytest.mark.parametrize(
    "version",
    [
        text("not found", 404),
        text("<html>"),
        text("", 302, Location="/login"),
        said({"version": "1.2"}),
        said({"commit": "unknown"}),
        said({"commit": ""}),
        said({"commit": None}),
        said({"commit": ["a"]}),
        said({"commit": True}),
        said({"commit": "abc12"}),
        said({"commit": "0" * 40}),
        said({"commit": "${GIT_COMMIT}"}),
        text('{"commit": "a", "commit": "b"}'),
    ],
)
def test_a_missing_or_unknown_revision_is_an_error_with_the_fix(
    service: SampleService, version: Answer
) -> None:
    service.says("/__version__", version)
    service.says("/", text("hello"))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["missing"])
    assert result.transient
    assert 'return {"commit": os.environ["GIT_COMMIT"]}' in result.findings[0].advice


@pytest.mark.reports("revision/missing")
def test_a_service_without_any_usual_address_does_not_tell_its_revision(service: SampleService) -> None:
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["missing"])
    assert result.findings[0].observed == "404 without a revision"


def test_one_worker_that_does_not_tell_is_an_error_and_a_stale_one_beside_it_a_failure(
    service: SampleService,
) -> None:
    service.does("/__version__", turns("unknown", NEW))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["missing"])
    assert result.facts["histogram"]["unknown"] == 4
    service.does("/__version__", turns(OLD, NEW, "unknown"))
    result = look(service, connections=9)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["stale", "missing"])


def test_a_worker_that_breaks_off_or_answers_500_fails(service: SampleService) -> None:
    service.says("/__version__", *[said({"commit": NEW})] * 3, Answer(status=RESET), text("", 502))
    result = look(service, connections=4)
    assert (result.status, sorted(rules_of(result))) == (Status.FAIL, ["status", "unreachable"])
    assert result.facts["histogram"] == {"2222222": 2, "no answer": 1, "status 502": 1}
    assert result.measured == 3


@pytest.mark.parametrize("at", ["", "/health"])
@pytest.mark.reports("revision/status")
def test_a_service_that_is_down_behind_its_proxy_fails(service: SampleService, at: str) -> None:
    for path in ("/__version__", "/health", "/health/ready"):
        service.says(path, text("bad gateway", 502))
    result = look(service, at)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["status"], True)


@pytest.mark.reports("revision/url", "revision/unreachable")
def test_a_dead_service_fails_and_an_unusable_address_is_an_error() -> None:
    with sample_service() as dead:
        pass
    result = look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)
    result = the_result(Revision(), a_subject(url="nowhere"), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["url"])


@pytest.mark.parametrize("revision", ["", "abc", "unknown", "HEAD"])
@pytest.mark.reports("revision/nothing-to-compare")
def test_without_a_revision_to_compare_with_it_is_an_error(service: SampleService, revision: str) -> None:
    result = look(service, revision=revision)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["nothing-to-compare"])
    assert service.asked == []


@pytest.mark.reports("revision/aged")
def test_an_answer_from_a_cache_proves_nothing(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}, Age="5"))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["aged"])


def test_credentials_are_sent_and_never_shown(service: SampleService) -> None:
    service.does("/__version__", lambda asked: said({"commit": asked.headers["authorization"]}))
    result = look(service, send_headers={"Authorization": Secret("Bearer t0ken-that-nobody-sees")})
    assert result.status is Status.ERROR
    assert "t0ken" not in json.dumps(result.to_json())


@pytest.mark.usefixtures("shop_test")
def test_every_address_of_the_name_is_asked_and_the_stale_one_is_named(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    with sample_service(host="127.0.0.2", port=service.port) as other:
        other.says("/__version__", said({"commit": OLD}))
        subject = a_subject(url=service.url(host="shop.test"))
        result = the_result(Revision(connections=1), subject, a_world())
        assert result.facts["histogram"] == {"2222222": 1, "1111111": 1}
        assert result.findings[0].observed.endswith("(stale at 127.0.0.2)")
        other.says("/__version__", said({"commit": NEW}))
        result = the_result(Revision(connections=4), subject, a_world())
        assert result.sentence == "All 4 new connections to 2 addresses see 2222222."
    result = the_result(Revision(connections=4), subject, a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["unreachable"])
    assert "at 127.0.0.2" in result.findings[0].sentence


@pytest.mark.usefixtures("shop_test")
def test_an_ipv6_address_without_a_way_to_it_is_left_out(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    subject = a_subject(url=service.url(host="shop.test"))
    result = the_result(Revision(), subject, a_world_without_ipv6("127.0.0.1", "2001:db8::1"))
    assert (result.status, result.facts["histogram"]) == (Status.PASS, {"2222222": 8})


def test_behind_a_proxy_no_address_is_chosen(service: SampleService) -> None:
    service.does("/__version__", lambda asked: said({"commit": NEW, "host": asked.headers["host"]}))
    world = a_world(http_proxy=service.url())
    result = the_result(Revision(connections=2), a_subject(url="http://shop.invalid"), world)
    assert result.status is Status.PASS
    assert {asked.headers["host"] for asked in service.asked} == {"shop.invalid"}


@pytest.mark.parametrize("told", ["sha-2222222", "v1.4.0-14-g2222222b", f"main-{NEW}"])
def test_the_shipped_commit_passes_in_the_dress_of_its_build_tool(service: SampleService, told: str) -> None:
    service.says("/__version__", said({"commit": told}))
    result = look(service)
    assert (result.status, result.facts["histogram"]) == (Status.PASS, {told[:40]: 8})
    assert result.facts["revisions"] == [told.rpartition("-")[2].removeprefix("g")]


@pytest.mark.parametrize("told", ["sha-9b8a7c6", "2222222-dirty", "v1.4.0-14-g2222222-dirty"])
def test_another_commit_or_a_dirty_tree_in_such_a_dress_is_stale(service: SampleService, told: str) -> None:
    service.does("/__version__", turns(told, f"sha-{NEW}"))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["stale"])
    assert f"is still served by {told} beside 2222222." in result.sentence
    assert told in result.facts["revisions"] or told.endswith("9b8a7c6")


@pytest.mark.parametrize("told", ["v1.4.0", "2026.12.1", (NEW + NEW)[:44]])
def test_what_names_no_commit_cannot_be_compared(service: SampleService, told: str) -> None:
    service.says("/__version__", said({"commit": told}))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["missing"])
    assert result.sentence.endswith(f"reports {told[:40]}, which names no commit to compare with.")
    service.says("/__version__", said({"commit": "v1.4.0"}))
    assert rules_of(look(service, revision="v1.4.1")) == ["stale"]
    assert look(service, revision="v1.4.0").status is Status.PASS


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"connections": 0}, "connections"),
        ({"path": "version"}, "path"),
        ({"json": "$"}, "json"),
        ({"json": "commit"}, "json"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_their_name(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Revision(**settings)


@pytest.mark.reports("revision/not-asked")
def test_a_name_that_cannot_be_looked_up_is_an_error() -> None:
    result = the_result(Revision(), a_subject(url="http://service.invalid"), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)


@pytest.mark.reports("revision/gate")
def test_a_gate_in_front_is_an_error_and_not_a_stale_release(service: SampleService) -> None:
    service.does_elsewhere(lambda _: text("Just a moment...", 403, CF_Mitigated="challenge"))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])


@pytest.mark.reports("revision/throttled", "revision/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


def test_each_instance_is_asked_by_itself(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    with sample_service(host="127.0.0.2", port=service.port) as second, sample_service() as third:
        for each in (second, third):
            each.says("/__version__", said({"commit": NEW}))
        listed = f"127.0.0.1, 127.0.0.2\n127.0.0.1:{third.port}"
        result = look(service, instances=(listed,), connections=6)
        assert (result.status, result.measured) == (Status.PASS, 6)
        assert result.sentence == "All 6 new connections to 3 instances see 2222222."
        assert result.facts["addresses"] == {
            "127.0.0.1": {"2222222": 2},
            "127.0.0.2": {"2222222": 2},
            f"127.0.0.1:{third.port}": {"2222222": 2},
        }
        third.says("/__version__", said({"commit": OLD}))
        stale = look(service, instances=(listed,), connections=1)
        assert (stale.status, rules_of(stale), stale.measured) == (Status.FAIL, ["stale"], 3)
        assert stale.findings[0].observed.endswith(f"(stale at 127.0.0.1:{third.port})")
        port = third.port
    gone = look(service, instances=("127.0.0.1", f"http://127.0.0.1:{port}"), connections=1)
    assert (gone.status, rules_of(gone)) == (Status.FAIL, ["unreachable"])
    assert f"at 127.0.0.1:{port}" in gone.sentence
    one = look(service, instances=("127.0.0.1",), connections=1)
    assert one.sentence == "All 1 new connections to 1 instance see 2222222."


@pytest.mark.reports("revision/no-instances")
def test_an_empty_list_of_instances_measures_nothing(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    result = look(service, instances=(" ",))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-instances"], 0)
    assert service.asked == []
    with pytest.raises(ValueError, match=r"^instances: "):
        Revision(instances=("https://",))


def test_freshness_is_proven_by_the_nonce_and_unknown_without_it(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    assert look(service).facts["freshness"].startswith("unknown: ")

    def echo(asked: Asked) -> Answer:
        return said({"commit": NEW}, X_Ci_Ops_Nonce=asked.headers["x-ci-ops-nonce"])

    service.does("/__version__", echo)
    assert look(service).facts["freshness"].startswith("proven: ")
    answers = iter([said({"commit": NEW})] * 2)
    service.does("/__version__", lambda asked: next(answers, None) or echo(asked))
    assert look(service).facts["freshness"].startswith("proven for 7 of 8 ")
