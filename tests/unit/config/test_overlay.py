from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.channels._route import recipients
from ci_ops.config.environments import environment_name
from tests.support.configs import loaded, problems, unhurried
from tests.support.events import event
from tests.support.reports import record
from tests.support.sampleplugins.checks.probe import Limits, Probe
from tests.support.sampleplugins.targets.other import Other

FILE = """
verify:
  url: https://shop.example.com
  checks:
    probe: {tags: [a, b], limits: {warn: 100ms, fail: 1s}, headers: {a: x, b: y}}
    mine: {type: probe, count: 2}
deploy: {target: {type: place, path: /srv}}
environments:
"""


def in_staging(overlay: str) -> str:
    return f"{FILE}  staging: {overlay}\n"


def checks(overlay: str) -> dict[str, Probe]:
    found = loaded(in_staging(overlay), environment="staging")
    assert found.problems == ()
    return {each.name: each.plugin for each in found.config.verify.checks}  # type: ignore[misc]


def test_maps_merge_and_lists_replace() -> None:
    overlay = "{verify: {checks: {probe: {tags: [c], limits: {fail: 2s}, headers: {b: z}}}}}"
    assert checks(overlay)["probe"] == Probe(
        tags=("c",), limits=Limits(warn=0.1, fail=2.0), headers={"a": "x", "b": "z"}
    )


def test_null_removes() -> None:
    assert checks("{verify: {checks: {mine: null, probe: {tags: ~}}}}") == {
        "probe": Probe(limits=Limits(warn=0.1, fail=1.0), headers={"a": "x", "b": "y"})
    }


def test_an_empty_map_leaves_what_is_there() -> None:
    assert len(checks("{verify: {checks: {mine: {}}}}")) == 2
    assert len(checks("")) == 2


def test_a_new_entry_may_be_added() -> None:
    assert checks("{verify: {checks: {more: {type: probe}}}}")["more"] == Probe()


def test_another_type_replaces_the_whole_map() -> None:
    found = loaded(in_staging("{deploy: {target: {type: other}}}"), environment="staging")
    target = found.config.deploy.target
    assert target is not None
    assert (target.plugin, str(target.location)) == (Other(), "ci-ops.yml:9")


def test_the_same_type_written_out_merges() -> None:
    assert checks("{verify: {checks: {probe: {type: probe, count: 3}}}}")["probe"].tags == ("a", "b")


def test_the_file_itself_holds_for_production() -> None:
    assert loaded(in_staging("{verify: {url: x}}")).config.verify.url == "https://shop.example.com"


def test_flags_go_over_environments() -> None:
    found = loaded(
        in_staging("{verify: {url: https://x, deadline: 1s}}"),
        environment="staging",
        overrides={"verify.url": ("https://y", "flag --url"), "verify.deadline": (None, "flag --deadline")},
    )
    assert (found.config.verify.url, found.config.verify.deadline) == ("https://y", 1.0)


def test_an_input_with_another_type_replaces_the_target() -> None:
    found = loaded(FILE, overrides={"deploy.target": ({"type": "other", "host": "h"}, "input run")})
    assert found.config.deploy.target is not None
    assert found.config.deploy.target.plugin == Other(host="h")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("", "production"),
        ("prod", "prod"),
        ("Dev", "Dev"),
        (" QA-1 ", "QA-1"),
        ("Production EU", "Production EU"),
        ("review/pr-12", "review/pr-12"),
        ("ümlaut", "ümlaut"),
    ],
)
def test_an_environment_keeps_the_name_that_the_user_wrote(word: str, name: str) -> None:
    assert environment_name(word) == name
    found = loaded("", environment=word)
    assert (found.config.environment, found.problems, found.warnings) == (name, (), ())


def test_a_short_name_means_the_long_one_where_the_file_lists_only_that() -> None:
    text = "environments: {production: {service: p}, development: {service: d}}"
    found = loaded(text, environment="prod")
    assert (found.config.service, found.config.environment, found.warnings) == ("p", "prod", ())
    assert loaded(text, environment="DEV").config.service == "d"


def test_a_long_name_means_the_short_one_where_the_file_lists_only_that() -> None:
    text = "environments: {prod: {service: p}, dev: {service: d}}"
    assert loaded(text).config.service == "p"
    assert loaded(text, environment="development").config.service == "d"


def test_a_file_that_lists_both_names_means_two_environments() -> None:
    text = "environments: {prod: {service: short}, production: {service: long}}"
    assert loaded(text, environment="prod").config.service == "short"
    assert loaded(text, environment="production").config.service == "long"


def test_environments_of_a_file_are_found_in_any_case_and_with_blanks_and_slashes() -> None:
    text = "environments: {Production EU: {service: eu}, review/pr-12: {service: review}}"
    assert loaded(text, environment="production eu").config.service == "eu"
    assert loaded(text, environment="Review/PR-12").config.service == "review"


def routed(environments: str, text: str, environment: str) -> bool:
    """Whether a route for these environments tells of an event in that one."""
    route = f"notify: {{routes: [{{to: [all], environments: [{environments}]}}]}}"
    config = loaded(f"{route}\n{text}", environment=environment).config
    happened = event(record=record(environment=config.environment))
    return recipients(happened, routes=config.notify.routes, channels=("ops",)) == ("ops",)


def test_routes_know_an_environment_by_each_of_its_names() -> None:
    assert routed("production", "", "prod")
    assert routed("PROD", "", "production")
    assert routed("Production EU", "", "production eu")
    assert not routed("production", "", "staging")
    assert not routed("production", "environments: {prod: , production: }", "prod")


def test_an_environment_that_the_file_does_not_list_is_a_warning_with_a_suggestion() -> None:
    found = loaded(in_staging("{}"), environment="stagin")
    assert found.problems == ()
    (warning,) = found.warnings
    assert str(warning) == (
        "ci-ops.yml:8:1 environments: the file lists no environment stagin, so its own values hold; "
        "did you mean staging?"
    )
    assert found.config.environment == "stagin"


def test_a_file_that_lists_none_takes_any() -> None:
    assert loaded("service: shop", environment="review-17").problems == ()
    assert loaded("environments:", environment="review-17").problems == ()


@pytest.mark.parametrize("name", ["../up", "/tmp/x", "a//b", "a/..", "x" * 256, "a\nb", "a\\b", "\u202ea"])
def test_a_name_that_leads_elsewhere_or_that_github_refuses_is_refused(name: str) -> None:
    (problem,) = problems("", environment=name)
    assert problem == (
        "environment: the name of an environment has 1 to 255 printable characters, "
        "blanks inside and `/` between parts included; no part is `.` or `..`"
    )


def test_routes_to_a_channel_that_is_switched_off_tell_nobody() -> None:
    found = loaded(
        "notify: {channels: {ops: {type: pager, token: abcdefgh, enabled: false}, dev: {type: pager, token: b}},"
        " routes: [{to: [ops]}, {to: [ops, dev, all]}]}"
    )
    assert found.problems == ()
    assert [route.to for route in found.config.notify.routes] == [(), ("dev", "all")]


def test_a_word_of_a_route_that_needs_a_missing_variable_is_one_problem() -> None:
    assert problems("notify: {routes: [{to: ['${A}', [b]]}, 3]}") == [
        "ci-ops.yml:1:25 notify.routes[0].to[0]: the variable A is not set",
        "ci-ops.yml:1:33 notify.routes[0].to[1]: expected a text",
        "ci-ops.yml:1:40 notify.routes[1]: expected keys and values",
    ]


def test_a_flag_may_name_routes() -> None:
    found = loaded("", overrides={"notify.routes": ([{"to": ["all"], "events": ["rollback.*"]}], "flag --r")})
    assert found.problems == ()
    assert found.config.notify.routes[0].events == ("rollback.*",)


@unhurried
@given(st.dictionaries(st.sampled_from(["url", "deadline", "timeout"]), st.integers(1, 99)))
def test_an_overlay_on_nothing_is_as_if_it_stood_in_the_file(values: dict[str, int]) -> None:
    section = "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"
    below = loaded(f"verify: {section}").config
    above = loaded(f"environments: {{prod: {{verify: {section}}}}}").config
    assert below == above
