"""A shorter load than `load.py` measures, and that its ruler sees a leak."""

import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn")
from reliability.load import Use, growth, is_flat, measured, requests, runs, used


@pytest.mark.slow
def test_forty_runs_leave_memory_files_and_threads_flat() -> None:
    assert is_flat(measured(runs, 40, None), megabytes=30)


@pytest.mark.slow
def test_a_thousand_requests_leave_memory_files_and_threads_flat() -> None:
    assert is_flat(measured(requests, 1000, None), megabytes=5)


def test_a_leak_of_memory_files_or_threads_is_seen(tmp_path: Path) -> None:
    kept: list[object] = []
    ends = threading.Event()

    def leaking(memory: bool = False, files: bool = False, threads: bool = False) -> list[Use]:
        uses = []
        for index in range(10):
            if memory:
                kept.append(np.ones(3_000_000))  # more than a heap that was larger before has left
            if files:
                kept.append((tmp_path / str(index)).open("w"))
            if threads:
                threading.Thread(target=ends.wait, daemon=True).start()
            uses.append(used())
        return uses

    try:
        assert is_flat(growth(leaking()))
        for what in ("memory", "files", "threads"):
            assert not is_flat(growth(leaking(**{what: True}))), what
    finally:
        ends.set()
        for file in kept:
            if hasattr(file, "close"):
                file.close()
