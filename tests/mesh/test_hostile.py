"""Meshes from strangers: files that they name lie beside them, and nothing but meshes is opened."""

import base64
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from o2recon.mesh.load import Beside, load_geometry

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
SECRET = b"newmtl a\nKd 0.1 0.2 0.3\nmap_Kd secret.png\n"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the resolver was asked for and gave."""
    given: list[str] = []
    get = Beside.get

    def noted(self: Beside, name: str) -> bytes:
        data = get(self, name)
        given.append(name)
        return data

    monkeypatch.setattr(Beside, "get", noted)
    return given


@pytest.mark.parametrize(
    "name", ["../secret.mtl", "{outside}/secret.mtl", "link.mtl", "..\\secret.mtl", "file://{outside}/secret.mtl"]
)
def test_materials_outside_are_not_opened(tmp_path: Path, name: str, opened: list[str]) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    (tmp_path / "secret.mtl").write_bytes(SECRET)
    (folder / "link.mtl").symlink_to(tmp_path / "secret.mtl")
    (folder / "a.obj").write_text(f"mtllib {name.format(outside=tmp_path)}\nusemtl a\n{TRIANGLE}")
    assert len(load_geometry(folder / "a.obj", force="mesh").faces) == 1
    assert not opened
    (folder / "own.mtl").write_bytes(SECRET)
    (folder / "b.obj").write_text(f"mtllib own.mtl\nusemtl a\n{TRIANGLE}")
    load_geometry(folder / "b.obj")
    assert "own.mtl" in opened


@pytest.mark.parametrize("uri", ["../secret.bin", "{outside}/secret.bin", "%2e%2e/secret.bin", "link.bin"])
def test_buffers_outside_are_not_opened(tmp_path: Path, uri: str, opened: list[str]) -> None:
    folder = tmp_path / "meshes"
    folder.mkdir()
    data = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    (tmp_path / "secret.bin").write_bytes(data)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    write_gltf(folder / "a.gltf", uri.format(outside=tmp_path))
    with pytest.raises(ValueError, match=r"a\.gltf cannot be read as geometry"):
        load_geometry(folder / "a.gltf")
    assert not opened
    write_gltf(folder / "b.gltf", "data:application/octet-stream;base64," + base64.b64encode(data).decode())
    np.testing.assert_array_equal(load_geometry(folder / "b.gltf", force="mesh").vertices[1], [1, 0, 0])


def write_gltf(file: Path, uri: str) -> None:
    """One triangle without indices whose numbers are in the buffer `uri`."""
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"uri": uri, "byteLength": 36}],
    }
    file.write_text(json.dumps(tree))


@pytest.mark.parametrize("suffix", [".zip", ".3mf", ".dae", ".3dxml", ".json", ".dict64", ".xaml", ".binvox", ".step"])
def test_only_meshes_are_opened(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / f"a{suffix}"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escaped.obj", TRIANGLE)

    def read(*given: object, **options: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(trimesh, "load", read)
    with pytest.raises(ValueError, match="is no mesh that can be read: save it as one of"):
        load_geometry(file)
