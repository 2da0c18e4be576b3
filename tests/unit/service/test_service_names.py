import subprocess
import sys

import pytest

import ci_ops.service

FRAMEWORK_DOORS = ["health_blueprint", "health_router", "health_routes", "health_urls", "make_health_router"]
"""The names that need their framework, and say so by an ImportError."""


def _modules_after(code: str) -> list[str]:
    program = f"import sys\n{code}\nprint(*sorted(name for name in sys.modules if name.startswith('ci_ops')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_kit_loads_nothing_else_of_ours() -> None:
    assert _modules_after("import ci_ops.service") == ["ci_ops", "ci_ops.service"]


@pytest.mark.parametrize("name", ci_ops.service.__all__)
def test_every_public_name_is_found(name: str) -> None:
    assert getattr(ci_ops.service, name) is not None
    assert name in dir(ci_ops.service)


def test_using_the_whole_kit_loads_only_core_and_service() -> None:
    names = [name for name in ci_ops.service.__all__ if name not in FRAMEWORK_DOORS]
    modules = _modules_after(f"from ci_ops.service import {', '.join(names)}")

    assert [name for name in modules if name.split(".")[1:2] not in ([], ["core"], ["service"])] == []


def test_the_kit_needs_no_other_package() -> None:
    program = (
        "import sys, sysconfig\n"
        "sys.path[:] = [one for one in sys.path if 'site-packages' not in one]\n"
        "import ci_ops.service\n"
        "for name in ci_ops.service.__all__:\n"
        f"    if name not in {FRAMEWORK_DOORS}:\n"
        "        getattr(ci_ops.service, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'HealthCheckServise'"):
        ci_ops.service.HealthCheckServise  # type: ignore[attr-defined]  # noqa: B018 - the access is the test
