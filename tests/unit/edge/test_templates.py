"""Templates: found, sandboxed, strict."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ci_ops
from ci_ops.core.errors import CiOpsError
from ci_ops.edge.templates import JinjaTemplates, templates_root

ROOT = Path(ci_ops.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages").mkdir()
    return tmp_path


def write(folder: Path, text: str, name: str = "messages/a.j2") -> JinjaTemplates:
    (folder / name).write_text(text, encoding="utf-8")
    return JinjaTemplates(folder)


def test_a_template_is_filled_in_line_by_line(folder: Path) -> None:
    templates = write(
        folder, "{% if yes %}\n  {% for each in things %}\n- {{ each }} ·\n  {% endfor %}\n{% endif %}\nend\n"
    )
    assert templates.render("messages/a.j2", yes=True, things=["<a>", "&"]) == "- <a> ·\n- & ·\nend\n"


def test_a_template_may_include_another_and_uses_the_filters(folder: Path) -> None:
    write(folder, "{{ x|md }} {{ x|cell }} {{ x|code }} {{ x|mermaid }} {{ 2|duration }}", "messages/b.j2")
    templates = write(folder, "{% include 'messages/b.j2' %}")
    assert templates.render("messages/a.j2", x="a|b") == "a&#124;b a&#124;b `a|b` a b 2.0 s"


@pytest.mark.parametrize(
    "text",
    [
        "{{ missing }}",
        "{{ given.missing }}",
        "{% if missing %}{% endif %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ given.append(1) }}",
        "{{ ''.format.__globals__ }}",
        "{% include 'messages/none.j2' %}",
        "{% for %}",
    ],
)
def test_a_template_that_asks_for_what_it_may_not_have_is_a_bug_that_is_named(
    folder: Path, text: str
) -> None:
    with pytest.raises(CiOpsError, match="the template cannot be used") as caught:
        write(folder, text).render("messages/a.j2", given=[])
    assert caught.value.exit_code == 70
    assert caught.value.where == "templates/messages/a.j2"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../secret",
        "messages/../../secret",
        "messages\\a.j2",
        "C:a",
        "messages",
        "./messages/a.j2",
    ],
)
def test_a_name_that_leads_elsewhere_is_not_found(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("secret")
    templates = write(folder, "x")
    for use in (templates.render, templates.source):
        with pytest.raises(CiOpsError):
            use(name)


def test_a_file_can_be_had_as_it_is(folder: Path) -> None:
    assert write(folder, "{{ untouched }}\n").source("messages/a.j2") == "{{ untouched }}\n"


def test_threads_share_one_set_of_templates(folder: Path) -> None:
    templates = write(folder, "{{ x }}")
    shown: set[str] = set()

    def render(number: int) -> None:
        shown.update(f"{number}={templates.render('messages/a.j2', x=number)}" for _ in range(50))

    threads = [threading.Thread(target=render, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == {f"{number}={number}" for number in range(8)}


def test_in_a_checkout_the_templates_lie_beside_the_package() -> None:
    assert templates_root() == ROOT / "templates"
    assert JinjaTemplates().source("messages/deployment.started.j2")


def test_an_installed_package_brings_its_templates_along(tmp_path: Path) -> None:
    package = tmp_path / "ci_ops"
    shutil.copytree(ROOT / "ci_ops", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "templates", package / "templates")
    (package / "templates" / "mine.j2").write_text("mine")
    script = "from ci_ops.edge.templates import JinjaTemplates; print(JinjaTemplates().render('mine.j2'))"
    env = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    }  # not our own files
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "mine\n"


def compiled_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.pyc"))


def test_a_compiled_template_serves_the_next_process_until_its_source_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    (file,) = compiled_files(folder)
    before = file.read_bytes()
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    assert file.read_bytes() == before
    assert write(folder, "two {{ 2 }}").render("messages/a.j2") == "two 2"
    assert compiled_files(folder) == [file]
    assert file.read_bytes() != before


@pytest.mark.parametrize("damage", [b"", b"j2", slice(-9), b"anything else"])
def test_a_damaged_compiled_template_is_compiled_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | slice
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    (file,) = compiled_files(folder)
    before = file.read_bytes()
    file.write_bytes(before[damage] if isinstance(damage, slice) else damage)
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    assert file.read_bytes() == before


def test_where_no_bytecode_is_written_none_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    assert compiled_files(folder) == []


def test_compiled_templates_lie_where_the_interpreter_keeps_its_own(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path_factory.mktemp("prefix")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(prefix))
    assert write(folder, "one {{ 1 }}").render("messages/a.j2") == "one 1"
    assert compiled_files(folder) == []
    assert len(compiled_files(prefix)) == 1
