"""`.sens` files: every byte where the specification puts it, nothing read before it is asked for, damage named."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from sens_file import LOST, imu_tail, packed_color, sens_frame, sens_header

from o2recon.scene.readers.sens import read_sens

IDENTITY = bytes.fromhex("0000803f 00000000 00000000 00000000 00000000 0000803f 00000000 00000000"
                         "00000000 00000000 0000803f 00000000 00000000 00000000 00000000 0000803f")  # fmt: skip
BY_HAND = b"".join(
    [
        bytes.fromhex("04000000"),  # version 4
        bytes.fromhex("0300000000000000") + b"cam",  # sensor name
        bytes.fromhex(
            "00001644 00000000 0000003f 00000000 00000000 00401644 0000803f 00000000"  # 600, 0.5, 601, 1
            "00000000 00000000 0000803f 00000000 00000000 00000000 00000000 0000803f"
        ),
        IDENTITY,
        bytes.fromhex(
            "0000fa43 00000000 00000000 00000000 00000000 0080fa43 00000000 00000000"  # 500, 0, 501, 0
            "00000000 00000000 0000803f 00000000 00000000 00000000 00000000 0000803f"
        ),
        IDENTITY,
        bytes.fromhex("00000000 01000000"),  # raw colour, zlib depth
        bytes.fromhex("02000000 03000000 01000000 02000000"),  # colour 2 x 3, depth 1 x 2
        bytes.fromhex("00007a44"),  # 1000 units per metre
        bytes.fromhex("0200000000000000"),  # two frames
        bytes.fromhex("000080ff") * 16,  # tracking was lost: -inf
        bytes.fromhex("0100000000000000 0200000000000000 1200000000000000 0c00000000000000"),  # times 1 2, bytes 18 12
        bytes(range(18)),
        bytes.fromhex("789c 7bc1 7c81 1d00 0554 01c3"),  # zlib of e803 d007: 1000 and 2000
        bytes.fromhex(
            "00000000 000080bf 00000000 0000803f 0000803f 00000000 00000000 00000040"
            "00000000 00000000 0000803f 00004040 00000000 00000000 00000000 0000803f"
        ),
        bytes.fromhex("0300000000000000 0400000000000000 1200000000000000 0c00000000000000"),
        bytes(range(18, 36)),
        bytes.fromhex("789c 7bc1 7c81 1d00 0554 01c3"),
        bytes.fromhex("0100000000000000"),  # one inertial sample
        bytes.fromhex("000000000000f03f") * 3 + bytes(8 * 12) + bytes.fromhex("2a00000000000000"),
    ]
)


def small(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "scene.sens"
    path.write_bytes(data)
    return path


def test_bytes_written_by_hand_after_the_specification(tmp_path: Path) -> None:
    sens = read_sens(small(tmp_path, BY_HAND))
    assert (sens.sensor, len(sens), sens.shift) == ("cam", 2, 1000.0)
    assert (sens.color.size, sens.color.packing, sens.depth.size, sens.depth.packing) == ((2, 3), "raw", (1, 2), "zlib")
    assert sens.color.intrinsic[:2, :3].tolist() == [[600, 0, 0.5], [0, 601, 1]]
    assert sens.depth.intrinsic[:2, :3].tolist() == [[500, 0, 0], [0, 501, 0]]
    assert (sens.color.extrinsic == np.eye(4)).all() and (sens.depth.extrinsic == np.eye(4)).all()
    assert (sens.index["camera_to_world"][0] == -np.inf).all()
    assert sens.index["camera_to_world"][1].tolist() == [[0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]
    assert sens.index["times"].tolist() == [[1, 2], [3, 4]]
    assert sens.raw_color(0).ravel().tolist() == list(range(18))
    assert sens.raw_color(1)[2, 1].tolist() == [33, 34, 35]
    assert sens.depth_image(1).tolist() == [[1000], [2000]]
    imu = sens.imu()
    assert (imu["rotation_rate"].tolist(), imu["gravity"].tolist(), imu["time"].tolist()) == (
        [[1] * 3],
        [[0] * 3],
        [42],
    )


def stream(tmp_path: Path, count: int = 3, **options: object) -> Path:
    """Frames of noise, 40 x 30."""
    rgb = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    depth = zlib.compress(np.full((15, 20), 1234, np.uint16).tobytes())
    intrinsic = np.diag([40.0, 40, 1, 1])
    intrinsic[:2, 2] = 10
    arguments: dict[str, object] = {"sizes": (40, 30, 20, 15), **options}
    header = sens_header(count, intrinsic, intrinsic, **arguments)  # type: ignore[arg-type]
    frames = b"".join(sens_frame(np.eye(4), packed_color(rgb, 2), depth) for _ in range(count))
    return small(tmp_path, header + frames + imu_tail([]))


def test_a_long_stream_is_never_held_in_memory(tmp_path: Path) -> None:
    frame = sens_frame(np.eye(4), bytes(10_000_000), bytes(100_000))
    path = tmp_path / "scene.sens"
    with open(path, "wb") as file:
        file.write(sens_header(12, np.eye(4), np.eye(4), sizes=(2000, 1300, 20, 15)))
        for _ in range(12):
            file.write(frame)
        file.write(imu_tail([]))
    tracemalloc.start()
    sens = read_sens(path)
    assert tracemalloc.get_traced_memory()[1] < 200_000
    assert len(sens.color_bytes(11)) == 10_000_000
    assert tracemalloc.get_traced_memory()[1] < 21_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"\x03" + data[1:], "no .sens file of version 4 .it begins with 3"),
        (lambda data: b"PNG, rather", "cut off in its header"),
        (lambda data: data[:200], "cut off in its header"),
        (lambda data: data[:2000], "cut off in frame 0 of 3"),
        (lambda data: data[:-100], "cut off in frame 2 of 3"),
        (lambda data: data[:4] + struct.pack("<Q", 2**40) + data[12:], "no .sens file of version 4"),
        (lambda data: data[:310] + struct.pack("<Q", 2**62) + data[318:], "announces 4611686018427387904 frames"),
        (lambda data: data[:310] + struct.pack("<Q", 900_000) + data[318:], "cut off in frame 3 of 900000"),
        (lambda data: data[:398] + struct.pack("<Q", 2**63) + data[406:], "cut off in frame 0 of 3"),
    ],
)
def test_damaged_files_are_refused_with_file_and_remedy(tmp_path: Path, change: object, reason: str) -> None:
    path = stream(tmp_path)
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match=f"scene.sens.*{reason}"):
        read_sens(path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"types": (2, 2)}, "packed as OCCI"),
        ({"types": (3, 1)}, r"unknown packing of color \(3\)"),
        ({"types": (-1, 1)}, "unknown packing"),
        ({"sizes": (0, 30, 20, 15)}, "impossible"),
        ({"sizes": (2**31, 2**31, 20, 15)}, "impossible"),
        ({"shift": 0.0}, "units per metre"),
        ({"shift": np.nan}, "units per metre"),
    ],
)
def test_impossible_headers_are_refused(tmp_path: Path, options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_sens(stream(tmp_path, **options))


def test_a_missing_or_short_inertial_tail_costs_nothing_else(tmp_path: Path) -> None:
    path = stream(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:-8])
    assert len(read_sens(path)) == 3 and len(read_sens(path).imu()) == 0
    path.write_bytes(data[:-8] + imu_tail([range(15)] * 4)[:-5])
    assert len(read_sens(path)) == 3 and len(read_sens(path).imu()) == 0


def test_depth_that_is_too_long_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(200_000_000))
    header = sens_header(1, np.eye(4), np.eye(4), sizes=(40, 30, 400, 300))
    path = small(tmp_path, header + sens_frame(LOST, b"x", bomb) + imu_tail([]))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"scene\.sens, frame 0"):
        read_sens(path).depth_image(0)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
