from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ci_ops.core.contract.requirements import in_pyproject, in_requirements, normal, read_requirement

PYPROJECT = """\
[project]
name = "shop"
dependencies = [
  "Requests>=2.32",
  "typing_extensions ; python_version < '3.13'",
  "tool @ https://host/tool.whl",
]
[project.optional-dependencies]
cli = ["click~=8.1", "shop[web]"]
[dependency-groups]
test = ["pytest==9.0.1", {include-group = "lint"}]
lint = ["ruff"]
[tool.pdm.dev-dependencies]
docs = ["sphinx"]
[tool.uv]
dev-dependencies = ["mypy>1"]
[tool.poetry.dependencies]
python = "^3.11"
flask = "^3.0"
redis = {version = "^5", optional = true}
[tool.poetry.dev-dependencies]
tox = "*"
[tool.poetry.group.ops.dependencies]
ansible = "*"
"""


def test_every_table_of_a_pyproject_that_names_dependencies_is_read() -> None:
    found = {each.name: each for each in in_pyproject(tomllib.loads(PYPROJECT), PYPROJECT)}
    assert {name: each.group for name, each in found.items()} == {
        "requests": "",
        "typing-extensions": "",
        "tool": "",
        "click": "cli",
        "pytest": "test",
        "ruff": "lint",
        "sphinx": "docs",
        "mypy": "dev",
        "flask": "",
        "redis": "",
        "tox": "dev",
        "ansible": "ops",
    }
    assert found["requests"].specifier == ">=2.32"
    assert found["requests"].line == 4
    assert found["typing-extensions"].line == 5
    assert found["typing-extensions"].is_conditional
    assert found["redis"].is_conditional
    assert found["tool"].is_pinned
    assert found["pytest"].is_pinned
    assert not found["click"].is_pinned


@pytest.mark.parametrize(
    "text", ["", "[project]\ndependencies = 5", "project = 1", "[tool]\npoetry = 3\nuv = []"]
)
def test_a_pyproject_of_another_shape_names_nothing(text: str) -> None:
    assert list(in_pyproject(tomllib.loads(text), text)) == []


@pytest.mark.parametrize(
    ("text", "name", "specifier", "pinned"),
    [
        ("Django==5.2", "django", "==5.2", True),
        ("zope.interface", "zope-interface", "", False),
        ("requests[socks] >= 2 , < 3", "requests", ">= 2 , < 3", False),
        ("x==1.*", "x", "==1.*", False),
        ("x==1,!=1.1", "x", "==1,!=1.1", False),
        ("x@git+https://host/x", "x", "", True),
    ],
)
def test_a_requirement_is_name_specifier_and_marker(
    text: str, name: str, specifier: str, *, pinned: bool
) -> None:
    found = read_requirement(text)
    assert found is not None
    assert (found.name, found.specifier, found.is_pinned) == (name, specifier, pinned)


def test_what_is_no_requirement_is_none() -> None:
    assert read_requirement("=1") is None
    assert normal("Zope__Interface.-x") == "zope-interface-x"


def test_a_requirements_file_is_read_with_its_continuations_comments_and_includes(tmp_path: Path) -> None:
    main = tmp_path / "requirements.txt"
    main.write_text(
        "# made by pip-compile\n"
        "--index-url https://host/simple\n"
        "django==5.2 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n"
        "requests  # any version\n"
        "-r more/base.txt\n"
        "-e .\n"
        "./vendored\n"
        "git+https://t0ken@host/x.git#egg=x\n"
        "=broken=\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text(
        "redis==5.2\n-r ../requirements.txt\n--requirement=../../outside.txt\n"
    )
    found = list(in_requirements(main, tmp_path))
    assert [(each.name, each.line, each.file, each.is_pinned) for each in found] == [
        ("django", 3, "requirements.txt", True),
        ("requests", 6, "requirements.txt", False),
        ("a direct reference", 9, "requirements.txt", True),
        ("a direct reference", 10, "requirements.txt", True),
        ("redis", 1, "more/base.txt", True),
    ]


def test_a_missing_include_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r nowhere.txt\n")
    with pytest.raises(OSError, match=r"requirements\.txt:1 includes"):
        list(in_requirements(tmp_path / "requirements.txt", tmp_path))
