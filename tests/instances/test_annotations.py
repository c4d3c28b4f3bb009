"""ARKitScenes' annotated boxes, by hand."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from o2recon.instances.box import read_boxes

ANNOTATION: dict[str, Any] = {
    "skipped": False,
    "stats": {"labelCount": 2},
    "data": [
        {
            "uid": "a1",
            "label": "chair",
            "objectId": 7,
            "segments": {
                "obbAligned": {
                    "centroid": [1.0, 2.0, 0.5],
                    "axesLengths": [2.0, 0.4, 1.0],
                    "normalizedAxes": [0.8, 0.6, 0.0, -0.6, 0.8, 0.0, 0.0, 0.0, 1.0],
                }
            },
        },
        {
            "uid": "a2",
            "label": "tv_monitor",
            "segments": {
                "obbAligned": {
                    "centroid": [0, 0, 1],
                    "axesLengths": [1, 0.1, 0.5],
                    "normalizedAxes": [1, 0, 0, 0, 1, 0, 0, 0, 1],
                }
            },
        },
    ],
}
"""Keys as threedod/README.md lists them. The chair's long side, 2 m, runs along (0.8, 0.6, 0)."""


def written(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "47333462_3dod_annotation.json"
    path.write_text(json.dumps(document))
    return path


def test_axes_are_the_rows_and_lengths_are_full(tmp_path: Path) -> None:
    chair, screen = read_boxes(written(tmp_path, ANNOTATION), np.eye(4))
    assert (chair.id, chair.category, screen.id, screen.category) == (1, "chair", 2, "tv_monitor")
    assert chair.volume == pytest.approx(0.8) and screen.volume == pytest.approx(0.05)
    along, across = np.array([0.8, 0.6, 0.0]), np.array([-0.6, 0.8, 0.0])
    center = np.array([1.0, 2.0, 0.5])
    points = center + np.array([0.99 * along, 1.01 * along, 0.19 * across, 0.21 * across, [0, 0, 0.49], [0, 0, 0.51]])
    assert chair.holds(points, margin=0.0).tolist() == [True, False, True, False, True, False]


@pytest.mark.parametrize(
    ("key", "value"), [("axesLengths", [1, 2]), ("normalizedAxes", [1, 0, 0]), ("centroid", "here"), ("centroid", None)]
)
def test_an_object_without_its_box_is_named(tmp_path: Path, key: str, value: object) -> None:
    document = copy.deepcopy(ANNOTATION)
    document["data"][1]["segments"]["obbAligned"][key] = value
    path = written(tmp_path, document)
    with pytest.raises(ValueError, match=rf"{path}, object 2 has no box"):
        read_boxes(path, np.eye(4))
