"""Built-in deployment checks: variables, files, packages, and unsafe settings."""

from __future__ import annotations

import configparser
import json
import os
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.contract.installed import declared, why_unmet
from ci_ops.core.contract.presets import DEBUG_SWITCHES
from ci_ops.core.contract.requirements import Dependency, normal, read_requirement
from ci_ops.core.contract.values import FALSE_WORDS
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ci_ops.core.contract.variables import Reading

PRODUCTION = "production"
MAX_NAMED = 10


def verdict(name: str, failures: list[str], warnings: list[str], *, good: str) -> CheckResult:
    """Return the result for these sentences; `good` is its message when there are none."""
    sentences = failures + warnings
    status = CheckStatus.FAIL if failures else CheckStatus.WARN if warnings else CheckStatus.PASS
    more = f" (and {len(sentences) - MAX_NAMED} more)" if len(sentences) > MAX_NAMED else ""
    return CheckResult(
        name=name,
        status=status,
        message="; ".join(sentences[:MAX_NAMED]) + more if sentences else good,
        details={"failures": failures, "warnings": warnings} if sentences else {},
    )


def variables(reading: Reading) -> CheckResult:
    """Check that the environment satisfies what the configuration declares."""
    warnings = [str(each) for each in reading.warnings if each.rule == "misspelt"]
    good = f"{len(reading.is_set)} variables are set, and none is wrong"
    return verdict("environment", [str(each) for each in reading.problems], warnings, good=good)


def files(root: Path, names: Iterable[str | Path]) -> CheckResult:
    """Check that configuration files exist, are not empty, and parse as what their names say."""
    listed = [Path(name) for name in names]
    faults = [f"{path}: {fault}" for path in listed if (fault := _file_fault(root / path))]
    return verdict("configuration-files", faults, [], good=f"{len(listed)} files can be read")


def _file_fault(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
        _PARSERS.get(path.suffix.lower(), str)(text)
    except OSError as error:
        return error.strerror or type(error).__name__
    except (ValueError, RecursionError, configparser.Error):
        return "it cannot be read as what its name says"
    return "" if text.strip() else "it is empty"


def _ini(text: str) -> None:
    configparser.ConfigParser(interpolation=None).read_string(text)


_PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".ini": _ini,
    ".cfg": _ini,
}


def dependencies(root: Path) -> CheckResult:
    """Check that the requirements of the project and of its packages are installed."""
    installed = {normal(each.name): each.version for each in metadata.distributions() if each.name}
    try:
        asked = list(_asked(root))
    except (OSError, ValueError) as error:
        return CheckResult(
            name="dependencies",
            status=CheckStatus.FAIL,
            message=f"the requirements cannot be read: {type(error).__name__}",
        )
    faults = dict.fromkeys(fault for by, each in asked if (fault := why_unmet(each, installed, by=by)))
    good = f"{len(asked)} requirements and {len(installed)} packages go together"
    return verdict("dependencies", list(faults), [], good=good)


def _asked(root: Path) -> Iterator[tuple[str, Dependency]]:
    """Yield each requirement with the package or file that states it."""
    yield from ((each.file, each) for each in declared(root))
    for distribution in metadata.distributions():
        for line in distribution.requires or []:
            found = read_requirement(line)
            if found is not None:
                yield distribution.name, found


def security(reading: Reading, env: Mapping[str, str], environment: str) -> CheckResult:
    """Check for settings that are unsafe in production."""
    failures: list[str] = []
    warnings: list[str] = []
    for name in DEBUG_SWITCHES:
        value = env.get(name, "").strip()
        if value and environment == PRODUCTION:
            is_off = value.casefold() in FALSE_WORDS
            sentence = f"{name} must not be set in production"
            (warnings if is_off else failures).append(sentence)
    placeholders = [str(each) for each in reading.warnings if each.rule == "placeholder"]
    (failures if environment == PRODUCTION else warnings).extend(placeholders)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        warnings.append("the process runs as root")
    for is_error, sentence in _django(environment):
        (failures if is_error else warnings).append(sentence)
    return verdict("security", failures, warnings, good="nothing unsafe was found")


def _django(environment: str) -> Iterator[tuple[bool, str]]:
    """Yield the findings of Django's deployment checks, where the application has loaded Django."""
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured or environment != PRODUCTION:
        return
    checks = import_module("django.core.checks")
    for message in checks.run_checks(tags=["security"], include_deployment_checks=True):
        yield message.level >= checks.ERROR, f"{message.id}: {message.msg}"
