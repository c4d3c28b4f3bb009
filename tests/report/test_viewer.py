import base64
import json
import struct
import zlib

import numpy as np
from made_up_study import shape

from o2recon.report.meshes import PageMesh
from o2recon.report.viewer import pack, three_script


def planes(data: bytes, kind: str, count: int) -> np.ndarray:
    """What the page's script does: undo the differences, channel after channel."""
    stored = np.frombuffer(data, kind, 3 * count).reshape(3, count)
    return np.cumsum(stored, axis=1, dtype=kind).T


def test_a_packed_mesh_unpacks_to_itself() -> None:
    ball = shape("ball")
    colors = np.random.default_rng(0).integers(0, 256, (len(ball.vertices), 3)).astype(np.uint8)
    data = zlib.decompress(base64.b64decode(pack(PageMesh(ball.vertices, ball.faces, {"own": colors}))))
    length = struct.unpack("<I", data[:4])[0]
    header = json.loads(data[4 : 4 + length])
    vertices, faces, at = header["vertices"], header["faces"], 4 + length
    assert at % 4 == 0 and header["layers"] == {"own": 3}
    positions = planes(data[at:], "<u2", vertices) / 65535 * header["size"] + header["low"]
    at += -(-6 * vertices // 4) * 4
    assert np.abs(positions - ball.vertices).max() < 1e-5
    assert np.array_equal(planes(data[at:], "<u4", faces), ball.faces)
    at += 12 * faces
    assert np.array_equal(planes(data[at:], "u1", vertices), colors)


def test_the_viewer_comes_from_trimesh_and_starts_nothing_by_itself() -> None:
    script = three_script()
    assert "THREE={}" in script and "Three.js Authors" in script
    assert not script.rstrip().endswith("init();")
