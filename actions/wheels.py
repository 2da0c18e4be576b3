"""Parallel download of locked wheels from the package index, seconds faster than pip.

For the plain case alone: one index without credentials that supports the JSON form of the simple
API, and wheels that fit this interpreter. In any other case `fetch` returns the reason and leaves
the work to pip. A file with another hash than the lock's, or a path outside its folder, is refused
without a fallback.

Source: PEP 425 (tags), 427 (wheels), 503 and 691 (simple API).
"""

from __future__ import annotations

import configparser
import hashlib
import io
import json
import os
import queue
import re
import site
import ssl
import sys
import threading
import time
import zipfile
import zlib
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, Request, build_opener

JSON_FORM = "application/vnd.pypi.simple.v1+json"
TOTAL_SECONDS = 20.0
ANSWER_SECONDS = 5.0
"""For each word of an answer."""
MAX_BYTES = 64 << 20
"""Of one answer, unpacked: the largest page of the locked packages has 1 MB, the largest wheel 5 MB."""

UNUSUAL = {
    *(
        "client-cert",
        "extra-index-url",
        "find-links",
        "keyring-provider",
        "no-index",
        "proxy",
        "trusted-host",
    ),
}
"""What a pip configuration may say about sources that is pip's own work."""


class Unusual(Exception):
    """A case for pip, for the stated reason."""


class Refused(ValueError):
    """An untrusted file that must not be used, wherever it comes from."""


class Wanted(NamedTuple):
    """One package of a lock, and the hashes of its files."""

    name: str
    hashes: frozenset[str]


class Source(NamedTuple):
    """A package index."""

    address: str
    opener: OpenerDirector
    ranks: dict[str, int]
    """The tags that this interpreter takes; 0 is the best."""


def fetch(lock: str, folder: str, *, seconds: float = TOTAL_SECONDS) -> str:
    """Download and unpack the packages of a lock; return empty, or why pip must do it.

    Raises Refused.
    """
    path = sys.path[:]
    try:
        sys.path += site.getsitepackages()  # a running command has its own packages on the path, and not pip
        with open(lock, encoding="utf-8") as file:
            wanted = read_lock(file.read())
        unpack_all(wanted, find_source(), folder, seconds=seconds)
    except Refused:
        raise
    except queue.Empty:
        return "the index takes its time"
    except Unusual as reason:
        return str(reason)
    except Exception as problem:  # noqa: BLE001 - pip's insides, the network, any answer: pip says more
        return type(problem).__name__
    finally:
        sys.path[:] = path
    return ""


def read_lock(text: str) -> list[Wanted]:
    """Return the packages of a lock that this interpreter needs."""
    wanted = []
    for line in filter(None, map(str.strip, text.replace("\\\n", " ").splitlines())):
        head, *hashes = re.split(r"\s+--hash=sha256:", line)
        match = re.fullmatch(r"([\w.-]+)==[^\s;]+(?:\s*;\s*(.+))?", head)
        if not match or not all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes):
            raise Unusual("the lock has a line of another form")
        if not match[2] or applies(match[2]):
            wanted.append(Wanted(re.sub(r"[-_.]+", "-", match[1]).lower(), frozenset(hashes)))
    return wanted


def applies(marker: str) -> bool:
    """Return True when the environment marker matches this interpreter."""
    from pip._vendor.packaging.markers import Marker  # slow, and seldom needed

    return Marker(marker).evaluate()


def find_source() -> Source:
    """Return the one index that pip would use. Raises Unusual for several."""
    from pip._internal.models.index import PyPI
    from pip._vendor.packaging.tags import sys_tags

    settings = read_settings()
    certificates = settings.get("cert", "")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        certificates = certificates or os.environ.get(name, "")
    context = ssl.create_default_context(cafile=certificates or None)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as pip: many a company's own authority fails it
    opener = build_opener(HTTPSHandler(context=context))
    opener.addheaders = [("User-Agent", "ci-ops"), ("Accept-Encoding", "gzip")]
    index = safe(settings.get("index-url") or PyPI.simple_url).rstrip("/")
    return Source(index, opener, {str(tag): rank for rank, tag in enumerate(sys_tags())})


def read_settings() -> dict[str, str]:
    """Return the settings of pip's configuration files and variables. Raises Unusual."""
    from pip._internal.utils import appdirs

    older = os.path.expanduser(os.path.join("~", "pip" if os.name == "nt" else ".pip"))
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    files = [
        os.path.join(folder, name)
        for folder in (*appdirs.site_config_dirs("pip"), older, appdirs.user_config_dir("pip"), sys.prefix)
    ]
    extra = os.environ.get("PIP_CONFIG_FILE")
    parser = configparser.RawConfigParser()
    if extra != os.devnull:
        parser.read([*files, extra] if extra else files, encoding="utf-8")
    settings: dict[str, str] = {}
    for section in filter(parser.has_section, ("global", "install")):
        settings.update((key.replace("_", "-"), value) for key, value in parser.items(section))
    variables = {name[4:].lower().replace("_", "-"): name for name in os.environ if name.startswith("PIP_")}
    settings.update((key, os.environ[name]) for key, name in variables.items() if os.environ[name])
    for key in sorted(UNUSUAL & settings.keys()):
        raise Unusual(f"pip is configured with {key}")
    return settings


def safe(address: str) -> str:
    """Return the URL, if pip would request it without being configured to trust it."""
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and str(parts.hostname).startswith(("127.", "localhost"))
    if "@" in parts.netloc or not (is_here or parts.scheme == "https"):
        raise Unusual("the index is not used over https without credentials")
    return address


def unpack_all(wanted: list[Wanted], source: Source, folder: str, *, seconds: float) -> None:
    """Download every package in parallel, and unpack each as it arrives.

    This thread alone writes: once it is interrupted, nothing is written any
    more. The others end with the process, whatever the network does.
    """
    came: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def bring(package: Wanted) -> None:
        try:
            came.put(wheel_of(package, source))
        except Exception as problem:  # noqa: BLE001 - handed to the thread that waits
            came.put(problem)

    deadline = time.monotonic() + seconds
    for package in wanted:
        threading.Thread(target=bring, args=(package,), daemon=True).start()
    for _ in wanted:
        content = came.get(timeout=max(0.0, deadline - time.monotonic()))
        if isinstance(content, Exception):
            raise content
        unpack(content, folder)


def wheel_of(package: Wanted, source: Source) -> bytes:
    """Return the package's best matching locked wheel."""
    page, body = answer(source, f"{source.address}/{package.name}/", form=JSON_FORM)
    document = json.loads(body)
    if not document["meta"]["api-version"].startswith("1."):
        raise Unusual("the index speaks a newer version of the simple API")
    worst = len(source.ranks)
    best = (worst, "", "")
    for file in document["files"]:
        digest = file["hashes"].get("sha256")
        if digest in package.hashes and file["filename"].endswith(".whl"):
            rank = min(source.ranks.get(tag, worst) for tag in tags_of(file["filename"]))
            best = min(best, (rank, file["url"], digest))
    rank, url, digest = best
    if rank == worst:
        raise Unusual(f"the index has no locked wheel of {package.name} that fits")
    _, content = answer(source, safe(urljoin(page, url)))
    if hashlib.sha256(content).hexdigest() != digest:
        raise Refused(f"the index served another file than the locked wheel of {package.name}")
    return content


def tags_of(file: str) -> list[str]:
    """Return the tags in a wheel's name, such as py3-none-any."""
    pythons, abis, platforms = (each.split(".") for each in file.removesuffix(".whl").split("-")[-3:])
    return [f"{python}-{abi}-{platform}" for python in pythons for abi in abis for platform in platforms]


def answer(source: Source, address: str, form: str = "") -> tuple[str, bytes]:
    """Return the final URL and the whole response in the requested format."""
    request = Request(address, headers={"Accept": form or "*/*"})  # noqa: S310 - `safe` looked at it
    try:
        response = source.opener.open(request, timeout=ANSWER_SECONDS)
    except HTTPError as problem:
        problem.close()
        raise Unusual(f"the index answered {problem.code}") from None
    with response:
        if form and response.headers.get_content_type() != form:
            raise Unusual("the index does not speak JSON")
        body: bytes = response.read(MAX_BYTES)
        if int(response.headers.get("Content-Length", len(body))) != len(body):
            raise Unusual("an answer of the index was cut off")
        if response.headers.get("Content-Encoding") == "gzip":
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, MAX_BYTES)
        return response.url, body


def unpack(content: bytes, folder: str) -> None:
    """Unpack a wheel as `pip install --target` does, without its scripts."""
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        places = [(member, place(member.filename)) for member in wheel.infolist() if not member.is_dir()]
        for member, parts in places:
            if not parts:
                continue
            path = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(wheel.read(member))
            if member.external_attr >> 16 & 0o111:
                os.chmod(path, 0o755)  # noqa: S103 - what a wheel's programs have


def place(name: str) -> list[str]:
    """Return the parts of a wheel member's path; empty for anything outside the library."""
    parts = name.split("/")
    if not all(parts) or {".", ".."} & {*parts} or "\\" in name or ":" in name:
        raise Refused("a locked wheel has a file that wants out of its folder")
    if not parts[0].endswith(".data"):
        return parts
    if parts[1] == "data":
        raise Unusual("a wheel has data files")
    return parts[2:] if parts[1] in {"purelib", "platlib"} else []
