"""Whatever goes wrong, no secret is in anything that a command writes or says."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.support.github_double import GitHubDouble
from tests.support.parts import ROOT
from tests.support.web import Asked, Reply, refusing, serving

PASSWORD = 'pa$$ w0rd/+"quoted"'
QUERY = "query-5d2e9a7c1b"
HEADER = "header-8c1f4a2b9d"
HOOK = "T0HOOK123/B0HOOK456/hook-path-7e3a9c"
SIGNING = base64.b64encode(b"signing-key-of-24-bytes!").decode()
LINE = "line-secret-3f8b6d"
DATABASE = "database-9a4c7e1d"
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
SECRETS = (PASSWORD, QUERY, HEADER, *HOOK.split("/"), SIGNING, LINE, DATABASE, TOKEN)
ONE, TWO = "1" * 40, "2" * 40

CONFIG = """\
version: 1
service: shop
readiness:
  deadline: 0
  checks:
    env-vars: {required: [API_KEY, DATABASE_URL, MISSING], patterns: {API_KEY: "[0-9]+"}}
    says-all: {type: command, run: 'env; echo "$DATABASE_URL" >&2; exit 3'}
deploy:
  target:
    type: command
    run: 'echo "key $API_KEY, database $DATABASE_URL"; test ! -e broken || { env; exit 4; }'
    undo: 'echo "back with $API_KEY"; test ! -e broken'
    rollback: 'echo "back with $DATABASE_URL"; exit 5'
verify:
  url: "URL/health?token=${QUERY_TOKEN}"
  deadline: 0
  timeout: 300ms
  checks:
    health: {send-headers: {Authorization: "Bearer ${HEADER_TOKEN}"}, json: {"$.status": pass}}
    revision: {connections: 2, send-headers: {X-Key: "${HEADER_TOKEN}"}}
    endpoints: {paths: {"/orders?key=${QUERY_TOKEN}": {}}, send-headers: {X-Key: "${HEADER_TOKEN}"}}
    tls: {}
    asks: {type: command, run: 'echo "asked with $API_KEY"; exit 1'}
notify:
  deadline: 300ms
  channels:
    team: {type: slack, webhook-url: "${HOOK_URL}", timeout: 200ms}
    other: {type: webhook, url: "${HOOK_URL}?signed", secrets: ["${SIGNING_KEY}"], timeout: 200ms}
    here: {type: console}
"""


def forms(secret: str) -> set[bytes]:
    """The ways in which a secret may be written and still be one."""
    raw = secret.encode()
    texts = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    texts |= {base64.b64encode(raw).decode(), base64.b64encode(f"shop:{secret}".encode()).decode()}
    return {text.encode() for text in texts}


def leaks(text: bytes) -> list[str]:
    """The secrets in a text, however they are written."""
    return [secret for secret in SECRETS if any(form in text for form in forms(secret))]


def echo(asked: Asked) -> bytes:
    """All that the service was told, as careless services answer."""
    told = [asked.target, *(f"{name}: {value}" for name, value in asked.headers.items())]
    return "\n".join(told).encode() + b"\n" + asked.body


def answer_500(asked: Asked) -> Reply:
    return Reply(status=500, body=echo(asked))


def answer_json(asked: Asked) -> Reply:
    said = echo(asked).decode()
    body = json.dumps(
        {"status": said, "releaseId": said, "commit": said, "checks": {said: [{"status": said}]}}
    )
    return Reply(body=body.encode(), headers={"Content-Type": "application/health+json"})


def answer_redirect(asked: Asked) -> Reply:
    where = f"http://127.0.0.1:1{asked.target}&told={quote(asked.headers.get('authorization', ''))}"
    return Reply(status=302, headers={"Location": where, "X-Echo": quote(asked.target)})


def answer_garbage(asked: Asked) -> None:
    asked.send(b"HTTP/9 what?\r\n" + echo(asked))


def answer_reset(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + echo(asked))
    asked.reset()


def answer_late(asked: Asked) -> Reply:
    asked.wait(1.0)
    return Reply(body=echo(asked))


def answer_well(asked: Asked) -> Reply:
    return Reply(body=json.dumps({"status": "pass", "commit": ONE}).encode())


FAILURES: dict[str, Callable[[Asked], Reply | None] | None] = {
    "refused": None,
    "500": answer_500,
    "echo": answer_json,
    "redirect": answer_redirect,
    "garbage": answer_garbage,
    "reset": answer_reset,
    "late": answer_late,
    "well": answer_well,
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A project full of secrets, and everything that was said about it."""

    project: Path
    env: dict[str, str]
    said: dict[str, bytes] = field(default_factory=dict)
    masks: list[bytes] = field(default_factory=list)
    """What the runner was told to hide."""

    def run(self, *arguments: str) -> int:
        """One command in a process of its own; what it says is kept."""
        done = subprocess.run(
            [sys.executable, "-m", "ci_ops", *arguments],
            cwd=self.project,
            env=self.env,
            capture_output=True,
            check=False,
        )
        name = " ".join(arguments)
        self.said[f"stdout of {name}"] = done.stdout
        lines = done.stderr.splitlines(keepends=True)
        self.masks.extend(line for line in lines if line.startswith(b"::add-mask::"))
        self.said[f"stderr of {name}"] = b"".join(line for line in lines if line not in self.masks)
        return done.returncode

    def everything(self) -> dict[str, bytes]:
        """All that was said, and every file that was written."""
        mine = {self.project / "ci-ops.yml"}
        files = (path for path in self.project.parent.rglob("*") if path.is_file() and path not in mine)
        return self.said | {str(path): path.read_bytes() for path in files}

    def leaks(self) -> dict[str, list[str]]:
        """Where which secret is."""
        found = {name: leaks(text) for name, text in self.everything().items()}
        return {name: secrets for name, secrets in found.items() if secrets}


@contextmanager
def place_with(folder: Path, failure: str, github: GitHubDouble | None = None) -> Iterator[Place]:
    """A project whose service, and whose receivers of messages, fail in one way."""
    project = folder / "project"
    project.mkdir()
    with ExitStack() as stack:
        handler = FAILURES[failure]
        port = stack.enter_context(serving(handler)).port if handler else stack.enter_context(refusing())
        url = f"http://shop:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        (project / "ci-ops.yml").write_text(CONFIG.replace("URL/", f"{url}/", 1))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "QUERY_TOKEN": QUERY,
            "HEADER_TOKEN": HEADER,
            "HOOK_URL": f"http://127.0.0.1:{port}/services/{HOOK}",
            "SIGNING_KEY": f"whsec_{SIGNING}",
            "CI_OPS_ENV": f"API_KEY={LINE}\nDATABASE_URL=postgres://shop:{DATABASE}@127.0.0.1:1/shop\n",
        }
        if github is not None:
            env |= github_environment(folder, project, stack.enter_context(github).url)
        yield Place(project=project, env=env)


def github_environment(folder: Path, project: Path, api_url: str) -> dict[str, str]:
    """What a runner sets, with files to write to."""
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    temp = folder / "temp"
    temp.mkdir()
    return {
        **{name: str(file) for name, file in files.items()},
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": api_url,
        "GITHUB_REPOSITORY": "org/app",
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKSPACE": str(project),
        "RUNNER_TEMP": str(temp),
        **{f"CI_OPS_{command}_TOKEN": TOKEN for command in ("DEPLOY", "VERIFY", "ROLLBACK", "READINESS")},
    }


def logged(folder: Path, command: str) -> tuple[str, ...]:
    return ("--log-level", "debug", "--log-format", "json", "--log-file", str(folder / f"{command}.log"))


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_of_the_service_or_of_a_receiver_shows_a_secret(tmp_path: Path, failure: str) -> None:
    with place_with(tmp_path, failure) as place:
        report = ("--report", f"{tmp_path}/report.json\n{tmp_path}/report.md\n{tmp_path}/report.txt")
        codes = {
            "verify": place.run("verify", "--format", "json", *report, *logged(tmp_path, "verify")),
            "deploy": place.run("deploy", "--revision", TWO, "--format", "text", *logged(tmp_path, "deploy")),
            "notify": place.run("notify", "--status", "failure", *logged(tmp_path, "notify")),
        }
        assert place.leaks() == {}
    assert (codes["verify"], codes["notify"]) == (1, 0)
    assert codes["deploy"] in {5, 6}  # whether the way back can be proven is not the point here


@pytest.mark.parametrize("failure", ["echo", "well"])
def test_on_a_runner_every_secret_is_masked_and_in_no_output(tmp_path: Path, failure: str) -> None:
    with place_with(tmp_path, failure, GitHubDouble(token=TOKEN)) as place:
        place.run("deploy", "--revision", TWO, "--no-verify")
        place.run("verify", "--revision", TWO, *logged(tmp_path, "verify"))
        place.run("rollback")
        assert place.leaks() == {}
        masks = b"".join(place.masks)
    lost = [secret for secret in SECRETS if secret.encode() not in masks and secret not in {PASSWORD, QUERY}]
    assert lost == []


@pytest.mark.parametrize("status", [401, 403, 422])
def test_no_refusal_of_github_shows_the_token(tmp_path: Path, status: int) -> None:
    github = GitHubDouble(token=TOKEN)
    github.fail(status, times=50, message=f"not with {TOKEN}, nor with Bearer {TOKEN}")
    with place_with(tmp_path, "well", github) as place:
        code = place.run("deploy", "--revision", TWO, *logged(tmp_path, "deploy"))
        assert place.leaks() == {}
    assert code == {401: 3, 403: 6, 422: 3}[status]


def test_steps_that_print_their_environment_leave_no_secret_behind(tmp_path: Path) -> None:
    with place_with(tmp_path, "well") as place:
        (place.project / "broken").touch()
        codes = [place.run("deploy", "--revision", TWO, *logged(tmp_path, "deploy")), place.run("rollback")]
        codes.append(place.run("deploy", "--revision", ONE, "--dry-run"))
        assert place.leaks() == {}
        assert b"DEPLOYMENT_REVISION" in b"".join(place.everything().values())  # it was printed, and kept
    assert codes[0] == 6


def test_what_only_looks_shows_no_secret(tmp_path: Path) -> None:
    with place_with(tmp_path, "refused") as place:
        codes = [
            place.run("readiness", "--format", "markdown", *logged(tmp_path, "readiness")),
            place.run("config", "check"),
            place.run("config", "show"),
            place.run("history"),
        ]
        assert place.leaks() == {}
    assert codes == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "text", ["version: 1\nverify: {url: 'URL', tpyo: 1}\n", "verify: {deadline: 'URL'}\n", "URL\n"]
)
def test_no_complaint_about_the_configuration_shows_a_secret(tmp_path: Path, text: str) -> None:
    with place_with(tmp_path, "refused") as place:
        said = "${HOOK_URL}?x=${HEADER_TOKEN}&y=${SIGNING_KEY} and ${API_KEY} ${DATABASE_URL}"
        (place.project / "ci-ops.yml").write_text(text.replace("URL", said))
        assert [place.run("config", "check"), place.run("verify"), place.run("deploy")] == [2, 2, 2]
        assert place.leaks() == {}
