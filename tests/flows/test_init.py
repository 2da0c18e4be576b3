"""A first configuration and workflow."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_ops.checks.env_vars import EnvVars
from ci_ops.config.load import Source, load
from ci_ops.core.errors import UsageError
from ci_ops.edge.world import RealWorld
from ci_ops.flows._survey import Survey, survey
from ci_ops.flows.init import Wishes, init
from ci_ops.targets.command import Command
from ci_ops.targets.releases import Releases
from tests.support.parts import ROOT

EXISTING = ROOT / "tests" / "data" / "existing"
WORLD = RealWorld.from_environment()


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@example.invalid")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def workflow(top: Path, name: str) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load((top / ".github" / "workflows" / name).read_text())
    return read


def test_what_a_check_found_out_stands_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("SECRET_KEY=\n")
    init(tmp_path, WORLD)
    written = (tmp_path / "ci-ops.yml").read_text()
    assert '    env-vars: {from-example: ".env.example", when-absent: "warn"}\n' in written
    (check,) = load(Source(env={}, start=tmp_path)).readiness.checks
    assert check.plugin == EnvVars(from_example=".env.example", when_absent="warn")


def test_where_nothing_is_recognised_the_file_itself_is_looked_at(tmp_path: Path) -> None:
    assert "found for readiness: nothing that is recognised" in init(tmp_path, WORLD)
    loaded = load(Source(env={}, start=tmp_path, uses=("readiness",)))
    assert [check.name for check in loaded.readiness.checks] == ["config-file"]


@pytest.mark.parametrize("name", ["ci-ops.yml", "ci-ops.yaml", "ci-ops.json"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match="exists already"):
        init(tmp_path, WORLD)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        init(tmp_path, WORLD)
    assert caught.value.where.endswith("deploy.yml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "django",
            Survey(
                framework="Django",
                application="shop.wsgi:application",
                settings="shop.settings",
                server="gunicorn",
                migrate="venv/bin/python manage.py migrate --noinput",
            ),
        ),
        ("fastapi", Survey(framework="FastAPI", application="shop.main:app", server="uvicorn")),
        ("flask", Survey(framework="Flask", application="wsgi:app", server="gunicorn")),
    ],
)
def test_an_application_that_exists_is_recognised(tmp_path: Path, name: str, expected: Survey) -> None:
    shutil.copytree(EXISTING / name, tmp_path / "shop")
    found = survey(tmp_path / "shop", WORLD)
    install = "python3 -m venv venv && venv/bin/pip install --quiet -r requirements.txt"
    assert found.install == install
    assert (found.framework, found.application, found.server) == (
        expected.framework,
        expected.application,
        expected.server,
    )
    assert (found.settings, found.migrate) == (expected.settings, expected.migrate)
    init(tmp_path / "shop", WORLD)
    target = load(Source(env={}, start=tmp_path / "shop")).deploy.target
    assert target is not None
    assert isinstance(target.plugin, Releases)
    assert (target.plugin.path, target.plugin.build, target.plugin.migrate) == (
        "/srv/shop",
        install,
        expected.migrate,
    )
    machine = workflow(tmp_path / "shop", "deploy.yml")["jobs"]["deploy"]["runs-on"]
    assert machine == "self-hosted"


@pytest.mark.parametrize(
    ("lock", "install"),
    [
        ("uv.lock", "UV_PROJECT_ENVIRONMENT=venv uv sync --frozen --no-dev"),
        ("poetry.lock", "python3 -m venv venv && VIRTUAL_ENV=$PWD/venv poetry sync --only main"),
        ("pyproject.toml", "python3 -m venv venv && venv/bin/pip install --quiet ."),
        ("setup.cfg", ""),
    ],
)
def test_requirements_are_installed_as_they_are_kept(tmp_path: Path, lock: str, install: str) -> None:
    (tmp_path / lock).write_text("")
    assert survey(tmp_path, WORLD).install == install


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("alembic.ini", "venv/bin/alembic upgrade head"),
        ("migrations/env.py", "venv/bin/flask db upgrade"),
        ("README.md", ""),
    ],
)
def test_migrations_are_recognised(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / "requirements.txt").write_text("Flask >= 3\n")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    assert survey(tmp_path, WORLD).migrate == command


def test_a_service_on_render_is_deployed_by_its_hook(tmp_path: Path) -> None:
    (tmp_path / "render.yaml").write_text(
        "services:\n  - type: web\n    name: shop-web\n    runtime: python\n"
    )
    (tmp_path / "requirements.txt").write_text("flask\n")
    init(tmp_path, WORLD)
    config = load(Source(env={}, start=tmp_path))
    assert config.verify.url == "https://shop-web.onrender.com"
    assert [check.name for check in config.verify.checks] == ["revision", "health", "endpoints", "tls"]
    assert config.deploy.target is not None
    assert isinstance(config.deploy.target.plugin, Command)
    assert "RENDER_DEPLOY_HOOK_URL" in config.deploy.target.plugin.run
    assert workflow(tmp_path, "deploy.yml")["jobs"]["deploy"]["runs-on"] == "ubuntu-latest"


def test_no_address_is_invented(tmp_path: Path) -> None:
    init(tmp_path, WORLD, Wishes(url="https://shop.test/health"))
    assert load(Source(env={}, start=tmp_path)).verify.url == "https://shop.test/health"
    assert "example.com" not in (tmp_path / "ci-ops.yml").read_text()


def test_a_project_in_a_sub_folder_gets_its_workflow_at_the_root_of_the_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    project = tmp_path / "services" / "shop"
    shutil.copytree(EXISTING / "flask", project)
    lines = init(project, WORLD)
    assert "wrote .github/workflows/deploy-shop.yml at the root of the repository" in lines
    written = workflow(tmp_path, "deploy-shop.yml")
    on = written[True]  # `on` is a boolean to PyYAML
    assert on["push"] == {"paths": ["services/shop/**"], "branches": ["trunk"]}
    steps = [step for job in written["jobs"].values() for step in job["steps"] if "ci-ops" in step["uses"]]
    assert {step["with"]["directory"] for step in steps} == {"services/shop"}
    assert written["concurrency"]["group"] == "ci-ops-shop-production"


def test_the_default_branch_is_the_remotes(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "release/2", "origin")
    git(tmp_path / "origin", "commit", "-q", "--allow-empty", "-m", "One")
    git(tmp_path, "clone", "-q", "origin", "shop")
    git(tmp_path / "shop", "checkout", "-q", "-b", "topic")
    assert survey(tmp_path / "shop", WORLD).branch == "release/2"


def test_a_teams_own_workflow_stays_and_ours_is_put_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "deploy.yml").write_text("name: theirs\n")
    service = tmp_path.name.lower().replace("_", "-")
    init(tmp_path, WORLD)
    assert (folder / "deploy.yml").read_text() == "name: theirs\n"
    assert (folder / f"ci-ops-{service}.yml").is_file()
    (tmp_path / "ci-ops.yml").unlink()
    with pytest.raises(UsageError, match="exists already; nothing was written"):
        init(tmp_path, WORLD)
    assert not (tmp_path / "ci-ops.yml").exists()


@pytest.mark.parametrize("text", ["def (", "\0", "x = " + "(" * 300, "app = FastAPI" * 3])
def test_files_that_cannot_be_parsed_are_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "requirements.txt").write_text("fastapi\n")
    (tmp_path / "main.py").write_text(text)
    (tmp_path / "web.py").write_text("app = FastAPI()\n")
    assert survey(tmp_path, WORLD).application == "web:app"


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("django\n")
    project = tmp_path / "shop"
    project.mkdir()
    (project / "requirements.txt").symlink_to(tmp_path / "outside.txt")
    assert survey(project, WORLD).framework == ""


def test_what_verification_will_miss_is_said(tmp_path: Path) -> None:
    shutil.copytree(EXISTING / "flask", tmp_path / "shop")
    assert any(line.startswith("not found: health routes") for line in init(tmp_path / "shop", WORLD))
    (tmp_path / "shop" / "ci-ops.yml").unlink()
    (tmp_path / "shop" / "wsgi.py").write_text("from ci_ops.service import HealthWSGI\napp = create_app()\n")
    assert not any(line.startswith("not found") for line in init(tmp_path / "shop", WORLD))


@pytest.mark.parametrize(
    "reload", ["systemctl restart shop", "sh -c 'kill -HUP 1' # now", "a: b", "@x", "true"]
)
def test_what_the_caller_knows_needs_no_editing(tmp_path: Path, reload: str) -> None:
    (tmp_path / "requirements.txt").write_text("flask\n")
    init(tmp_path, WORLD, Wishes(url="http://127.0.0.1:9/x?a=b", path="/var/our shop", reload=reload))
    config = load(Source(env={}, start=tmp_path))
    assert config.deploy.target is not None
    assert isinstance(config.deploy.target.plugin, Releases)
    assert (config.deploy.target.plugin.path, config.deploy.target.plugin.reload) == ("/var/our shop", reload)
    assert config.verify.url == "http://127.0.0.1:9/x?a=b"


@pytest.mark.parametrize("url", ["shop.example.com", "ftp://shop.example.com", "https://"])
def test_an_address_that_cannot_be_read_is_refused_before_anything_is_written(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path, WORLD, Wishes(url=url))
    assert caught.value.where == "url"
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_a_checkout_brings_leads_no_file_out_of_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "ci-ops.yml").symlink_to(tmp_path / "outside.yml")
    with pytest.raises(UsageError, match="cannot be written: File exists"):
        init(project, WORLD)
    assert not (tmp_path / "outside.yml").exists()
