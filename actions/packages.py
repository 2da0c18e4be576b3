"""Download and unpacking of the packages of one lock: directly, with uv, or with pip.

Loaded by bootstrap.py when an environment has to be made; standard library only. Whichever tool
downloads them, every file is verified against the hashes of the lock.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys

CHILD_ENVIRONMENT = os.path.join(
    os.path.dirname(__file__), os.pardir, "ci_ops", "core", "child_environment.py"
)
SOURCES = (
    *("PIP_CACHE_DIR", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_KEYRING_PROVIDER", "PIP_NO_INDEX"),
    *("PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT", "PIP_TRUSTED_HOST"),
    *("UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_NO_INDEX"),
    *("UV_OFFLINE", "UV_SYSTEM_CERTS"),
    *("UV_HTTP_*", "UV_INDEX*", "NETRC"),
)
"""What says where packages come from; everything else of pip and uv would change what is done with them."""
KEYRING_SWITCHES = ("PIP_KEYRING_PROVIDER", "UV_KEYRING_PROVIDER")
KEYRING = ("AWS_*", "GOOGLE_*", "CLOUDSDK_*", "ARTIFACTS_*", "VSS_*", "KEYRING_*", "DBUS_SESSION_BUS_ADDRESS")
"""What the keyrings of private indexes sign in with; given only where the job names a keyring provider."""


class NotFetched(Exception):
    """A failed download: what is wrong, what to do about it, and the installers' output."""

    def __init__(self, sentence: str, hint: str, log: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.log = log


def fetch(lock: str, folder: str, *, work: str, uv: list[str]) -> None:
    """Download and unpack the packages of a lock into a folder. Raises NotFetched.

    `uv` is the path of uv, if it is installed. If it is in use already it comes first: it may have
    the packages cached, or know another index than pip.
    """
    if not (uv and uv_is_in_use()) and fetch_wheels(lock, folder):
        return
    checked = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", folder, "-r", lock]
    installers = [[program, "pip", "install", "--quiet", "--python", sys.executable] for program in uv]
    # --no-compile: compiling what is imported, when it is, costs less than compiling everything now
    installers.append([sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-compile"])
    output = ""
    for installer in installers:
        shutil.rmtree(folder, ignore_errors=True)
        done = subprocess.run(
            installer + checked,
            cwd=work,  # not the workspace: its pyproject.toml has no say in this
            env=quiet_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode == 0:
            return
        output += done.stdout.decode("utf-8", "replace")
    raise explained(output, lock, had_uv=bool(uv))


def explained(output: str, lock: str, *, had_uv: bool) -> NotFetched:
    """Return the cause and the advice that the installers' output suggests."""
    if "No module named pip" in output and not had_uv:
        hint = "Install pip for it (on Debian: apt-get install python3-pip), or uv."
        return NotFetched("neither uv nor pip is there for " + sys.executable, hint)
    if "hash mismatch" in output.lower() or "do not match the hashes" in output.lower():
        return other_files(output)
    return NotFetched(
        "the packages in " + os.path.basename(lock) + " could not be installed",
        "Does this runner reach its package index? Name a mirror with PIP_INDEX_URL or UV_DEFAULT_INDEX, "
        "its certificate with PIP_CERT or SSL_CERT_FILE. The installer's own words are in the log.",
        output,
    )


def other_files(output: str = "") -> NotFetched:
    """Return the one problem that a retry must not hide."""
    return NotFetched(
        "the package index served files that differ from those locked",
        "Do not go on before it is known why: the files do not have the hashes in actions/locks.",
        output,
    )


def uv_is_in_use() -> bool:
    """Return True where uv was configured or has run before."""
    named = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA")
    roots = [os.environ.get(name, "") for name in named]
    roots += [os.path.expanduser("~/.cache"), os.path.expanduser("~/.config"), "/etc"]
    is_set = any(name.startswith("UV_") for name in os.environ)
    return is_set or any(os.path.isdir(os.path.join(root, "uv")) for root in filter(None, roots))


def fetch_wheels(lock: str, folder: str) -> bool:
    """Download the packages with wheels.py; return False where uv or pip must do it."""
    wheels = runpy.run_path(os.path.join(os.path.dirname(__file__), "wheels.py"))
    try:
        why_not = wheels["fetch"](lock, folder)
    except wheels["Refused"] as problem:
        raise other_files(str(problem)) from None
    if why_not and os.environ.get("RUNNER_DEBUG") == "1":
        sys.stderr.write(f"::debug::ci-ops leaves its packages to uv or pip: {why_not}\n")
    return not why_not


def quiet_environment() -> dict[str, str]:
    """Return the environment for pip and uv: index settings, and nothing else of the job's."""
    rule = runpy.run_path(CHILD_ENVIRONMENT)["tool_environment"]
    has_keyring = any(os.environ.get(name) for name in KEYRING_SWITCHES)
    settings: dict[str, str] = rule(os.environ, SOURCES, KEYRING if has_keyring else ())
    for name, value in (("PIP_RETRIES", "2"), ("UV_HTTP_RETRIES", "2")):
        settings.setdefault(name, value)
    if settings.get("PIP_INDEX_URL") and not any(
        name.startswith(("UV_INDEX", "UV_DEFAULT")) for name in settings
    ):
        settings["UV_DEFAULT_INDEX"] = settings["PIP_INDEX_URL"]
    settings.update(
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_ROOT_USER_ACTION="ignore",
        PIP_USER="0",
        UV_NO_PROGRESS="1",
    )
    return settings
