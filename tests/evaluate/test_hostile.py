"""Points of true surfaces from strangers: arrays that run, are giant, encrypted or none end in one line."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from o2recon.evaluate import load_truth

GOOD = np.zeros((3, 3)).tobytes()


def npy(shape: tuple[int, ...], kind: str = "<f8", data: bytes = GOOD) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue() + data


def cases(mark: Path) -> Iterator[tuple[str, bytes]]:
    yield "pickled", npy((1,), "|O", f"cos\nsystem\n(S'touch {mark}'\ntR.".encode())
    code = f"{{'descr': __import__('os').system('touch {mark}')}}".ljust(245).encode() + b"\n"
    yield "header with code", b"\x93NUMPY\x01\x00" + len(code).to_bytes(2, "little") + code + GOOD
    yield "giant", npy((10**14, 3))
    yield "giant and packed", npy((10**7, 3), data=bytes(10**6))
    yield "negative", npy((-3, 3))
    yield "no rows", npy((), data=bytes(8))
    yield "texts", npy((3, 3), "<U2", bytes(72))
    yield "flat", npy((9,))
    yield "wide", npy((1, 9))


@pytest.mark.parametrize("encrypted", [False, True])
def test_every_hostile_array_is_one_line(tmp_path: Path, encrypted: bool) -> None:
    mark, file = tmp_path / "ran", tmp_path / "1_points.npz"
    for name, content in [*cases(mark), *([("encrypted", npy((3, 3)))] if encrypted else [])]:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("points.npy", content)
        if encrypted:
            data = bytearray(file.read_bytes())
            data[6] |= 1
            data[data.rindex(b"PK\x01\x02") + 8] |= 1
            file.write_bytes(data)
        with pytest.raises(ValueError, match=r"1_points\.npz") as refused:
            load_truth(tmp_path, 1)
        assert "\n" not in str(refused.value), name
        assert not mark.exists(), name
