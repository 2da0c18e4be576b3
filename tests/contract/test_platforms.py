"""The platform files of templates/: linted, held to schemas and to the kit's own rules, and run."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from ci_ops.core.contract.presets import API, DATABASE
from ci_ops.core.health.status import Status
from ci_ops.core.text.durations import parse_duration
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.drain_plan import DRAIN_SECONDS, DrainPlan
from ci_ops.service.probe import probe_health
from ci_ops.service.routes.answer import HealthRoutes
from tests.support.parts import ROOT, require
from tests.support.waiting import wait_until

PLATFORMS = ROOT / "templates" / "platforms"
SCRIPTS = sorted(PLATFORMS.glob("*.sh"))
MANIFESTS = sorted(path for path in PLATFORMS.glob("kubernetes/*.yaml") if path.stem != "kustomization")
OLDEST_KUBERNETES = "1.34"
ENTRYPOINT = (PLATFORMS / "docker-entrypoint.sh").read_text()
RENDER_SERVICE_KEYS = {
    *("type", "name", "runtime", "plan", "region", "repo", "branch", "rootDir", "buildCommand"),
    *("startCommand", "preDeployCommand", "healthCheckPath", "autoDeployTrigger", "numInstances", "scaling"),
    *("envVars", "disk", "domains", "maxShutdownDelaySeconds", "buildFilter", "previews"),
}
"""Source: render.com/docs/blueprint-spec; `env` and `autoDeploy` are the names of old."""


def read(name: str) -> Any:
    return yaml.safe_load((PLATFORMS / name).read_text())


def run(*words: Any) -> tuple[int, str]:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_hadolint_has_nothing_to_say_about_the_image() -> None:
    assert run(require("hadolint"), PLATFORMS / "Dockerfile") == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say_about_a_script_that_can_be_run(script: Path) -> None:
    assert run(require("shellcheck"), "--shell=sh", script) == (0, "")
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n")


def test_compose_s_own_schema_takes_the_compose_file() -> None:
    code, said = run(
        require("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", PLATFORMS / "compose.yaml"
    )
    assert code == 0, said


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, "latest"])
def test_the_schemas_of_kubernetes_take_each_manifest(path: Path, version: str) -> None:
    known = kubernetes_validate.latest_version() if version == "latest" else version
    kubernetes_validate.validate(yaml.safe_load(path.read_text()), known, strict=True)


def test_a_manifest_with_a_misspelt_key_is_refused() -> None:
    manifest = read("kubernetes/deployment.yaml")
    manifest["spec"]["template"]["spec"]["terminationGracePeriod"] = 40
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(manifest, OLDEST_KUBERNETES, strict=True)


def test_the_kustomization_lists_what_can_be_applied_again_and_again() -> None:
    listed = read("kubernetes/kustomization.yaml")["resources"]
    assert sorted(listed) == sorted(path.name for path in MANIFESTS if path.stem != "migrate-job")


def test_service_and_disruption_budget_select_the_pods_of_the_deployment() -> None:
    labels = read("kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        read("kubernetes/deployment.yaml")["spec"]["selector"]["matchLabels"],
        read("kubernetes/service.yaml")["spec"]["selector"],
        read("kubernetes/poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"],
    ]
    assert selectors == [labels] * 3
    assert read("kubernetes/migrate-job.yaml")["spec"]["template"]["metadata"]["labels"] != labels


def containers(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(f"kubernetes/{name}.yaml")["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("name", ["deployment", "migrate-job"])
def test_no_container_has_more_rights_than_it_needs(name: str) -> None:
    pod = read(f"kubernetes/{name}.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}:" in (PLATFORMS / "Dockerfile").read_text()
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_every_platform_asks_routes_that_exist_and_waits_longer_than_an_answer_takes() -> None:
    (web,) = containers("deployment")
    probes = [web[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")]
    paths = [probe["httpGet"]["path"] for probe in probes]
    assert paths == ["/health/live", "/health/live", "/health/ready"]
    asked = {*paths, read("render.yaml")["services"][0]["healthCheckPath"]}
    assert asked <= set(HealthRoutes(HealthCheckService()).paths())
    assert all(probe["timeoutSeconds"] > HealthCheckService().deadline_seconds for probe in probes)
    assert {probe["httpGet"]["port"] for probe in probes} == {web["ports"][0]["name"]}
    assert "ci_ops.service.probe" in (PLATFORMS / "Dockerfile").read_text()


def test_the_time_to_drain_fits_into_what_every_platform_grants() -> None:
    (graceful,) = re.findall(r"--graceful-timeout (\d+)", ENTRYPOINT)
    granted = {
        "kubernetes": read("kubernetes/deployment.yaml")["spec"]["template"]["spec"][
            "terminationGracePeriodSeconds"
        ],
        "compose": parse_duration(read("compose.yaml")["services"]["web"]["stop_grace_period"]),
        "render": read("render.yaml")["services"][0]["maxShutdownDelaySeconds"],
    }
    for seconds in granted.values():
        plan = DrainPlan(drain_seconds=DRAIN_SECONDS, grace_seconds=seconds)
        assert plan.shortage(float(graceful)) == ""
        assert seconds > float(graceful)


def test_what_the_kit_requires_is_given_on_every_platform() -> None:
    required = {each.name for each in (DATABASE + API).variables if each.must_be_set}
    on_render = {each["key"] for each in read("render.yaml")["services"][0]["envVars"]}
    in_compose = set(read("compose.yaml")["services"]["web"]["environment"])
    assert required <= on_render
    assert required <= in_compose
    (web,) = containers("deployment")
    assert web["envFrom"] == [{"secretRef": {"name": "shop"}}]
    for needed in required:
        assert needed in (PLATFORMS / "kubernetes/deployment.yaml").read_text()


def test_renders_blueprint_has_the_names_of_today_and_its_scripts() -> None:
    blueprint = read("render.yaml")
    (service,) = blueprint["services"]
    assert set(service) <= RENDER_SERVICE_KEYS
    assert service["autoDeployTrigger"] in {"off", "commit", "checksPass"}
    commands = [service[f"{kind}Command"] for kind in ("build", "preDeploy", "start")]
    assert commands == ["./build.sh", "./docker-entrypoint.sh migrate", "./docker-entrypoint.sh web"]
    (source,) = [each["fromDatabase"]["name"] for each in service["envVars"] if "fromDatabase" in each]
    assert [each["name"] for each in blueprint["databases"]] == [source]


def test_images_are_pinned_and_no_secret_stands_in_a_file() -> None:
    images = re.findall(r"^FROM (\S+)", (PLATFORMS / "Dockerfile").read_text(), re.MULTILINE)
    images.append(read("compose.yaml")["services"]["db"]["image"])
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]+", image) for image in images)
    for path in PLATFORMS.rglob("*.yaml"):
        assert not re.search(r"(?m)^\s*\w*(PASSWORD|SECRET_KEY): (?!\$\{)\S", path.read_text())


APPS = {
    "asgi": "from ci_ops.service import HealthApp as Health, application_lifecycle as life, DrainPlan",
    "wsgi": "from ci_ops.service import HealthWSGI as Health, application_lifecycle as life, DrainPlan",
}
LIFE = "\nlife.plan = DrainPlan(drain_seconds=0.5)\napp = life.{kind}(Health())\n"


def start(folder: Path, *words: str, **env: str) -> subprocess.Popen[str]:
    """The entry point as a container starts it, in a folder with an application."""
    return subprocess.Popen(
        ["sh", str(PLATFORMS / "docker-entrypoint.sh"), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "API_HOST": "127.0.0.1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, source in APPS.items():
        (tmp_path / f"shop_{kind}.py").write_text(source + LIFE.format(kind=kind))
    return tmp_path


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_server_takes_the_place_of_the_shell_and_drains_on_sigterm(folder: Path, kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/health/ready"
    process = start(folder, "web", APP=f"shop_{kind}:app", SERVER=kind, API_PORT=str(port), API_WORKERS="1")
    try:
        wait_until(lambda: probe_health(url).status is Status.PASS)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: probe_health(url).word == "fail")
        code, said = ended(process)
    finally:
        process.kill()
    assert code in {0, -signal.SIGTERM}, said


@pytest.mark.parametrize(
    ("words", "env", "code", "said"),
    [
        (["web"], {}, None, "APP: is not set: module:name of the application"),
        (["web"], {"APP": "x:y", "SERVER": "cgi"}, 2, "SERVER is asgi or wsgi, not cgi"),
        (["migrate"], {}, 2, "there is neither an alembic.ini nor a manage.py here"),
        (["echo", "a  b"], {}, 0, "a  b"),
    ],
)
def test_the_entry_point_says_what_it_lacks_and_runs_what_it_is_given(
    folder: Path, words: list[str], env: dict[str, str], code: int | None, said: str
) -> None:
    found, output = ended(start(folder, *words, **env))
    assert said in output
    assert found == code if code is not None else found != 0


def test_migrate_runs_what_the_project_has(folder: Path) -> None:
    (folder / "manage.py").write_text("import sys; print('manage', *sys.argv[1:])")
    assert ended(start(folder, "migrate")) == (0, "manage migrate --noinput\n")
    (folder / "alembic.ini").write_text("[alembic]\npath_separator = os\nscript_location = nowhere\n")
    code, said = ended(start(folder, "migrate"))
    assert code != 0
    assert "nowhere" in said


def test_the_build_installs_packages_and_collects_static_files_of_django(folder: Path) -> None:
    (folder / "requirements.txt").write_text("")
    (folder / "manage.py").write_text("import sys; print('manage', *sys.argv[1:])")
    done = subprocess.run(
        ["sh", str(PLATFORMS / "build.sh")],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("manage collectstatic --noinput\n")
