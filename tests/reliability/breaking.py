"""How files are damaged, and how a case of a bad capture is written down."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

Break = Callable[[Path], list[str]]
LAYOUTS = ("scannet", "scannet_raw", "nerfstudio", "colmap", "tum", "replica", "bundlefusion")
"""Layouts of the good copies: what `o2recon convert` writes."""


@dataclass(frozen=True)
class Case:
    """`layout`: of the good copy. `broken(folder)` damages that copy and gives the overrides that lead there; `names`:
    what the one line of the error must contain besides a remedy. `stage`: what is typed."""

    layout: str
    broken: Break
    names: str
    stage: str = "prepare"


CASES: dict[str, Case] = {}
"""By name; `bad_captures` fills it."""


def case(names: str, *, layout: str = "scannet", stage: str = "prepare") -> Callable[[Break], Break]:
    def added(broken: Break) -> Break:
        assert broken.__name__ not in CASES
        CASES[broken.__name__] = Case(layout, broken, names, stage)
        return broken

    return added


def several(names: str, *, layout: str = "scannet", stage: str = "prepare", **breaks: Break) -> None:
    """Cases of one kind, in one line each."""
    for name, broken in breaks.items():
        assert name not in CASES
        CASES[name] = Case(layout, broken, names.replace("{name}", name), stage)


def nothing(_: Path) -> None:
    """Leave the copy as it is."""


def doing(*, options: tuple[str, ...] = (), work: Callable[[Path], object] = nothing) -> Break:
    def broken(folder: Path) -> list[str]:
        work(folder)
        return list(options)

    return broken


def each(folder: Path, pattern: str, change: Callable[[Path], object], *, every: int = 2) -> None:
    """Change every n-th file: more than the tenth of all frames that may be damaged."""
    files = sorted(folder.glob(pattern))
    assert files, f"{folder} has no {pattern}"
    for file in files[::every]:
        change(file)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def text(content: str) -> Callable[[Path], object]:
    return lambda file: file.write_text(content)


def flipped(file: Path) -> None:
    """One bit in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def remade(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    """The image in another form."""

    def work(file: Path) -> None:
        image = change(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
        assert cv2.imwrite(str(file), image)

    return work


def huge_header(file: Path) -> None:
    """A PNG that claims 60,000 x 60,000 pixels."""
    data = bytearray(file.read_bytes())
    data[16:24] = struct.pack(">II", 60000, 60000)
    file.write_bytes(data)


def matrix(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    def work(file: Path) -> None:
        np.savetxt(file, change(np.loadtxt(file)))

    return work


def scaled(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows * [[0.2], [0.2], [1.0], [1.0]])


def versioned(file: Path, version: int) -> None:
    data = bytearray(file.read_bytes())
    data[:4] = struct.pack("<I", version)
    file.write_bytes(data)
