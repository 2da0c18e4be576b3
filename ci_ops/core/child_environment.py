"""The environment of child processes: what each tool needs by name, and none of the job's secrets.

Command lines of users get the job's environment (`session/environment.py`). So does the
child that imports an application's declaration: it runs the application's own code.
Every other program gets what is listed here. actions/packages.py runs this file by its
path, before ci-ops can be imported: standard library only, in the syntax of Python 3.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TMP", "TEMP"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERNAME", "USERPROFILE", "HOMEDRIVE"),
    *("HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)"),
    *("NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
)
"""What every program gets, compared without case; a star ends a prefix.

actions/setup-python names its interpreters' libraries in LD_LIBRARY_PATH; Windows starts nothing without SYSTEMROOT.
"""

GIT = (
    *("GIT_CONFIG*", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH"),
    *(
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_DEFAULT_HASH",
        "GIT_TRACE*",
        "GIT_TEST_*",
    ),
)
"""Source: git(1), "Environment Variables"; those that name another repository are left out."""

PYTHON = (
    *("VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "PYENV_VERSION", "PYENV_DIR"),
    *("ASDF_DIR", "ASDF_DATA_DIR", "ASDF_CONFIG_FILE", "ASDF_PYTHON_VERSION"),
    *("MISE_DATA_DIR", "MISE_CACHE_DIR", "MISE_CONFIG_DIR", "MISE_STATE_DIR"),
)
"""With which a version manager's stand-in finds the interpreter; ours run isolated and obey no PYTHON*."""


def tool_environment(env: Mapping[str, str], *tools: tuple[str, ...]) -> dict[str, str]:
    """Return the base environment with the variables that these tools need."""
    wanted = [name for names in (BASE, *tools) for name in names]
    names = {name for name in wanted if not name.endswith("*")}
    prefixes = tuple(name[:-1] for name in wanted if name.endswith("*"))
    return {
        name: value
        for name, value in env.items()
        if name.upper() in names or name.upper().startswith(prefixes)
    }
