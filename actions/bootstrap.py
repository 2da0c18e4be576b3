"""Start one action: a Python from 3.11 on, its packages, then `ci_ops`.

The last line of each action's bash step is

    exec "$PY" -I -X utf8 "$GITHUB_ACTION_PATH/../bootstrap.py" verify

Standard library only, in syntax that Python 3.8 parses, so that an old
interpreter gets a sentence and not a traceback. The packages are installed
once per job from actions/locks/*.txt, checked by hash, into a folder whose
name says what they were made from; every later step finds them there.
Nothing is written into the action's own folder.

A running command has what its configuration needs installed before its first
change: `runpy.run_path(os.environ["CI_OPS_BOOTSTRAP"])["ensure"](["sms"])`.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import signal
import sys
from importlib.machinery import FileFinder, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.abc import PathEntryFinder

OLDEST = (3, 11)
NEWEST_MINOR = 14
EXIT_SETUP_FAILED = 69  # EX_UNAVAILABLE of sysexits.h
ABANDONED_SECONDS = 3600
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
LOCKS = os.path.join(ROOT, "actions", "locks")
GROUPS = {"deploy": ("core", "github"), "rollback": ("core", "github")}


class SetupFailed(Exception):
    """The action cannot start; the text says what is wrong and what to do about it."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def main(arguments: list[str]) -> int:
    """Run the command named first, with its packages; exit with 69 when they cannot be installed."""
    try:
        if sys.version_info < OLDEST:
            return become(newer_python(), arguments)
        signal.signal(signal.SIGTERM, stop)
        libraries = ensure(GROUPS.get("".join(arguments[:1]), ("core",)))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except SetupFailed as problem:
        return refuse(problem)
    except OSError as problem:
        return refuse(SetupFailed(str(problem), "Make room, or let this user write to its temporary folder."))
    sys.path[:] = [ROOT, *libraries, *standard_library()]
    keep_bytecode_in(os.path.join(os.path.dirname(libraries[0]), "bytecode"))
    os.environ["CI_OPS_BOOTSTRAP"] = os.path.realpath(__file__)
    sys.argv = ["ci-ops", *arguments]
    command = importlib.import_module("ci_ops.__main__")
    return int(command.main() or 0)


def standard_library() -> list[str]:
    """Return the folders of the interpreter's standard library, without site-packages."""
    own = (f"python{sys.version_info.major}{sys.version_info.minor}.zip", "lib-dynload", "DLLs")
    home = os.path.dirname(os.__file__)
    return [path for path in sys.path if path == home or os.path.basename(path) in own]


def stop(number: int, _frame: object) -> None:
    """Cancel an installation: stop its processes and remove its folder."""
    raise SystemExit(128 + number)


def ensure(groups: list[str] | tuple[str, ...]) -> list[str]:
    """Have the groups installed and importable; their folders, in the same order.

    A group is the name of a file in actions/locks. Raises SetupFailed.
    """
    home = environment_home()
    folders = []
    for group in groups:
        lock = os.path.join(LOCKS, group + ".txt")
        try:
            with open(lock, "rb") as file:
                target = os.path.join(home, group + "-" + key(file.read()))
        except FileNotFoundError:
            raise SetupFailed(
                "there is no group of packages called " + group, "The groups are the files in " + LOCKS
            ) from None
        if not is_complete(target):
            install(lock, target)
        folder = os.path.join(target, "lib")
        if folder not in sys.path:
            sys.path.insert(0, folder)
        folders.append(folder)
    return folders


def key(lock: bytes) -> str:
    """Return a short name for the inputs of an environment: lock, Python, machine, C library."""
    windows = os.environ.get("PROCESSOR_ARCHITECTURE", "")
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        libc = "another"
    traits = (
        hashlib.sha256(lock).hexdigest(),
        str(sys.implementation.cache_tag),
        "free-threading" if "free-threading" in sys.version else "",
        sys.platform,
        os.uname().machine if hasattr(os, "uname") else windows,
        str(sys.maxsize.bit_length()),
        libc,
    )
    return hashlib.sha256("\n".join(traits).encode()).hexdigest()[:32]


def environment_home() -> str:
    """Return the folder for installed groups: the job's, this user's, or a temporary one.

    Raises SetupFailed if programs cannot be stored in any of them.
    """
    home = os.path.expanduser("~")
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or os.path.join(home, ".cache")
    candidates = [os.path.join(cache, "ci-ops", "env")]
    if os.environ.get("RUNNER_TEMP"):
        candidates.insert(0, os.path.join(os.environ["RUNNER_TEMP"], "ci-ops", "env"))
    for candidate in candidates:
        if is_ours(candidate):
            return candidate
    import tempfile

    try:
        temporary = tempfile.gettempdir()
    except OSError:
        temporary = os.getcwd()
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    candidate = os.path.join(temporary, "ci-ops-env-" + user)
    candidates.append(candidate)
    if os.path.realpath(temporary) != os.path.realpath(os.getcwd()):  # its last resort is the workspace
        if is_ours(candidate):
            return candidate
        if may_hold_programs(temporary):
            return tempfile.mkdtemp(prefix="ci-ops-env-")
    raise SetupFailed(
        "no folder can hold the packages of ci-ops; tried " + ", ".join(candidates),
        "Let this user write to one of them, on a file system that is not mounted noexec; "
        "RUNNER_TEMP, XDG_CACHE_HOME and TMPDIR say where they are.",
    )


def is_ours(folder: str) -> bool:
    """Return True if the folder can be made, can hold programs, and only this user can write to it."""
    if not os.path.isabs(folder):
        return False  # a home that is not known would lead into the workspace
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        state = os.lstat(folder)
    except OSError:
        return False
    if not may_hold_programs(folder):
        return False
    return not hasattr(os, "geteuid") or (state.st_uid == os.geteuid() and not state.st_mode & 0o022)


def may_hold_programs(folder: str) -> bool:
    """Return True if this user can write there, and load compiled modules from there."""
    try:
        is_noexec = hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0))
    except OSError:
        return False
    return not is_noexec and os.access(folder, os.W_OK | os.X_OK)


def is_complete(target: str) -> bool:
    """Return True for an environment whose installation succeeded."""
    return os.path.exists(os.path.join(target, ".complete"))


def install(lock: str, target: str) -> None:
    """Install a lock file beside the target and move it into place.

    Several steps may do this at once: the first to finish wins, the others delete their copies and
    use it.
    """
    import shutil
    import tempfile

    home = os.path.dirname(target)
    forget_abandoned(home)
    staging = tempfile.mkdtemp(prefix=".new-", dir=home)
    try:
        fetch(lock, os.path.join(staging, "lib"), staging)
        with open(os.path.join(staging, ".complete"), "w", encoding="utf-8"):
            pass
        if os.path.isdir(target) and not is_complete(target):
            os.rename(target, staging + "-broken")
            shutil.rmtree(staging + "-broken", ignore_errors=True)
        try:
            os.rename(staging, target)
        except OSError:
            if not is_complete(target):
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def forget_abandoned(home: str) -> None:
    """Remove the leftovers of an installation that was killed long ago."""
    import shutil
    import time

    for name in os.listdir(home):
        folder = os.path.join(home, name)
        try:
            age_seconds = time.time() - os.lstat(folder).st_mtime
        except FileNotFoundError:
            continue  # its own installation just removed it
        if name.startswith(".new-") and age_seconds > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def fetch(lock: str, folder: str, work: str) -> None:
    """Download the locked packages with packages.py. Raises SetupFailed."""
    import runpy

    packages = runpy.run_path(
        os.path.join(ROOT, "actions", "packages.py")
    )  # an import would leave bytecode there
    try:
        packages["fetch"](lock, folder, work=work, uv=programs("uv"))
    except packages["NotFetched"] as problem:
        if problem.log:
            show(problem.log)
        raise SetupFailed(problem.sentence, problem.hint) from None


def newer_python() -> str:
    """Return another interpreter that is new enough: on PATH, else in the runner's tool cache."""
    import glob
    import runpy
    import subprocess

    rule = runpy.run_path(os.path.join(ROOT, "ci_ops", "core", "child_environment.py"))
    candidates = programs(*(f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1)))
    cache = os.environ.get("RUNNER_TOOL_CACHE") or os.devnull
    for version in sorted(glob.glob(os.path.join(cache, "Python", "3.*")), key=numbers_in, reverse=True):
        for name in (os.path.join("bin", "python3"), "python.exe"):
            candidates += glob.glob(os.path.join(version, "*", name))
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in candidates:
        try:
            code = subprocess.call(
                [candidate, "-I", "-S", "-c", question],
                env=rule["tool_environment"](os.environ, rule["PYTHON"]),
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            continue  # no program of this machine
        if code == 0:
            return candidate
    raise SetupFailed(
        f"ci-ops needs Python 3.{OLDEST[1]} or newer; {sys.executable} is {sys.version.split()[0]}",
        "Install one, or name one in the environment variable CI_OPS_PYTHON.",
    )


def programs(*names: str) -> list[str]:
    """Yield every program of these names on PATH, except in relative folders, which are the workspace's."""
    import shutil

    folders = [each for each in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(each)]
    found = [shutil.which(name, path=folder) for name in names for folder in folders]
    return list({os.path.realpath(each): each for each in reversed(found) if each}.values())[::-1]


def numbers_in(folder: str) -> list[int]:
    """Return the numbers of a folder named like 3.12.4, for sorting."""
    return [int(part) for part in os.path.basename(folder).split(".") if part.isdigit()]


def become(python: str, arguments: list[str]) -> int:
    """Replace this process with another interpreter, under the same process id if the system can."""
    command = [python, "-I", "-X", "utf8", os.path.realpath(__file__), *arguments]
    if os.name == "posix":
        os.execve(python, command, os.environ)  # noqa: S606 - no shell is the point
    return supervise(command)


def supervise(command: list[str]) -> int:
    """Run a command as a child where the system cannot replace a process, as on Windows."""
    import subprocess

    signal.signal(
        signal.SIGINT, lambda *_: None
    )  # the whole console gets it: the command ends in its own way
    return subprocess.call(command)


def keep_bytecode_in(folder: str) -> None:
    """Write compiled modules of ci-ops there: the action's own folder may be read-only or shared.

    `sys.pycache_prefix` would do it for all modules, and so compile the standard
    library once more.
    """

    def moved(path: str) -> str:
        inside = os.path.splitdrive(path)[1].lstrip(os.sep)
        return os.path.join(folder, inside) if path.endswith(".pyc") else path

    class Loader(SourceFileLoader):
        def get_data(self, path: str) -> bytes:
            return super().get_data(moved(path))

        def set_data(self, path: str, data: bytes, **options: int) -> None:  # type: ignore[override] # as above
            super().set_data(moved(path), data, **options)

    finder = FileFinder.path_hook((Loader, [".py"]))

    def hook(path: str) -> PathEntryFinder:
        if path != ROOT and not path.startswith(ROOT + os.sep):
            raise ImportError("not one of ours", path=path)
        return finder(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(ROOT, None)


def show(text: str) -> None:
    """Print an installer's output redacted, with workflow commands disabled."""
    sys.path.insert(0, ROOT)
    redact = importlib.import_module("ci_ops.core.text.redact").redact_patterns
    sys.path.remove(ROOT)
    import secrets

    token = secrets.token_hex(16)
    tail = "\n".join(redact(text).splitlines()[-40:])
    if on_runner():
        tail = f"::stop-commands::{token}\n{tail}\n::{token}::"
    sys.stderr.write(tail + "\n")


def on_runner() -> bool:
    """Return True where a runner parses our output for commands."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def refuse(problem: SetupFailed) -> int:
    """Report why the action cannot start: on stderr, to the runner and as an output."""
    if on_runner():
        text = problem.sentence + ". " + problem.hint
        text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        sys.stderr.write("::error title=ci-ops set-up failed::" + text + "\n")
    else:
        sys.stderr.write("error: " + problem.sentence + "\nhint: " + problem.hint + "\n")
    output = os.environ.get("GITHUB_OUTPUT")
    if output:
        try:
            with open(output, "a", encoding="utf-8", newline="\n") as file:
                file.write("status=error\nreason=setup-failed\n")
        except OSError as unwritable:
            sys.stderr.write("ci-ops cannot write its outputs: " + str(unwritable) + "\n")
    return EXIT_SETUP_FAILED


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
