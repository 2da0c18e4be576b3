"""Every check, shown a short secret on every path from outside, shows it nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ci_ops.core.errors import Problem
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check, Phase
from ci_ops.core.result import Location
from ci_ops.core.subject import Subject
from tests.contract.test_checks_family import of_phase, sample
from tests.support.caller import Caller
from tests.support.checking import NEW, a_subject, a_world, checked
from tests.support.sample_service import Answer, said, sample_service, text

SECRETS = {"a word": "swordfish", "a number": "48151", "letters and digits": "s3cr3t"}
"""Values that no pattern knows: they are redacted because they are known, or not at all.

A number of at most five digits stays in sentences of ours, so only what a service answers is tried with one.
"""
PATHS = ("/", "/health", "/health/ready", "/healthz", "/__version__", "/orders", "/login")


def documents(secret: str) -> dict[str, Answer]:
    """Answers of a service that knows the secret: as value, as key, as text, and in every header that is read."""
    headers = (
        "Age",
        "X-Cache",
        "Retry-After",
        "Server",
        "X-Revision",
        "CF-Mitigated",
        "Via",
        "Cache-Control",
    )
    every = dict.fromkeys(headers, secret)
    return {
        "values": said({"status": secret, "commit": secret, "releaseId": secret, "version": secret}),
        "components": said({"status": "fail", "checks": {secret: {"status": secret, "output": secret}}}, 503),
        "key": said({secret: secret, "checks": {"db": [{"status": "fail", "output": secret}]}}),
        "text": text(secret),
        "page": Answer(
            body=f"<html><title>{secret}</title><form action='/{secret}'>".encode(),
            headers={"Content-Type": "text/html"},
        ),
        "type": Answer(body=b"{}", headers={"Content-Type": f"{secret}/{secret}"}),
        "headers": said({"status": "pass", "commit": NEW}, 200, **every),
        "refusal": said({"error": secret}, 500, **every),
        "gate": Answer(
            status=403, body=secret.encode(), headers={"CF-Mitigated": "challenge", "CF-Ray": secret}
        ),
        "redirect": Answer(status=302, headers={"Location": f"/{secret}/login?next={secret}"}),
        "elsewhere": Answer(status=302, headers={"Location": f"https://{secret}.example.net/"}),
        "not json": Answer(body=f'{{"{secret}": '.encode(), headers={"Content-Type": "application/json"}),
    }


FILES: dict[str, str] = {
    "app.py": "def f(SECRET):\n    global SECRET\n",
    ".env.example": "SECRET\nSECRET_KEY=SECRET\nSECRET=\n'SECRET\n",
    "requirements.txt": "SECRET\n-r SECRET.txt\n./SECRET\nSECRET @ https://SECRET.example.net/SECRET.whl\nSECRET==SECRET\n",
    "pyproject.toml": '[project]\nname = "SECRET"\nversion = "1"\ndependencies = ["SECRET>=2", "SECRET-a @ file:///SECRET"]\n'
    'requires-python = ">=SECRET"\n',
    "uv.lock": 'version = 1\n[[package]]\nname = "SECRET"\nversion = "SECRET"\nsource = {git = "https://SECRET/SECRET"}\n',
    "poetry.lock": '[[package]]\nname = "SECRET"\nversion = "1"\n[metadata]\ncontent-hash = "SECRET"\n',
    "Pipfile": '[packages]\nSECRET = "*"\n',
    "Pipfile.lock": '{"SECRET": "SECRET", "_meta": {"hash": {"sha256": "SECRET"}}}',
}
BROKEN = {
    "pyproject.toml": '[project\nSECRET = "SECRET',
    "uv.lock": "SECRET = [",
    "poetry.lock": "SECRET",
    "Pipfile": "SECRET",
    "Pipfile.lock": "SECRET",
    "pdm.lock": "SECRET",
    ".env.example": "\x00SECRET",
    "requirements.txt": "<<<<<<< SECRET\nSECRET\n>>>>>>> SECRET\n",
}


def assert_hidden(secret: str, named: Named[Check], subject: Subject, phase: Phase) -> None:
    """Ask once, and assert that no text and no key of a result has the secret."""
    world = a_world(API_TOKEN=secret, SECRET_KEY=secret)
    world.redact.add(secret)
    results = checked([named], subject, world, phase=phase, deadline_seconds=0.0)
    written = json.dumps([result.to_json() for result in results], indent=1, ensure_ascii=False)
    assert [line for line in written.splitlines() if secret in line and not _is_measured(line)] == []


def _is_measured(line: str) -> bool:
    """Return True for a figure of ours, such as 0.048151 s."""
    return re.fullmatch(r'\s*("\w+": )?[-0-9.e]+,?', line) is not None


def named_for(name: str, secret: str, **more: object) -> Named[Check]:
    settings = {"run_": f"ls; echo {secret}; echo {secret} >&2; exit 3"} if name == "command" else {}
    plugin = replace(cast("Any", sample(name)), **settings, **more)
    return Named(name="mine", plugin=plugin, location=Location(file="ci-ops.yml"))


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("name", of_phase(Phase.VERIFY))
def test_no_answer_of_a_service_shows_a_secret(name: str, secret: str, tmp_path: Path) -> None:
    with sample_service() as service:
        subject = a_subject(tmp_path, url=service.url("/health"), timeout_seconds=2.0)
        for answer in documents(secret).values():
            for path in PATHS:
                service.says(path, answer)
            assert_hidden(secret, named_for(name, secret), subject, Phase.VERIFY)


def checkout(folder: Path, texts: Mapping[str, str], secret: str) -> Caller:
    """A repository in which file names and files have the secret."""
    caller = Caller(folder)
    for file, content in texts.items():
        hidden = content.replace("SECRET_KEY", "S_K").replace("SECRET", secret).replace("S_K", "SECRET_KEY")
        caller.write(file, hidden)
    caller.write(f"{secret}/{secret}.py", f"def {secret}(:\n")
    caller.commit()
    caller.git("checkout", "-q", "-b", secret)
    caller.git("remote", "set-url", "origin", f"https://{secret}.example.net/{secret}")
    caller.write(f"{secret}.txt", secret)
    caller.write(f"{secret}/{secret}.py", f"# {secret}\n)")
    return caller


@pytest.mark.parametrize("secret", ["swordfish", "s3cr3t"])
@pytest.mark.parametrize("texts", [FILES, {**FILES, **BROKEN}], ids=["whole", "broken"])
@pytest.mark.parametrize("name", of_phase(Phase.READINESS))
def test_no_file_and_no_branch_of_a_checkout_shows_a_secret(
    name: str, texts: Mapping[str, str], secret: str, tmp_path: Path
) -> None:
    root = checkout(tmp_path / "caller", texts, secret).folder
    problem = Problem("a word is not known", path=secret, location="ci-ops.yml:1")
    subject = a_subject(root, config_problems=(problem,), config_file=root / f"{secret}.yml")
    for option in OPTIONS.get(name, ({},)):
        changed = {key: value.replace("SECRET", secret) for key, value in option.items()}
        assert_hidden(secret, named_for(name, secret, **changed), subject, Phase.READINESS)


OPTIONS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "env-vars": ({}, {"from_example": ".env.example"}, {"from_example": "SECRET.none"}, {"app": "SECRET:x"}),
    "lockfile": (
        {},
        *({"file": file} for file in sorted({*FILES, *BROKEN}) if "lock" in file or "req" in file),
    ),
}
"""Settings by which a check reads more of the checkout."""
