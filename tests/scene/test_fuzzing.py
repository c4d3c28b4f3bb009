"""The fuzzing harness notices what it is for."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import fuzz, mutated


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sample.txt"
    path.write_bytes(b'{"count": 12, "name": "sofa", "values": [1.5, 2.5e3]}\n' * 20)
    return path


def test_a_case_is_the_same_every_time_and_cases_differ(path: Path) -> None:
    data = path.read_bytes()
    assert all(mutated(data, number) == mutated(data, number) for number in range(50))
    assert len({mutated(data, number) for number in range(200)}) > 150


def test_readers_that_refuse_in_one_line_pass(path: Path) -> None:
    original = path.read_bytes()

    def read() -> None:
        if path.read_bytes().count(b"sofa") != 20:
            raise ValueError(f"{path} lacks a sofa: put it back")

    done = fuzz(path, read, count=300)
    assert done["read"] > 10 and done["refused"] > 10
    assert path.read_bytes() == original


def _refuse(path: Path, message: str) -> None:
    raise ValueError(message.format(path=path))


FAULTS: dict[str, Callable[[Path], object]] = {
    "ZeroDivisionError": lambda path: 1 // 0,
    "ValueError: bad value": lambda path: _refuse(path, "bad value"),
    "two lines": lambda path: _refuse(path, "{path} is bad:\ntwo lines"),
    "hangs": lambda path: time.sleep(20),
    "crashes": lambda path: ctypes.string_at(0),
    "MemoryError": lambda path: bytearray(10**9),
    "KeyboardInterrupt": lambda path: (_ for _ in ()).throw(KeyboardInterrupt()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found_and_the_file_is_put_back(path: Path, fault: str) -> None:
    original = path.read_bytes()
    with pytest.raises(AssertionError, match=rf"sample.txt, case 0: (.|\n)*{fault}"):
        fuzz(path, lambda: FAULTS[fault](path), count=3, seconds=0.3)
    assert path.read_bytes() == original


def test_a_fault_late_in_a_batch_is_named_by_its_case(path: Path) -> None:
    calls = []

    def read() -> None:
        calls.append(0)
        assert len(calls) < 8

    with pytest.raises(AssertionError, match="case 107"):
        fuzz(path, read, count=20, first=100)
