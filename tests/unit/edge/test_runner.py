"""The runner's protocol, against the runner's own rules."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.core.errors import Inconclusive
from ci_ops.core.text.lines import one_line
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.spellings import masks_of
from ci_ops.edge.runner import Runner
from ci_ops.edge.runner_text import MAX_OUTPUT_BYTES, MAX_SUMMARY_BYTES, inert
from tests.support import runner_rules

PIECES = (
    *(
        "::",
        "##[",
        "]",
        "%",
        "%0A",
        "%25",
        "\r",
        "\n",
        "\r\n",
        "<<",
        "=",
        ",",
        ":",
        " ",
        "EOF",
        "\ud800",
        "\x1b[31m",
    ),
    *(
        "::error::",
        "##[error]",
        "::add-mask::",
        "::stop-commands::",
        "\n::set-output name=a::b\n",
        "```\n",
        "🐛",
    ),
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=24).map("".join)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True)
UNHURRIED = settings(deadline=None)
"""For examples that write files: how long that takes depends on who else writes."""
ON_GITHUB = {"GITHUB_ACTIONS": "true"}


def written(text: str) -> str:
    """What is left of a text that is written as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def line_ended(text: str) -> str:
    """The text with one kind of line end."""
    return re.sub(r"\r\n?", "\n", written(text))


class Log(list[str]):
    """Everything a runner wrote, in order."""

    @property
    def text(self) -> str:
        return "".join(self)


def runner_in(folder: Path, **env: str) -> tuple[Runner, Log]:
    """A runner on GitHub whose files lie in the folder, and its log."""
    log = Log()
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return Runner.from_env({**ON_GITHUB, **files, **env}, log.append), log


@UNHURRIED
@given(st.dictionaries(NAMES, HOSTILE, max_size=5))
def test_every_output_arrives_as_it_was_given_but_for_its_line_ends(values: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runner, _ = runner_in(Path(folder))
        runner.set_outputs(values)
        runner.set_output("last", "one")
        arrived = runner_rules.parse_file((Path(folder) / "output").read_bytes())
    assert arrived == {**{name: line_ended(value) for name, value in values.items()}, "last": "one"}


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "a\nb", "1a", "é"])
def test_a_name_that_could_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    runner, _ = runner_in(tmp_path)
    with pytest.raises(ValueError, match="not the name of an output"):
        runner.set_output(name, "value")


def test_each_output_has_a_delimiter_of_its_own_that_nobody_can_guess(tmp_path: Path) -> None:
    runner, _ = runner_in(tmp_path)
    runner.set_outputs({"a": "", "b": ""})
    delimiters = re.findall(r"<<ci-ops-([0-9a-f]{32})\n", (tmp_path / "output").read_text())
    assert len(set(delimiters)) == 2


def test_an_output_too_long_for_an_environment_variable_is_cut_visibly(tmp_path: Path) -> None:
    runner, _ = runner_in(tmp_path)
    runner.set_output("report", "ä" * MAX_OUTPUT_BYTES)
    value = runner_rules.parse_file((tmp_path / "output").read_bytes())["report"]
    assert value.endswith("ä … (cut)")
    assert MAX_OUTPUT_BYTES - 32 < len(value.encode()) <= MAX_OUTPUT_BYTES


def test_without_the_runners_files_nothing_is_written_and_nothing_fails() -> None:
    log = Log()
    runner = Runner.from_env({}, log.append)
    runner.set_output("status", "pass")
    runner.summary("# fine")
    runner.error("no annotation at home")
    runner.mask(["a-secret-that-must-not-be-printed"])
    runner.untrusted("::error::hello\x1b[2J ##[group]x")
    runner.close()
    assert log.text == "::error::hello ## [group]x\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    runner, _ = runner_in(tmp_path, GITHUB_OUTPUT=str(tmp_path / "missing" / "output"))
    with pytest.raises(Inconclusive, match="GITHUB_OUTPUT: No such file"):
        runner.set_output("status", "pass")


@UNHURRIED
@given(st.lists(HOSTILE, min_size=1, max_size=3))
def test_a_summary_that_fits_is_kept_word_for_word(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runner, _ = runner_in(Path(folder))
        for part in parts:
            runner.summary(part)
        content = (Path(folder) / "summary").read_bytes()
    expected = "".join(part if part.endswith("\n") else f"{part}\n" for part in map(written, parts))
    assert content.decode() == expected


@given(HOSTILE.filter(bool), st.integers(0, 300), st.booleans())
@settings(max_examples=20, deadline=None)  # a megabyte each
def test_a_summary_that_is_too_long_is_cut_at_a_line_and_says_so(
    part: str, spare: int, one_long_line: bool
) -> None:
    whole = written(part) * (MAX_SUMMARY_BYTES // len(written(part).encode()) + 1)
    if one_long_line:
        whole = whole.replace("\n", " ").replace("\r", " ")
    with tempfile.TemporaryDirectory() as folder:
        runner, _ = runner_in(Path(folder))
        runner.summary("x" * spare)
        runner.summary(whole)
        runner.summary("this comes too late")
        content = (Path(folder) / "summary").read_bytes()
    assert runner_rules.summary_is_kept(content)
    text = content.decode()
    assert text.count("**Cut here:**") == 1
    assert text.endswith("all of it.\n")
    if not one_long_line and "\n" in whole:
        head = text.partition("\n> **Cut")[0].removeprefix("x" * spare + "\n")
        kept = head if whole.startswith(head) else head.removesuffix("```\n")
        assert whole.startswith(kept)
        assert kept.endswith("\n")


def test_a_code_block_that_was_cut_open_is_closed_before_the_notice(tmp_path: Path) -> None:
    runner, _ = runner_in(tmp_path)
    runner.summary("~~~\nclosed\n~~~\n````text\n```\n" + "line\n" * MAX_SUMMARY_BYTES)
    ending = (tmp_path / "summary").read_text()[-200:]
    assert re.search(r"line\n````\n\n> \*\*Cut here:\*\* .* all of it\.\n\Z", ending)


def test_a_summary_without_room_for_the_notice_is_left_out(tmp_path: Path) -> None:
    runner, _ = runner_in(tmp_path)
    (tmp_path / "summary").write_text("x" * (MAX_SUMMARY_BYTES - 10))
    runner.summary("a long line of text")
    assert (tmp_path / "summary").stat().st_size == MAX_SUMMARY_BYTES - 10


@given(HOSTILE, HOSTILE, HOSTILE, st.integers(-1, 9999))
def test_an_annotation_says_what_was_meant_whatever_the_text(
    message: str, title: str, file: str, line: int
) -> None:
    log = Log()
    Runner.from_env(ON_GITHUB, log.append).warning(message, title=title, file=file, line=line)
    read = runner_rules.read_log(log.text)
    assert [(each.name, each.data) for each in read.commands] == [("warning", inert(message))]
    wanted = {"title": one_line(title).lstrip("= ")}
    if file:
        wanted |= {"file": one_line(file).lstrip("= "), "line": str(line) if line > 0 else ""}
    shown = {name: value.strip() for name, value in read.commands[0].properties.items()}
    assert shown == {name: value.strip() for name, value in wanted.items() if value.strip()}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b]0;TITLE\x07\x1b[2J\x1b[31mgone\x1b[0m", "gone"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("to\u202edesrever\u2066\u200b", "todesrever"),
        ("bell\x07 and\x00", "bell\ufffd and\ufffd"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_an_annotation_and_a_block_carry_no_escapes_and_no_direction_marks(said: str, shown: str) -> None:
    log = Log()
    runner = Runner.from_env(ON_GITHUB, log.append)
    runner.error(said)
    runner.untrusted(said)
    read = runner_rules.read_log(log.text)
    assert [each.data for each in read.commands] == [shown]
    assert read.shown == shown.split("\n")


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (9, "finding 9"),
        (10, "finding 10"),
        (11, "and 2 more, see the summary"),
        (40, "and 31 more, see the summary"),
    ],
)
def test_no_annotation_is_dropped_silently(count: int, last: str) -> None:
    log = Log()
    with Runner.from_env(ON_GITHUB, log.append) as runner:
        for number in range(1, count + 1):
            runner.error(f"finding {number}")
            runner.warning("only one kind is full") if number == 1 else None
    read = runner_rules.read_log(log.text)
    assert len([each for each in read.commands if each.name == "error"]) == min(count, 10)
    assert read.annotations("error")[-1].data == last
    assert len(read.annotations("warning")) == 1


def test_closing_twice_adds_nothing_and_a_full_kind_stays_full() -> None:
    log = Log()
    runner = Runner.from_env(ON_GITHUB, log.append)
    for number in range(12):
        runner.error(str(number))
    runner.close()
    runner.error("after the end")
    runner.close()
    assert len(runner_rules.read_log(log.text).commands) == 10


@pytest.mark.parametrize("character", ["a", "ä", "🐛"])
def test_a_message_is_cut_visibly_at_what_the_runner_keeps(character: str) -> None:
    log = Log()
    Runner.from_env(ON_GITHUB, log.append).error(character * 5000)
    message = runner_rules.read_log(log.text).commands[0].data
    assert message.endswith(f"{character} … (cut)")
    assert len(message.encode("utf-16-le")) // 2 <= runner_rules.MAX_MESSAGE_UNITS


@given(st.lists(HOSTILE | st.text(min_size=8, max_size=30), max_size=4))
def test_every_spelling_of_a_secret_is_masked_and_no_short_piece_is(secrets: list[str]) -> None:
    log = Log()
    Runner.from_env(ON_GITHUB, log.append).mask(secrets)
    read = runner_rules.read_log(log.text)
    assert read.shown == []
    assert {each.name for each in read.commands} <= {"add-mask"}
    assert all(len(mask) >= 8 for mask in read.masks)
    for secret in secrets:
        assert all(read.hides(written(form)) for form in masks_of(secret) if not re.search(r"[\r\n]", form))


def test_each_line_of_a_long_secret_is_masked_and_its_braces_are_not() -> None:
    log = Log()
    runner = Runner.from_env(ON_GITHUB, log.append)
    runner.mask([Secret('{\n"private_key": "0123456789"\n}'), "short", "0123456789-token"])
    runner.mask(["0123456789-token"])
    read = runner_rules.read_log(log.text)
    assert '"private_key": "0123456789"' in read.masks
    assert not {"{", "}", "short"} & set(read.masks)
    assert read.masks.count("0123456789-token") == 1


@given(HOSTILE)
def test_text_from_outside_never_becomes_a_command(text: str) -> None:
    log = Log()
    runner = Runner.from_env(ON_GITHUB, log.append)
    runner.untrusted(text)
    runner.error("and then it goes on")
    read = runner_rules.read_log(log.text)
    assert [each.data for each in read.commands] == ["and then it goes on"]
    assert not any("##[" in line for line in read.shown)
    assert len(read.shown) >= 1


def context_of(tmp_path: Path, payload: object, **env: str) -> Runner:
    """A runner that was started by an event with that payload."""
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    return Runner.from_env({**ON_GITHUB, "GITHUB_EVENT_PATH": str(path), **env}, Log().append)


HEAD, TRIAL_MERGE = "a" * 40, "b" * 40


def test_of_a_pull_request_its_number_its_head_and_the_trial_merge_are_known(tmp_path: Path) -> None:
    payload = {"pull_request": {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": "Org/App"}}}}
    env = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": TRIAL_MERGE, "GITHUB_REPOSITORY": "org/app"}
    context = context_of(tmp_path, payload, **env).context
    assert (context.head_sha, context.sha, context.pull_request) == (HEAD, TRIAL_MERGE, 7)
    assert (context.is_fork, context.event) == (False, "pull_request")


def test_after_a_re_run_the_one_who_started_it_is_known_beside_the_actor(tmp_path: Path) -> None:
    env = {
        "GITHUB_ACTOR": "octocat",
        "GITHUB_TRIGGERING_ACTOR": "mona",
        "GITHUB_REPOSITORY": "org/app",
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "3",
    }
    context = context_of(tmp_path, {}, **env).context
    assert (context.actor, context.triggering_actor, context.owner) == ("octocat", "mona", "org/app/7/3")


@pytest.mark.parametrize(
    "payload",
    [
        {"pull_request": {"head": {"sha": HEAD, "repo": {"full_name": "someone/app"}}}},
        {"pull_request": {"head": {"sha": HEAD, "repo": None}}},
        {"pull_request": 5},
        [],
        "{ not JSON",
    ],
)
def test_a_pull_request_that_is_not_surely_ours_counts_as_a_fork(tmp_path: Path, payload: object) -> None:
    env = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REPOSITORY": "org/app", "GITHUB_SHA": TRIAL_MERGE}
    context = context_of(tmp_path, payload, **env).context
    assert context.is_fork
    assert context.head_sha in {HEAD, ""}


def test_a_push_is_what_the_variables_say(tmp_path: Path) -> None:
    context = Runner.from_env(
        {
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_SHA": HEAD,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_REPOSITORY": "org/app",
            "GITHUB_RUN_ID": "77",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_WORKSPACE": str(tmp_path),
        },
        Log().append,
    ).context
    assert (context.sha, context.ref, context.actor, context.repository) == (
        HEAD,
        "refs/heads/main",
        "octocat",
        "org/app",
    )
    assert (context.is_fork, context.run_id, context.run_attempt, context.workspace) == (
        False,
        "77",
        2,
        tmp_path,
    )


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, "https://github.com/org/app/actions/runs/77"),
        ({"GITHUB_RUN_ATTEMPT": "3"}, "https://github.com/org/app/actions/runs/77"),
        ({"CI_OPS_CHECK_RUN_ID": "123"}, "https://github.com/org/app/actions/runs/77/job/123"),
        ({"CI_OPS_CHECK_RUN_ID": "../x"}, "https://github.com/org/app/actions/runs/77"),
        ({"GITHUB_SERVER_URL": "javascript:x"}, ""),
        ({"GITHUB_RUN_ID": "7/../8"}, ""),
        ({"GITHUB_RUN_ID": ""}, ""),
    ],
)
def test_the_address_of_the_run_is_as_exact_as_what_is_known(env: dict[str, str], url: str) -> None:
    base = {"GITHUB_SERVER_URL": "https://github.com/", "GITHUB_REPOSITORY": "org/app", "GITHUB_RUN_ID": "77"}
    assert Runner.from_env({**base, **env}, Log().append).run_url == url


def test_a_runner_of_github_is_known_by_its_own_variable() -> None:
    assert Runner.from_env({**ON_GITHUB, "ACT": "true"}, Log().append).is_github
    assert not Runner.from_env({"ACT": "true"}, Log().append).is_github


def test_the_api_and_the_token_come_from_the_environment() -> None:
    there = Runner.from_env(
        {"GITHUB_API_URL": "https://ghe/api/v3/", "GITHUB_TOKEN": " t0ken "}, Log().append
    )
    nowhere = Runner.from_env({}, Log().append)
    assert (there.api_url, there.token) == ("https://ghe/api/v3", Secret("t0ken"))
    assert (nowhere.api_url, nowhere.token) == ("https://api.github.com", None)


def test_state_lies_in_the_jobs_own_folder_and_else_in_the_project(tmp_path: Path) -> None:
    on_runner = Runner.from_env({**ON_GITHUB, "RUNNER_TEMP": str(tmp_path)}, Log().append)
    at_home = Runner.from_env({}, Log().append)
    assert on_runner.state_root == tmp_path / "ci-ops"
    assert at_home.state_root == Path(".ci-ops")
