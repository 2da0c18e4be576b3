"""`ci-ops readiness`, `notify`, `explain`, `config` and `init`: what they say and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ci_ops.core.reasons import REASONS
from tests.support.cli import Terminal
from tests.support.parts import ROOT
from tests.support.web import Asked, Reply, serving


def test_a_folder_in_which_nothing_can_be_looked_at_is_no_pass(terminal: Terminal) -> None:
    said = terminal.run("readiness")
    said.assert_golden("readiness-nothing")
    assert said.code == 4


def test_readiness_looks_at_what_the_project_is(terminal: Terminal) -> None:
    terminal.write("shop/app.py", "print('hello')\n")
    terminal.write("pyproject.toml", "[project]\nname = 'shop'\nversion = '1'\ndependencies = []\n")
    terminal.run("readiness").assert_golden("readiness-python")
    terminal.write("shop/broken.py", "def (:\n")
    said = terminal.run("readiness", "--format", "text")
    assert said.code == 1
    assert "broken.py" in said.out


def test_readiness_never_looks_past_a_bad_configuration(terminal: Terminal) -> None:
    head = "version: 1\nveryfy: {}\nreadiness: {checks: {ok: {type: command, run: 'true'}"
    terminal.write("ci-ops.yml", head + "}}\n")
    terminal.run("readiness").assert_golden("readiness-bad-config")
    terminal.write("ci-ops.yml", head + ", config-file: {}}}\n")
    terminal.run("readiness").assert_golden("readiness-bad-config-found")


def test_a_file_with_a_mistake_is_never_said_to_configure_nothing(terminal: Terminal) -> None:
    terminal.write("ci-ops.yml", "version: 1\nreadiness: {checks: {ok: {type: command, run: 'true'}}\n")
    said = terminal.run("readiness")
    assert said.code == 1
    assert "No checks are configured" not in said.out + said.err
    assert "The checks of ci-ops.yml cannot be read before its problems are solved; these fit" in said.out


def test_a_channel_is_told_and_the_console_shows_it(terminal: Terminal) -> None:
    terminal.run("notify", "--to", "console", "--status", "failure", "--sentence", "It broke.").assert_golden(
        "notify-console"
    )


def test_an_address_is_told_whose_kind_is_recognised(terminal: Terminal) -> None:
    told: list[Asked] = []

    def take(asked: Asked) -> Reply:
        told.append(asked)
        return Reply(status=204)

    with serving(take) as receiver:
        said = terminal.run("notify", "--to", receiver.url("/hook"), "--status", "success")
    assert said.code == 0
    assert [asked.path for asked in told] == ["/hook"]
    assert json.loads(told[0].body)["type"] == "job.completed"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--to", "nobody"), "notify-unknown-channel"),
        (("--sentence", "a", "--sentence-file", "b"), "notify-two-sentences"),
        (("--sentence-file", "latin.txt"), "notify-not-utf8"),
        (("--to", "console", "--status", "maybe"), "notify-unknown-status"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_told_is_said(terminal: Terminal, arguments: tuple[str, ...], name: str) -> None:
    (terminal.folder / "latin.txt").write_bytes(b"caf\xe9")
    terminal.run("notify", *arguments).assert_golden(name)


def test_explain_knows_every_reason_and_rule(terminal: Terminal) -> None:
    listed = terminal.run("explain")
    assert (listed.code, listed.err) == (0, "")
    names = [line.partition(":")[0] for line in listed.out.splitlines()]
    assert set(REASONS) <= set(names)
    assert "env-vars/placeholder" in names
    page = terminal.run("explain", "--page")
    assert (page.code, page.err) == (0, "")
    assert all(f"`{name}`" in page.out or f"## {name}" in page.out for name in names)
    terminal.run("explain", "rolled-back").assert_golden("explain-rolled-back")
    terminal.run("explain", "roled-back").assert_golden("explain-unknown")


def test_the_configuration_is_checked_and_shown(terminal: Terminal) -> None:
    terminal.run("config", "check").assert_golden("config-check-none")
    terminal.set(HOOK="https://hooks.example.com/services/secret-part-of-it")
    terminal.write(
        "ci-ops.yml",
        "version: 1\nservice: shop\nverify: {url: 'https://shop.example.com/health'}\n"
        "notify: {channels: {team: {type: webhook, url: '${HOOK}'}}}\n"
        "environments: {staging: {verify: {deadline: 5s}}}\n",
    )
    terminal.run("config", "check").assert_golden("config-check")
    terminal.run("config", "show", "-e", "staging").assert_golden("config-show")
    terminal.write("ci-ops.yml", "version: 2\nverify: {deadline: 1, deadline: 2}\n")
    terminal.run("config", "check").assert_golden("config-check-bad")


def test_the_schema_is_the_committed_one(terminal: Terminal) -> None:
    said = terminal.run("config", "schema")
    assert (said.code, said.err) == (0, "")
    assert said.out == (ROOT / "ci-ops.schema.json").read_text()


def test_init_writes_a_first_configuration_that_is_good_and_never_overwrites(terminal: Terminal) -> None:
    terminal.write("app.py", "")
    terminal.run("init").assert_golden("init")
    files = ("ci-ops.yml", ".github/workflows/deploy.yml")
    before = {name: (terminal.folder / name).read_text() for name in files}
    assert len(before["ci-ops.yml"].splitlines()) <= 25
    terminal.run("init").assert_golden("init-again")
    assert {name: (terminal.folder / name).read_text() for name in files} == before


def test_init_looks_at_the_named_folder(terminal: Terminal) -> None:
    (terminal.folder / "inner").mkdir()
    assert terminal.run("init", "--folder", "inner").code == 0
    assert (terminal.folder / "inner" / "ci-ops.yml").exists()
    said = terminal.run("init", "--folder", "nowhere")
    assert (said.code, said.out) == (2, "")
    assert "nowhere" in said.err


def test_state_is_kept_out_of_commits(terminal: Terminal) -> None:
    terminal.run("notify", "--to", "console", "--status", "success")
    assert (terminal.folder / ".ci-ops" / ".gitignore").read_text() == "*\n"


def test_a_state_folder_that_cannot_be_made_is_said(terminal: Terminal) -> None:
    terminal.write(".ci-ops", "in the way")
    terminal.run("notify", "--to", "console", "--status", "success").assert_golden("state-folder-in-the-way")


def test_a_project_below_is_found_from_a_folder_inside(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.write("ci-ops.yml", "version: 1\nservice: shop\n")
    inner = terminal.folder / "deep" / "inside"
    inner.mkdir(parents=True)
    (terminal.folder / ".git").mkdir()
    monkeypatch.chdir(inner)
    assert terminal.run("history").code == 0
    assert not Path(".ci-ops").exists()
