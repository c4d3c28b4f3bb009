"""Reading a `.sens` stream costs little more than decoding its JPEGs on all cores, and a few frames of memory.

Measured at 1,000 frames of 0.99 GB (1296 x 968, 786 kB of JPEG and 189 kB of depth each) on 4 shared cores: 348 to 354
frames a second, 0.91 to 0.96 of the JPEGs alone; onto the depth camera's grid (`scene.frames`) 174 to 198.
"""

import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from sens_file import imu_tail, sens_frame, sens_header

from o2recon.scene.ahead import num_cores, read_ahead
from o2recon.scene.readers import ScanNetRawReader
from o2recon.scene.readers.sens import read_sens

FRAMES = 80
FRAME_BYTES = 1296 * 968 * 3 + 640 * 480 * 2


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 frames of about 1 MB, as ScanNet's: grainy pictures of 1296 x 968, depth of 640 x 480."""
    chance = np.random.default_rng(0)
    smooth = cv2.resize(chance.integers(0, 255, (24, 32, 3), np.uint8), (1296, 968), interpolation=cv2.INTER_CUBIC)
    frames = []
    for _ in range(8):
        grain = np.clip(smooth + chance.normal(0, 9, smooth.shape), 0, 255).astype(np.uint8)
        hills = 2000 + 300 * cv2.resize(chance.random((12, 16)), (640, 480))
        depth = (hills + chance.normal(0, 2, hills.shape)).astype("<u2")
        color = cv2.imencode(".jpg", grain, [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
        frames.append((color, zlib.compress(depth.tobytes(), 8)))
    k, depth_k = np.diag([1170.0, 1170, 1, 1]), np.diag([577.0, 577, 1, 1])
    k[:2, 2], depth_k[:2, 2] = (647.75, 483.75), (319.5, 239.5)
    root = tmp_path_factory.mktemp("speed")
    with open(root / "scene.sens", "wb") as file:
        file.write(sens_header(FRAMES, k, depth_k, sizes=(1296, 968, 640, 480)))
        for index in range(FRAMES):
            file.write(sens_frame(np.eye(4), *frames[index % 8]))
        file.write(imu_tail([]))
    return root


def seconds(work: Callable[[int], object]) -> float:
    start = time.perf_counter()
    for _, result in read_ahead(work, range(FRAMES)):
        result()
    return time.perf_counter() - start


@pytest.mark.slow
def test_reading_is_at_least_half_as_fast_as_decoding_the_jpegs(stream: Path) -> None:
    sens, shots = read_sens(stream / "scene.sens"), ScanNetRawReader()(stream).shots

    def jpeg(index: int) -> None:
        cv2.imdecode(np.frombuffer(sens.color_bytes(index), np.uint8), cv2.IMREAD_COLOR)

    def pictures(index: int) -> None:
        depth = shots[index].depth
        assert depth is not None
        shots[index].color.read(), depth.read()

    pairs = [(seconds(jpeg), seconds(pictures)) for _ in range(5)]
    assert max(decoded / read for decoded, read in pairs) > 0.5, pairs


@pytest.mark.slow
def test_reading_holds_a_few_frames(stream: Path) -> None:
    shots = ScanNetRawReader()(stream).shots
    tracemalloc.start()
    seconds(lambda index: (shots[index].color.read(), shots[index].depth.read()))  # type: ignore[union-attr]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * (min(num_cores(), 16) + 2) * FRAME_BYTES < 0.75 * FRAMES * FRAME_BYTES
