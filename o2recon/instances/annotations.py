"""Boxes as data sets annotate them, as the list that `read_boxes` takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


def is_arkit_scenes(document: Any) -> bool:
    """The content of a `<video>_3dod_annotation.json` of ARKitScenes."""
    data = document.get("data") if isinstance(document, Mapping) else None
    return isinstance(data, list) and bool(data) and all(isinstance(e, Mapping) and "segments" in e for e in data)


def arkit_scenes_boxes(document: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    """One row (id, category, corners) per annotated object, numbered from 1 in the file's order.

    `obbAligned` holds the centroid, full lengths and, row by row, the axes of a box in the capture's own world. Source:
    ARKitScenes' threedod/README.md and compute_box_3d of its box_utils.py. ValueError when one of them is missing.
    """
    rows = []
    for number, entry in enumerate(document["data"], 1):
        try:
            box = entry["segments"]["obbAligned"]
            center, lengths = np.array(box["centroid"], float), np.array(box["axesLengths"], float)
            axes = np.array(box["normalizedAxes"], float).reshape(3, 3)
            with np.errstate(all="ignore"):  # what is not finite is refused with the other boxes
                corners = center.reshape(3) + (SIGNS * lengths.reshape(3) / 2) @ axes
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{source}, object {number} has no box (segments.obbAligned): download it again"
            ) from error
        rows.append({"id": number, "category": str(entry.get("label") or "object"), "corners": corners.tolist()})
    return rows
