"""What to tell the user about a mistake: a sentence, and the option that mends it where there is one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.check.color import ColorOffset
from o2recon.check.hypotheses import Mistake
from o2recon.check.outlines import OutlineOffset
from o2recon.scene.conventions import AXES

UNITS = {
    1.0: "metres",
    0.01: "centimetres",
    0.001: "millimetres",
    0.0001: "tenths of a millimetre",
    0.0002: "1/5000 m, as TUM's",
    1 / 4000: "1/4000 m",
    1 / 6553.5: "1/6553.5 m, as Replica's",
    1 / 256: "1/256 m",
    0.0254: "inches",
    0.3048: "feet",
}
NEAR = 0.04
"""A factor so close to a usual one (share) is meant to be that."""
PLAUSIBLE = (0.5, 8.0)
"""Metres: the median depth of a room's scan."""
USUAL_REACH = 6
"""Pixels that `outlines=voted` reaches without being told."""

Options = Mapping[str, Any]
"""The scene's options as they are set now, by key."""


def told(mistake: Mistake, options: Options, *, median_depth: float, width: int) -> tuple[str, str | None]:
    """(what is wrong, remedy) in words. `median_depth`: metres as read now. `width`: pixels of the working images."""
    values = mistake.values
    parts = []
    if "reading" in values:
        parts.append(_about_poses(values, options))
    if "factor" in values:
        parts.append(_about_depth(mistake, options, median_depth))
    if "places" in values:
        parts.append(_about_places(values["places"]))
    if {"size", "focal", "shift"} & set(values):
        parts.append(_about_lens(values, width))
    remedies = [remedy for _, remedy in parts if remedy]
    return " and ".join(sentence for sentence, _ in parts), " ".join(remedies) or None


def about_color(
    found: ColorOffset, options: Options, *, pixels: Float[np.ndarray, "2"] | None, ids_lie_on_depth: bool
) -> str:
    """The options that mend colour beside depth, to half a pixel. `pixels`: of stored colour, on one of `found`'s."""
    if pixels is None or "color_offset" not in options:
        return "register depth to colour, or correct the intrinsics of colour"
    if found.size != 1:
        return f"multiply the focal lengths of colour by {found.size:.3g}, or register depth to colour"
    offset = np.array([found.right, found.down]) * pixels + (options["color_offset"] or (0, 0))
    right, down = (f"{round(2 * value) / 2:g}" for value in offset.tolist())
    ids = " scene.ids_on=depth" if ids_lie_on_depth and options.get("ids_on") == "auto" else ""
    return f"scene.color_offset=[{right},{down}]{ids}"


def about_outlines(found: OutlineOffset) -> str:
    """The options that mend outlines outside or inside of where depth ends."""
    pixels = round(abs(found.outside))
    reach = f" outlines.reach_px={pixels + 1}" if pixels > USUAL_REACH else ""
    return f"outlines=voted{reach}" + ("" if found.outside > 0 else f" outlines.grow_px={pixels}")


def _about_poses(values: Mapping[str, Any], options: Options) -> tuple[str, str | None]:
    reading, axes = str(values["reading"]), tuple(values["axes"])
    sentences = {
        "same": "",
        "inverted": "the poses are world-to-camera, read as camera-to-world",
        "transposed_rotation": "the rotations of the poses are transposed (their translations are right)",
        "mixed": "the poses mix a camera-to-world rotation with a world-to-camera translation",
    }
    if options.get("pose") == "world_to_camera":
        sentences["inverted"] = "the poses are camera-to-world, read as world-to-camera"
    told: list[str] = [sentences[reading]] if reading != "same" else []
    if axes != ("x", "y", "z"):
        told.append(_axes_sentence(axes))
    return " and ".join(told), _pose_options(reading, axes, options)


def _axes_sentence(axes: tuple[str, ...]) -> str:
    named = f"right, down, forward are the files' {', '.join(axes)}"
    known: dict[tuple[str, ...], str] = {
        ("x", "-y", "-z"): "the cameras' axes are OpenGL's where OpenCV's are expected, or the other way round",
        ("-x", "-y", "z"): "the cameras are upside down: images turned by 180 degrees, poses not",
        ("y", "-x", "z"): "the cameras are turned by 90 degrees: images turned, poses not",
        ("-y", "x", "z"): "the cameras are turned by 90 degrees: images turned, poses not",
    }
    other = "swapped" if np.linalg.det(_matrix(axes)) > 0 else "left-handed"
    return known.get(axes, f"the axes of the cameras are {other}") + f" ({named})"


def _pose_options(reading: str, axes: tuple[str, ...], options: Options) -> str | None:
    if "pose" not in options or "axes" not in options:
        return None if reading == "same" else "export the poses as rigid camera-to-world matrices"
    if reading in ("transposed_rotation", "mixed"):
        return "export the poses as rigid camera-to-world matrices"
    pose, before = str(options["pose"]), options["axes"]
    if reading == "inverted":
        pose = "camera_to_world" if pose == "world_to_camera" else "world_to_camera"
    combined = axes if reading == "inverted" else _names(_matrix(_listed(before)) @ _matrix(axes))
    given = []
    if pose != options["pose"]:
        given.append(f"scene.pose={pose}")
    if combined != _listed(before):
        listed = f"[{','.join(combined)}]"
        given.append("scene.axes=" + next((name for name, known in AXES.items() if known == combined), listed))
    return " ".join(given) or None


def _listed(axes: Any) -> tuple[str, ...]:
    return tuple(AXES[axes] if isinstance(axes, str) else axes)


def _matrix(axes: tuple[str, ...]) -> np.ndarray:
    matrix = np.zeros((3, 3))
    for column, name in enumerate(axes):
        matrix["xyz".index(name[-1]), column] = -1 if name.startswith("-") else 1
    return matrix


def _names(matrix: np.ndarray) -> tuple[str, ...]:
    rows = np.abs(matrix).argmax(0)
    return tuple(("-" if matrix[row, column] < 0 else "") + "xyz"[row] for column, row in enumerate(rows))


def _about_depth(mistake: Mistake, options: Options, median_depth: float) -> tuple[str, str | None]:
    kind, factor = mistake.hypothesis.kind, mistake.factor
    now, scale = float(options.get("depth_scale", 1.0)), float(options.get("scale", 1.0)) / factor
    if kind == "inverse":
        return f"the depth files hold inverse depth (z = {factor * now:.4g} / value)", "convert them to z"
    if kind == "distance":
        scaled = "" if abs(factor - 1) < NEAR else f" and multiply it by {factor:.4g}"
        remedy = f"divide depth by the length of the ray K^-1 (u, v, 1){scaled}"
        return "the depth files hold the distance along the ray, not z", remedy
    unit, called = _unit(now * factor)
    if "scale" in options and _is_plausible(median_depth) and not _is_plausible(median_depth * factor):
        return f"depth is {_wrong_by(1 / factor)} for the poses (whose unit is no metre)", f"scene.scale={scale:.4g}"
    remedy = f"scene.depth_scale={unit:.5g}" if "depth_scale" in options else "scale depth or poses"
    if "scale" in options and not called:
        remedy += f", or scene.scale={scale:.4g} if depth is right"
    of_unit = f" (its unit is {called})" if called else ""
    return f"depth is {_wrong_by(1 / factor)} for the poses{of_unit}", remedy


def _unit(scale: float) -> tuple[float, str | None]:
    """The usual unit near `scale` metres with its name; else a power of ten near it, else itself, without one."""
    near = min(UNITS, key=lambda unit: abs(np.log(unit / scale)))
    if abs(np.log(near / scale)) < NEAR:
        return near, UNITS[near]
    power = 10.0 ** round(np.log10(scale))
    return (power if abs(np.log(power / scale)) < NEAR else scale), None


def _wrong_by(factor: float) -> str:
    return f"{factor:.3g} times too long" if factor > 1 else f"{1 / factor:.3g} times too short"


def _is_plausible(depth: float) -> bool:
    return PLAUSIBLE[0] <= depth <= PLAUSIBLE[1]


def _about_places(places: int) -> tuple[str, str | None]:
    where = f"{abs(places)} frame{'s' if abs(places) > 1 else ''} {'later' if places > 0 else 'earlier'}"
    sentence = f"images and poses are out of step: the pose that fits an image is that of {where}"
    return sentence, "match them again by their timestamps"


def _about_lens(values: Mapping[str, Any], width: int) -> tuple[str, str | None]:
    if "size" in values:
        factor = values["size"]
        size = f"about {width / factor:.0f} pixels across instead of {width}"
        remedy = f"multiply focal lengths and principal point by {factor:.3g}"
        return f"the intrinsics belong to images of another size, {size}", remedy
    if "focal" in values:
        factor = values["focal"]
        return f"the focal length is {_wrong_by(1 / factor)}", f"multiply it by {factor:.3g}"
    right, down = (float(x) * width for x in values["shift"])
    return "the principal point is off", f"move it by ({right:+.0f}, {down:+.0f}) pixels in images {width} across"
