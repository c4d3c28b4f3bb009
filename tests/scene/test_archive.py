"""Zip archives: members as they were packed, by another program's writer; nothing that leaves, bursts or lies."""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from o2recon.scene.archive import Archive


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        file.mkdir("ids")
        for name, data in members.items():
            file.writestr(name, data)
    return path


BY_HAND = bytes.fromhex(
    "504b0304 1400 0000 0000 0000 2100 86a61036 05000000 05000000 0500 0000"  # a stored member "a.txt" ...
    "612e747874 68656c6c6f"  # ... that holds "hello"
    "504b0102 1400 1400 0000 0000 0000 2100 86a61036 05000000 05000000 0500 0000 0000 0000 0000 00000000 00000000"
    "612e747874"
    "504b0506 0000 0000 0100 0100 33000000 28000000 0000"
)
"""After APPNOTE.TXT: local header and data, central directory, end record."""


def test_an_archive_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(BY_HAND)
    archive = Archive(tmp_path / "a.zip")
    assert archive.names == ("a.txt",)
    assert archive.read("a.txt", most=5) == b"hello"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_as_packed(tmp_path: Path, method: int) -> None:
    members = {f"ids/{i}.png": bytes([i]) * 3000 for i in range(20)}
    archive = Archive(packed(tmp_path / "a.zip", members, method))
    assert archive.names == tuple(members)
    assert all(archive.read(name, most=3000) == data for name, data in members.items())


@pytest.mark.parametrize("name", ["../a.png", "ids/../../a.png", "/etc/a.png", "C:/a.png", "..\\a.png", "a\n.png"])
def test_names_that_leave_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("placeholder_xxx", b"")
    path.write_bytes(path.read_bytes().replace(b"placeholder_xxx", name.encode().ljust(15, b"x")))
    with pytest.raises(ValueError, match=r"a\.zip holds .* which leaves it"):
        Archive(path)


def test_a_member_that_bursts_is_not_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"ids/0.png": bytes(40_000_000)})
    with pytest.raises(ValueError, match=r"a\.zip, ids/0\.png is 40000000 bytes long; at most 1000 are"):
        Archive(path).read("ids/0.png", most=1000)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 40_000_000), struct.pack("<I", 1000)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="damaged"):
        Archive(path).read("ids/0.png", most=1000)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("damage", ["flip", "cut", "encrypt", "method", "text"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    path = packed(tmp_path / "a.zip", {"ids/0.png": bytes(range(250))}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    directory = data.rfind(b"PK\x01\x02")
    if damage == "flip":
        data[data.find(bytes(range(100))) + 7] ^= 1
    elif damage == "cut":
        data = data[:-30]
    elif damage == "encrypt":
        data[directory + 8] |= 1
    elif damage == "method":
        data[directory + 10] = 12
    else:
        data = bytearray(b"<html>not found</html>")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.zip") as error:
        Archive(path).read("ids/0.png", most=1000)
    assert "\n" not in str(error.value)
