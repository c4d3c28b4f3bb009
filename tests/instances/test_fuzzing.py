"""Damaged lists of boxes and names, and damaged masks: read, or refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz
from PIL import Image

from o2recon.instances import read_boxes
from o2recon.instances.categories import read_categories
from o2recon.instances.images import read_ids

BOXES = [
    {"id": 1, "category": "chair", "center": [1.0, 2.0, 0.5], "size": [0.4, 0.6, 1.0], "yaw": 30},
    {"id": 2, "category": "table", "corners": [[0, 0, 0], [1, 1, 0.7]]},
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["boxes.json", "boxes.yaml"])
def test_damaged_lists_of_boxes_are_read_or_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    text = json.dumps(BOXES, indent=1) if name.endswith("json") else YAML
    file.write_text(text)
    found = fuzz(file, lambda: read_boxes(file, np.eye(4)), named=file)
    assert found["read"] > 200 and found["refused"] > 3000


@pytest.mark.slow
def test_damaged_names_are_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(json.dumps({"categories": [{"id": 1, "name": "chair"}, {"id": 7, "name": "wall"}]}))
    assert fuzz(file, lambda: read_categories(file, tmp_path), named=file)["refused"] > 1000


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_damaged_masks_are_read_or_refused(mode: str, tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, 5, (40, 50)).astype(np.uint8)
    image = Image.fromarray(np.stack([ids] * 3, -1) if mode == "RGB" else ids)
    if mode == "P":
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(bytes(range(256)) * 3)
    file = tmp_path / "0.png"
    image.save(file)
    for repair in (None, whole):
        found = fuzz(file, lambda: read_ids(file, void=None), named=file, repair=repair)
        assert found["refused"] > 1000


YAML = """# two objects
- id: 1
  category: chair
  center: [1.0, 2.0, 0.5]
  size: [0.4, 0.6, 1.0]
  yaw: 30
- {id: 2, category: table, corners: [[0, 0, 0], [1, 1, 0.7]]}
"""


def whole(data: bytes) -> bytes:
    """PNG chunks with right checksums, as far as their lengths make sense."""
    import zlib

    result, at = data[:8], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        result += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return result + data[at:]
