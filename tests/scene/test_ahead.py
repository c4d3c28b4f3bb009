"""Reading ahead: in order, bounded, and nothing left behind when the loop ends early."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from round_trip import opened
from sens_file import sens_of_scan

from o2recon.scene.ahead import num_cores, read_ahead
from o2recon.scene.capture import Capture
from o2recon.scene.readers import ScanNetRawReader
from o2recon.types import Camera


def threads() -> int:
    return sum(thread.name.startswith("read") for thread in threading.enumerate())


def test_values_come_in_order_whatever_takes_longest() -> None:
    def read(key: int) -> int:
        time.sleep(0.002 * (key % 3))
        return key * key

    assert [(key, result()) for key, result in read_ahead(read, range(30), threads=4)] == [
        (i, i * i) for i in range(30)
    ]
    assert num_cores() >= 1 and threads() == 0


def test_no_more_is_read_than_one_value_per_thread_beyond_the_one_in_use() -> None:
    asked: list[int] = []

    def keys() -> Iterator[int]:
        for key in range(100):
            asked.append(key)
            yield key

    used = 0
    for key, result in read_ahead(lambda key: key, keys(), threads=3):
        assert result() == key
        used += 1
        assert len(asked) <= used + 3
    assert used == 100


def test_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=10)
    assert sum(1 for _, result in read_ahead(lambda _: together.wait(), range(4), threads=4) if result() >= 0) == 4


def test_errors_are_raised_where_the_value_would_be_used() -> None:
    def read(key: int) -> float:
        return 1 / (key - 2)

    results = [result for _, result in read_ahead(read, range(4), threads=2)]
    assert [results[0](), results[1](), results[3]()] == [-0.5, -1, 1]
    with pytest.raises(ZeroDivisionError):
        results[2]()


def test_leaving_early_stops_the_reading() -> None:
    read: list[int] = []
    for key, _ in read_ahead(lambda key: read.append(key), range(1000), threads=2):
        if key == 5:
            break
    assert threads() == 0 and len(read) <= 9


def test_frames_of_a_zooming_camera_are_the_same_when_read_ahead(scan: Path, tmp_path: Path) -> None:
    sens_of_scan(scan, tmp_path / "scene0001_00.sens")

    def zooming(root: Path) -> Capture:
        capture = ScanNetRawReader()(root)
        shots = []
        for number in range(80):
            shot = capture.shots[number % 12]
            k = shot.lens.camera.intrinsics * [[1 + number / 100], [1 + number / 100], [1]]
            k[:2, 2] = shot.lens.camera.intrinsics[:2, 2]
            shots.append(replace(shot, index=number, lens=replace(shot.lens, camera=Camera(k, 160, 120))))
        return replace(capture, shots=tuple(shots))

    scene = opened(tmp_path, zooming)
    assert len(scene.indices) == 80
    for frame in scene.frames():
        assert (frame.color == scene.frame(frame.index).color).all()
