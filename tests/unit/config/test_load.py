from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.find import Project, find_file, find_project, name_for
from ci_ops.config.load import Source, examine, load
from ci_ops.config.model import Config
from ci_ops.core.errors import ConfigError, UsageError
from tests.support.configs import DOCUMENTS, ENV, EXAMPLE, loaded, unhurried


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_the_file_is_found_upwards_to_the_root_of_the_repository(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("service: root")
    assert find_file(repository / "a" / "b", {}) == repository / "ci-ops.yml"


def test_the_nearest_file_counts(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("")
    (repository / "a" / "ci-ops.json").write_text("{}")
    assert find_file(repository / "a" / "b", {}) == repository / "a" / "ci-ops.json"


def test_nothing_above_the_repository_is_looked_at(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("")
    (repository / "a" / ".git").write_text("gitdir: elsewhere")
    assert find_file(repository / "a" / "b", {}) is None


def test_outside_a_repository_only_the_folder_itself_counts(tmp_path: Path) -> None:
    (tmp_path / "ci-ops.yaml").write_text("")
    (tmp_path / "a").mkdir()
    assert find_file(tmp_path / "a", {}) is None
    assert find_file(tmp_path, {}) == tmp_path / "ci-ops.yaml"


def test_the_file_that_was_asked_for_goes_before_the_variable_and_the_search(repository: Path) -> None:
    for name in ("ci-ops.yml", "one.yml", "two.yml"):
        (repository / name).write_text("")
    env = {"CI_OPS_CONFIG": "one.yml"}
    assert find_file(repository, env, "two.yml") == repository / "two.yml"
    assert find_file(repository, env) == repository / "one.yml"
    assert find_file(repository, {"CI_OPS_CONFIG": ""}) == repository / "ci-ops.yml"


@pytest.mark.parametrize(
    ("env", "asked", "where"), [({}, "no.yml", "--config"), ({"CI_OPS_CONFIG": "a"}, "", "CI_OPS_CONFIG")]
)
def test_a_file_that_was_named_must_be_there(
    repository: Path, env: dict[str, str], asked: str, where: str
) -> None:
    with pytest.raises(UsageError, match=f"^{where}: there is no file"):
        find_file(repository, env, asked)


def test_two_files_side_by_side_are_refused(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("")
    (repository / "ci-ops.json").write_text("{}")
    with pytest.raises(UsageError, match=r"ci-ops.yml and ci-ops.json lie side by side"):
        find_file(repository, {})


def test_messages_name_the_file_as_short_as_they_can(repository: Path) -> None:
    assert name_for(repository / "a" / "ci-ops.yml", repository / "a") == "ci-ops.yml"
    assert name_for(repository / "ci-ops.yml", repository / "a") == "ci-ops.yml"
    assert name_for(Path("/somewhere/else.yml"), repository) == "/somewhere/else.yml"


def test_without_a_file_there_are_the_defaults_and_the_overrides(repository: Path) -> None:
    assert load(Source(env={}, start=repository)) == Config()
    url = "https://shop.example.com"
    assert (
        load(Source(env={}, start=repository, overrides={"verify.url": (url, "input url")})).verify.url == url
    )


def test_the_configuration_knows_its_file(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("service: shop")
    config = load(Source(env={}, start=repository / "a"))
    assert (config.service, config.file) == ("shop", repository / "ci-ops.yml")


def test_every_problem_is_raised_at_once_in_the_order_of_the_file(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("servise: a\nverify: {url: '${A}', deadline: x}\nignore: {b: }\n")
    with pytest.raises(ConfigError) as caught:
        load(Source(env={}, start=repository))
    assert [each.location for each in caught.value.problems] == [
        "ci-ops.yml:1:1",
        "ci-ops.yml:2:15",
        "ci-ops.yml:2:33",
        "ci-ops.yml:3:10",
        "ci-ops.yml:3:10",
        "ci-ops.yml:3:10",
    ]
    assert caught.value.exit_code == 2


def test_a_broken_file_can_be_examined(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("a: b: c")
    found = examine(Source(env={}, start=repository, overrides={"service": ("shop", "flag")}))
    assert (found.config.service, len(found.problems)) == ("shop", 1)
    assert found.config.file == repository / "ci-ops.yml"


def test_a_json_file_may_name_its_schema() -> None:
    assert loaded('{"$schema": "./ci-ops.schema.json", "service": "shop"}', file="ci-ops.json").problems == ()


def test_the_example_of_the_documentation_loads_and_means_what_it_says() -> None:
    config = load(Source(env=ENV, start=EXAMPLE.parent, file=EXAMPLE.name, environment="staging"))
    assert [each.name for each in config.readiness.checks] == ["env-vars", "style"]
    assert [each.plugin.plugin_name() for each in config.readiness.checks] == ["env-vars", "command"]
    assert [each.name for each in config.verify.checks] == ["health", "revision", "tls"]
    assert config.verify.url == "https://staging.shop.example.com"
    assert config.deploy.target is not None
    assert config.deploy.target.plugin.plugin_name() == "releases"
    assert [each.reveal() for each in config.secrets] == list(ENV.values())


def test_the_json_twin_of_the_example_is_the_same_configuration(tmp_path: Path) -> None:
    text = yaml.load(EXAMPLE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    text["version"], text["verify"]["checks"]["revision"]["connections"] = 1, 8
    text["deploy"]["target"]["keep"] = 5
    (tmp_path / "ci-ops.json").write_text(json.dumps(text))
    twin = load(Source(env=ENV, start=tmp_path))
    assert twin == load(Source(env=ENV, start=EXAMPLE.parent, file=EXAMPLE.name))


@unhurried
@given(DOCUMENTS, st.booleans(), st.sampled_from(["", "staging", "production"]))
def test_yaml_and_json_give_the_same_configuration(
    document: dict[str, Any], is_ascii: bool, environment: str
) -> None:
    env = environment if "environments" in document else ""
    as_yaml = loaded(yaml.safe_dump(document, allow_unicode=not is_ascii, sort_keys=False), environment=env)
    as_json = loaded(json.dumps(document, ensure_ascii=is_ascii), file="ci-ops.json", environment=env)
    assert as_yaml.problems == ()
    assert as_yaml.config == as_json.config


def test_reading_the_module_loads_neither_yaml_nor_any_plugin() -> None:
    code = (
        "import sys; import ci_ops.config.load, ci_ops.config.check;"
        "print([m for m in sys.modules if m.split('.')[0] in ('yaml', 'requests', 'jinja2')"
        " or m.startswith(('ci_ops.checks', 'ci_ops.targets', 'ci_ops.channels', 'ci_ops.edge'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_only_the_plugins_that_the_file_names_are_loaded(repository: Path) -> None:
    (repository / "ci-ops.json").write_text('{"notify": {"channels": {"ops": {"type": "console"}}}}')
    code = (
        "import sys; from pathlib import Path; from ci_ops.config.load import Source, load;"
        f"load(Source(env={{}}, start=Path({str(repository)!r})));"
        "kinds = ('ci_ops.checks.', 'ci_ops.targets.', 'ci_ops.channels.');"
        "print('yaml' in sys.modules, [m for m in sys.modules if m.startswith(kinds)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False ['ci_ops.channels.console']\n", "")


@pytest.mark.parametrize("address", ["shop.example.com", "ftp://shop.example.com", "https://", "http://a b"])
def test_an_address_that_nobody_can_ask_is_a_problem_of_the_file(address: str) -> None:
    (problem,) = loaded(f"verify: {{url: '{address}'}}").problems
    assert str(problem).startswith("ci-ops.yml:1:15 verify.url: the address ")


def test_commands_work_where_the_file_lies(repository: Path) -> None:
    inside, file = repository / "a", repository / "ci-ops.yml"
    assert find_project(inside, {}) == Project(folder=inside)
    file.write_text("service: shop")
    assert find_project(inside, {}) == Project(folder=repository)
    named = find_project(inside, {"CI_OPS_CONFIG": "../ci-ops.yml"})
    assert (named.folder, Path(named.file).resolve()) == (inside, file)
    assert find_project(inside, {}, file="../ci-ops.yml") == named


def test_a_directory_that_is_named_is_the_project_with_the_nearest_file(repository: Path) -> None:
    (repository / "ci-ops.yml").write_text("")
    project = find_project(repository, {}, directory="a/b")
    assert project == Project(folder=repository / "a" / "b")
    assert find_file(project.folder, {}) == repository / "ci-ops.yml"


@pytest.mark.parametrize("file", ["a/ci-ops.yml", "ci-ops.yml"])
def test_a_file_is_named_from_here_or_from_the_directory(repository: Path, file: str) -> None:
    (repository / "a" / "ci-ops.yml").write_text("")
    project = find_project(repository, {}, file=file, directory="a")
    assert project == Project(folder=repository / "a", file=str(repository / "a" / "ci-ops.yml"))


def test_a_file_in_another_repository_than_here_names_the_project(tmp_path: Path) -> None:
    (tmp_path / "app" / ".git").mkdir(parents=True)
    (tmp_path / "app" / "ci-ops.yml").write_text("")
    assert find_project(tmp_path, {}, file="app/ci-ops.yml").folder == tmp_path / "app"


def test_a_directory_that_is_not_there_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match=r"^directory: there is no folder services/api"):
        find_project(repository, {}, directory="services/api")
