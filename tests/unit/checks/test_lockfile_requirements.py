from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.result import Finding, Result
from tests.support.checking import rules_of
from tests.support.lock_samples import copied, look

SHA = "1f2e3d4c5b6a79880716253443526170f8e9dacb"
HOST = "https://files.example.invalid"


def written(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / {"txt": "requirements.txt", "source": "requirements.in"}.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def only(result: Result) -> Finding:
    (finding,) = result.findings
    return finding


@pytest.mark.parametrize(
    "form",
    [
        *("-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt", "-r ./base.txt"),
        *(
            '-r "base.txt"',
            "--requirem base.txt",
            "-r  base.txt  # the usual ones",
            "-r base.txt \\\n  -r base.txt",
        ),
    ],
)
def test_an_included_file_is_followed_in_every_spelling_of_pip(tmp_path: Path, form: str) -> None:
    root = written(tmp_path, txt=f"{form}\nsix==1.17.0\n", **{"base.txt": "iniconfig\n"})
    result = look(root)
    assert (only(result).rule, str(only(result).location)) == ("lockfile/unpinned", "base.txt:1")
    assert look(written(root, **{"base.txt": "iniconfig==1.1.1\n"})).status is Status.PASS


def test_a_file_of_the_repository_above_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = written(tmp_path / "api", txt="-r ../shared.txt\n")
    written(tmp_path, **{"shared.txt": "iniconfig\n"})
    assert str(only(look(root)).location) == "../shared.txt:1"


@pytest.mark.parametrize(
    ("line", "rule", "severity"),
    [
        ("-r ../outside.txt", "not-read", Status.ERROR),
        (f"-r {HOST}/base.txt", "not-read", Status.ERROR),
        ("-r ${WHERE}.txt", "not-read", Status.ERROR),
        ("-r gone.txt", "unreadable", Status.ERROR),
        ("-c gone.txt", "unreadable", Status.ERROR),
        ("-r .", "unreadable", Status.ERROR),
        ("--no-such-option", "unreadable", Status.ERROR),
        ('-r "base.txt', "unreadable", Status.ERROR),
        ("=broken=", "unreadable", Status.ERROR),
        (f"-c {HOST}/constraints.txt", "not-read", Status.WARN),
    ],
)
def test_what_cannot_be_followed_is_told_with_its_line(
    tmp_path: Path, line: str, rule: str, severity: Status
) -> None:
    finding = only(look(written(tmp_path, txt=f"six==1.17.0\n{line}\n")))
    assert (finding.rule, finding.severity) == (f"lockfile/{rule}", severity)
    assert str(finding.location) == "requirements.txt:2"


@pytest.mark.reports("lockfile/not-read")
def test_no_more_than_fifty_files_are_followed(tmp_path: Path) -> None:
    for number in range(60):
        written(tmp_path, **{f"{number}.txt": f"-r {number + 1}.txt\n"})
    finding = only(look(written(tmp_path, txt="-r 0.txt\n")))
    assert (finding.rule, finding.location.file if finding.location else "") == (
        "lockfile/not-read",
        "48.txt",
    )


@pytest.mark.reports("lockfile/contradiction")
def test_a_constraint_pins_what_it_names_and_installs_nothing(tmp_path: Path) -> None:
    root = written(tmp_path, txt="-c limits.txt\niniconfig\n", **{"limits.txt": "iniconfig==1.1.1\nsix\n"})
    assert look(root).status is Status.PASS
    written(root, txt="-c limits.txt\niniconfig==2.0\n")
    assert only(look(root)).rule == "lockfile/contradiction"


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("six==1.16\nsix==1.17\n", True),
        ("six==1.16; python_version < '3.9'\nsix==1.17; python_version >= '3.9'\n", False),
        ("six==1.17\nsix==1.17.0\n", False),
    ],
)
def test_one_package_in_two_versions_is_a_contradiction(tmp_path: Path, text: str, *, is_told: bool) -> None:
    assert rules_of(look(written(tmp_path, txt=text))) == (["contradiction"] if is_told else [])


@pytest.mark.parametrize(
    ("line", "rule", "severity"),
    [
        ("x @ file:///croot/x_1602780191262/work", "local-path", Status.FAIL),
        ("x @ file:///C:/ci/x_1602780191262/work", "local-path", Status.FAIL),
        ("C:\\ci\\x.whl", "local-path", Status.FAIL),
        pytest.param("~/x.whl", "local-path", Status.FAIL, marks=pytest.mark.reports("lockfile/local-path")),
        ("/opt/wheels/x.whl", "local-path", Status.FAIL),
        ("-e ../elsewhere", "local-path", Status.FAIL),
        ("./vendor/gone.whl", "local-path", Status.FAIL),
        ("x @ git+https://host.invalid/x.git@main", "moving", Status.FAIL),
        ("git+https://host.invalid/x.git", "moving", Status.FAIL),
        ("-e git+https://host.invalid/x.git#egg=x", "moving", Status.FAIL),
        ("git+ssh://git@host.invalid/x.git", "moving", Status.FAIL),
        ("x @ git+https://host.invalid/x.git@v1.2.0", "moving", Status.WARN),
        (f"{HOST}/x/archive/refs/heads/main.zip", "moving", Status.FAIL),
        (f"{HOST}/x-1.0.tar.gz", "moving", Status.WARN),
    ],
)
def test_what_is_not_the_same_on_every_machine_and_day_is_told(
    tmp_path: Path, line: str, rule: str, severity: Status
) -> None:
    finding = only(look(written(tmp_path, txt=f"six==1.17.0\n{line}\n")))
    assert (finding.rule, finding.severity) == (f"lockfile/{rule}", severity)


@pytest.mark.parametrize(
    "line",
    [
        f"x @ git+https://host.invalid/x.git@{SHA}",
        f"git+ssh://git@host.invalid/x.git@{SHA}#egg=x",
        f"{HOST}/x-1.0.tar.gz#sha256={'0' * 64}",
        f"{HOST}/x-1.0.tar.gz --hash=sha256:{'0' * 64}",
        f"{HOST}/x/archive/{SHA}.zip",
        "./vendor/x-1.0-py3-none-any.whl",
        "vendor/x-1.0-py3-none-any.whl ; python_version > '3'",
        "x @ file:vendor/x-1.0-py3-none-any.whl",
        "-e ./vendor",
        "-e .[dev]",
        ".",
    ],
)
def test_a_commit_a_hash_and_a_path_of_the_repository_are_one_version(tmp_path: Path, line: str) -> None:
    root = written(tmp_path, txt=f"{line}\n", **{"vendor/x-1.0-py3-none-any.whl": ""})
    assert (look(root).status, look(root).measured) == (Status.PASS, 1)


@pytest.mark.reports("lockfile/moving")
def test_no_part_of_an_address_is_shown(tmp_path: Path) -> None:
    result = look(written(tmp_path, txt="git+https://name:t0kenvalue@host.invalid/x.git@main\n"))
    assert "t0kenvalue" not in repr(result)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("iniconfig==2.3.1\nsix==1.17.0 ; python_version < '3.13'\n", []),
        ("iniconfig==2.3.1\n", []),
        pytest.param(
            "iniconfig==1.1.1\n", ["locks-differ"], marks=pytest.mark.reports("lockfile/locks-differ")
        ),
        ("iniconfig==2.3.1\nhttpx==0.28\n", ["locks-differ"]),
        ("iniconfig==2.3.1\nhttpx==0.28 ; sys_platform == 'win32'\n", []),
        ("six==1.17.0\n", ["not-locked"]),
        ("iniconfig\n", ["unpinned"]),
    ],
)
@pytest.mark.parametrize("tool", ["poetry", "pdm"])
def test_exported_requirements_have_to_agree_with_the_lock_beside_them(
    tmp_path: Path, tool: str, text: str, rules: list[str]
) -> None:
    result = look(written(copied(tool, tmp_path), txt=text))
    assert rules_of(result) == rules
    assert (result.status is Status.PASS) is (not rules)


def test_a_range_beside_a_lock_is_a_warning_and_alone_a_failure(tmp_path: Path) -> None:
    beside = look(written(copied("pdm", tmp_path), txt="iniconfig\n"))
    assert (beside.status, rules_of(beside)) == (Status.WARN, ["unpinned"])
    alone = look(written(tmp_path / "alone", txt="iniconfig\n"))
    assert (alone.status, rules_of(alone)) == (Status.FAIL, ["unpinned"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_of_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "requirements.txt").write_bytes("six==1.17.0\r\niniconfig\r\n".encode(encoding))
    assert (only(look(tmp_path)).subject, look(tmp_path).measured) == ("iniconfig", 2)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements.in", "pyproject.toml", "pdm.lock"])
@pytest.mark.reports("lockfile/conflict")
def test_the_markers_of_an_unfinished_merge_are_named_with_their_line(tmp_path: Path, name: str) -> None:
    root = written(copied("pdm", tmp_path), txt="iniconfig==2.3.1\n", source="iniconfig\n")
    marks = "<<<<<<< HEAD\n# one\n=======\n# other\n>>>>>>> branch\n"
    (root / name).write_text(f"# first\n{marks}{(root / name).read_text()}")
    result = look(root)
    assert (result.status, only(result).rule, result.measured) == (Status.FAIL, "lockfile/conflict", 1)
    assert str(only(result).location) == f"{name}:2"


def test_a_package_that_stands_twice_in_a_lock_is_told(tmp_path: Path) -> None:
    root = copied("pdm", tmp_path)
    text = (root / "pdm.lock").read_text()
    package = text[text.index('[[package]]\nname = "six"') :].partition("\n\n")[0]
    (root / "pdm.lock").write_text(f"{text}\n{package}\n")
    finding = only(look(root))
    assert (finding.rule, finding.subject) == ("lockfile/contradiction", "six")


def test_a_folder_or_a_pipe_in_place_of_a_file_ends_the_check_with_an_error(tmp_path: Path) -> None:
    import os  # noqa: PLC0415

    os.mkfifo(tmp_path / "base.txt")
    finding = only(look(written(tmp_path, txt="six==1.17.0\n-r base.txt\n")))
    assert finding.rule == "lockfile/unreadable"


@pytest.mark.parametrize(
    ("tool", "lock", "is_told"),
    [
        ("poetry", '[package.dependencies]\nghost = ">=2.5,<4"\n', True),
        ("poetry", '[package.dependencies]\nghost = {version = ">=2", extras = ["x"]}\n', True),
        (
            "poetry",
            '[package.dependencies]\nghost = {version = ">=2", markers = "os_name == \'nt\'"}\n',
            False,
        ),
        ("poetry", '[package.dependencies]\nghost = {version = ">=2", optional = true}\n', False),
        ("poetry", '[package.dependencies]\nsetuptools = "*"\n', False),
        ("pdm", 'dependencies = ["ghost<4,>=2.5"]\n', True),
        ("pdm", "dependencies = [\"ghost<4; os_name == 'nt'\"]\n", False),
        ("uv", 'dependencies = [{ name = "ghost" }]\n', True),
        ("uv", 'dependencies = [{ name = "ghost", marker = "os_name == \'nt\'" }]\n', False),
    ],
)
def test_a_package_that_another_needs_has_to_be_in_the_lock(
    tmp_path: Path, tool: str, lock: str, *, is_told: bool
) -> None:
    root = copied(tool, tmp_path)
    path = root / f"{tool}.lock"
    entry = '[[package]]\nname = "iniconfig"\nversion = "2.3.1"\n'
    text = path.read_text()
    assert entry in text
    tables = text.replace(entry, f"{entry}{lock}" if tool != "poetry" else entry)
    if tool == "poetry":
        tables = tables.replace("files = []\n", f"files = []\n\n{lock}", 1)
    path.write_text(tables)
    found = [each.subject for each in look(root).findings if each.rule == "lockfile/not-locked"]
    assert ("ghost" in found) is is_told


@pytest.mark.reports("lockfile/half-hashed")
def test_one_hash_asks_for_the_hash_of_every_requirement(tmp_path: Path) -> None:
    hashed = f"six==1.17.0 --hash=sha256:{'0' * 64}\n"
    assert look(written(tmp_path, txt=hashed)).status is Status.PASS
    finding = only(look(written(tmp_path, txt=f"{hashed}iniconfig==2.0.0\n")))
    assert (finding.rule, finding.severity, finding.subject, finding.observed) == (
        "lockfile/half-hashed",
        Status.WARN,
        "iniconfig",
        "no hash at 1 of 2",
    )
