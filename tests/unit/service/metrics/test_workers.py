import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from ci_ops.service.metrics.storage import FOLDER_VARIABLE
from ci_ops.service.metrics.workers import is_one_of_several, on_exit, on_starting


def test_gunicorn_makes_a_folder_before_its_workers_and_removes_it_behind_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "")
    on_starting(None)
    folder = Path(os.environ[FOLDER_VARIABLE])
    assert folder.is_dir()
    on_exit(None)
    assert not folder.exists()


def test_a_folder_that_is_named_is_left_to_its_owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    on_starting(None)
    on_exit(None)

    assert os.environ[FOLDER_VARIABLE] == str(tmp_path)
    assert tmp_path.is_dir()


def test_an_ordinary_process_is_alone() -> None:
    assert not is_one_of_several()


@pytest.mark.parametrize(("workers", "is_one"), [(1, False), (2, True)])
def test_a_worker_of_gunicorn_knows_whether_it_has_siblings(workers: int, is_one: bool) -> None:
    class Cfg:
        pass

    class Worker:
        cfg = Cfg()

        def handle_exit(self, *_: object) -> None: ...

    Worker.cfg.workers = workers  # type: ignore[attr-defined]
    before = signal.signal(signal.SIGTERM, Worker().handle_exit)
    try:
        assert is_one_of_several() is is_one
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_child_process_is_one_of_several() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(is_one_of_several)
