"""What a whole command shows, sends, keeps and hands on of the secrets it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.cli import Said, Terminal
from tests.support.shop import CONFIG, ONE, Service, serving
from tests.support.web import Asked, Reply
from tests.support.web import serving as serving_http

SECRETS = {
    "DB_PASSWORD": "correct-horse-battery-staple",
    "SMTP_PASS": "hunter2hunt",
    "API_TOKEN": "/9j8Base64KeyStartsWithSlash77",
    "PIN_TOKEN": "s3cr3t",
    "OTHER_SECRET": "swordfish",
}


@pytest.fixture
def service(tmp_path: Path, terminal: Terminal) -> Iterator[Service]:
    with serving(tmp_path / "live") as running:
        terminal.set(SHOP=str(running.folder), SHOP_WEBHOOK=f"{running.url}/services/shop")
        terminal.write("ci-ops.yml", CONFIG.replace("URL", running.url))
        yield running


def leaks(said: Said, service: Service, secret: str) -> set[str]:
    """Where a secret is to be seen."""
    places = {"stdout"} if secret in said.out else set()
    places |= {"stderr"} if secret in said.err else set()
    places |= {"message"} if secret in json.dumps(service.messages) else set()
    kept = (path for path in said.folder.rglob("*") if path.is_file())
    return places | {path.name for path in kept if secret in path.read_text(errors="replace")}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("way", ["variable", "CI_OPS_ENV"])
def test_what_a_failing_step_shows_of_a_password_reaches_nobody(
    terminal: Terminal, service: Service, name: str, way: str
) -> None:
    secret = SECRETS[name]
    if way == "variable":
        terminal.set(**{name: secret})
    else:
        terminal.set(CI_OPS_ENV=f"{name}={secret}")
    run = f'echo "login as shop with ${name} refused, in base64 $(printf "shop:${name}" | base64)"; exit 1'
    said = terminal.run("deploy", "--revision", ONE, "--run", run, "--undo", "true")
    assert said.code != 0
    assert "login as shop with *** refused, in base64" in said.err
    assert leaks(said, service, secret) == set()


def test_our_own_sentences_keep_the_words_that_are_a_secret_too(terminal: Terminal, service: Service) -> None:
    plain = terminal.run("deploy", "--revision", ONE, "--dry-run")
    terminal.set(CI_OPS_ENV="STAGE=production\nPORT=8000\nMODE=deploy\nWORD=revision\nDEBUG=1\nDATABASE=shop")
    said = terminal.run("deploy", "--revision", ONE, "--dry-run")
    assert said.alike(said.out + said.err) == plain.alike(plain.out + plain.err)


def test_a_variable_in_the_query_of_the_address_is_never_shown(terminal: Terminal, service: Service) -> None:
    secret = "QueryCode-99-plugh"
    text = (terminal.folder / "ci-ops.yml").read_text()
    assert f"url: {service.url}" in text
    terminal.write(
        "ci-ops.yml", text.replace(f"url: {service.url}", f"url: {service.url}/health?code=${{AUTH}}")
    )
    terminal.set(AUTH=secret)
    said = terminal.run("verify", "--revision", ONE, "--deadline", "0")
    assert leaks(said, service, secret) == set()
    plain = terminal.run("verify", "--url", f"{service.url}/health?code={secret}", "--deadline", "0")
    assert leaks(plain, service, secret) == set()


def test_commands_get_the_users_variables_and_no_token_of_the_runner_but_those_the_file_passes(
    terminal: Terminal, service: Service
) -> None:
    terminal.set(
        MINE="mine",
        CI_OPS_HISTORY_TOKEN="t1",
        ACTIONS_RUNTIME_TOKEN="t2",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="t3",
    )
    text = (terminal.folder / "ci-ops.yml").read_text()
    terminal.write(
        "ci-ops.yml", text.replace("deploy:\n", "deploy:\n  pass-env: [ACTIONS_ID_TOKEN_REQUEST_TOKEN]\n")
    )
    place = terminal.folder / "seen"
    terminal.run("deploy", "--revision", ONE, "--run", f"env >{place}; exit 1", "--undo", "true")
    seen = dict(line.partition("=")[::2] for line in place.read_text().splitlines())
    assert (seen["MINE"], seen["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]) == ("mine", "t3")
    assert {"PATH", "HOME"} <= set(seen)
    assert not {"CI_OPS_HISTORY_TOKEN", "ACTIONS_RUNTIME_TOKEN"} & set(seen)


SHOWN = {
    "AWS": "AKIA" + "QYLPMN5HHHFPZAM2",
    "GitHub": "ghp_" + "a1B2" * 9,
    "JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "dBjftJeZ4CVP",
    "Slack": "xoxb-" + "1234567890-abcdef",
    "key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG\\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("place", ["body", "key", "Location", "header", "status"])
def test_a_token_that_the_service_shows_is_in_no_evidence(terminal: Terminal, kind: str, place: str) -> None:
    token = SHOWN[kind]

    def handle(_request: Asked) -> Reply:
        if place == "Location":
            return Reply(
                status=302,
                headers={"Location": f"https://x.example/cb?next={quote(token, safe='')}#{token[:60]}"},
            )
        headers = {"X-Revision": token.replace("\\n", " ")} if place == "header" else {}
        documents = {
            "body": f'{{"status": "fail", "output": "cannot sign with {token}"}}',
            "key": f'{{"status": "fail", "checks": {{"{token}": [{{"status": "fail"}}]}}}}',
            "status": f'{{"status": "{token}"}}',
        }
        return Reply(
            status=500,
            body=documents.get(place, "oops").encode(),
            headers={"Content-Type": "application/json", **headers},
        )

    with serving_http(handle) as server:
        said = terminal.run(
            "verify", "--url", server.url("/health"), "--revision", ONE, "--deadline", "0", "--format", "json"
        )
    assert said.code == 1
    secret = "MIIEvQIBADANBgkqhkiG" if kind == "key" else token
    kept = "".join(path.read_text(errors="replace") for path in terminal.folder.rglob("*") if path.is_file())
    assert secret not in said.out + said.err + kept


def test_the_runner_masks_passwords_and_leaves_the_words_of_the_job_alone(terminal: Terminal) -> None:
    terminal.on_a_runner(
        CI_OPS_ENV="STAGE=production\nADMIN=correct-horse-battery-staple",
        DATABASE_URL="postgresql://postgres:in-the-address@db/shop",
        CI_OPS_READINESS_TOKEN="",
    )
    said = terminal.run("readiness")
    masks = {
        line.removeprefix("::add-mask::") for line in said.err.splitlines() if line.startswith("::add-mask::")
    }
    assert {"correct-horse-battery-staple", "in-the-address"} <= masks
    assert not {"production", "postgres", "shop"} & masks
