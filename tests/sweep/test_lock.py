import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from o2recon.sweep import Busy, exclusive, is_held, shared


def _hold(folder: Path, ready: Any, done: Any) -> None:
    with exclusive(folder, wait=True):
        ready.set()
        done.wait(30)


@pytest.fixture
def holder(tmp_path: Path) -> Any:
    """Another process that holds the lock of `tmp_path`."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready, done))
    process.start()
    assert ready.wait(30)
    yield process
    if process.is_alive():  # an event waits for its waiters, dead ones too
        done.set()
    process.join(10)


def test_a_second_process_is_told_who_has_the_folder(tmp_path: Path, holder: Any) -> None:
    assert is_held(tmp_path)
    with pytest.raises(Busy, match=f'"pid": {holder.pid}'), exclusive(tmp_path, wait=False):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: Any) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(10)
    assert not is_held(tmp_path)
    with exclusive(tmp_path, wait=False):
        pass


def test_readers_share_and_a_writer_waits_for_none_of_them_to_be_there(tmp_path: Path) -> None:
    with shared(tmp_path), shared(tmp_path):
        with pytest.raises(Busy), exclusive(tmp_path, wait=False):
            pass
        assert not is_held(tmp_path)
    with exclusive(tmp_path, wait=False):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_a_folder_that_nobody_used_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "nothing")
