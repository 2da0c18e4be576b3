from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.plugins import Family, family

if TYPE_CHECKING:
    from pathlib import Path

CHECKS: Family = Family("tests.support.sampleplugins.checks")  # type: ignore[type-arg]
BROKEN: Family = Family("tests.support.sampleplugins.broken")  # type: ignore[type-arg]


def test_every_module_without_a_leading_underscore_is_a_plugin() -> None:
    assert CHECKS.names() == ("probe", "tidy-up")


def test_a_name_leads_to_the_class_in_camel_case() -> None:
    assert CHECKS.load("tidy-up").__name__ == "TidyUp"


def test_an_unknown_name_is_an_error_that_suggests_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"there is no check of that type; did you mean probe\?"):
        CHECKS.load("prob")


def test_an_unknown_name_that_is_like_none_gets_the_whole_list() -> None:
    with pytest.raises(UsageError, match="there are probe, tidy-up"):
        CHECKS.load("rocket")


@pytest.mark.parametrize("name", ["nothing-here", "something"])
def test_a_module_without_its_class_is_a_defect_with_a_clear_sentence(name: str) -> None:
    with pytest.raises(TypeError, match="must define a plugin named"):
        BROKEN.load(name)


@pytest.mark.parametrize("name", ["_shared", "probe.py", "../checks/probe", "tidy_up", ""])
def test_only_names_from_the_folder_are_ever_imported(name: str) -> None:
    with pytest.raises(UsageError):
        CHECKS.load(name)


def test_a_family_of_the_program_is_its_folder() -> None:
    checks = family("checks")
    assert (checks.package, checks.name, checks.word) == ("ci_ops.checks", "checks", "check")


def test_listing_and_loading_imports_nothing_but_the_one_module() -> None:
    code = (
        "import sys; from ci_ops.plugins import Family; checks = Family('tests.support.sampleplugins.checks');"
        "checks.names(); assert not [m for m in sys.modules if m.startswith(checks.package + '.')];"
        "checks.load('probe');"
        "assert [m for m in sys.modules if m.startswith(checks.package + '.')] == [checks.package + '.probe']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_plugins_are_found_inside_a_zip_file_too(tmp_path: Path) -> None:
    archive = tmp_path / "kinds.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipkinds/__init__.py", "")
        packed.writestr("zipkinds/checks/__init__.py", "")
        packed.writestr("zipkinds/checks/_no.py", "")
        packed.writestr(
            "zipkinds/checks/in_zip.py",
            "from ci_ops.core.plugin import Check\nclass InZip(Check):\n    '''Packed.'''\n",
        )
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r}); from ci_ops.plugins import Family;"
        "checks = Family('zipkinds.checks'); print(checks.names(), checks.load('in-zip').plugin_name())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("('in-zip',) in-zip\n", "")
