"""Which lens the pictures of a shot were seen through, and whether a shot can be used."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from o2recon.scene.capture import Capture, Lens, Shot
from o2recon.scene.matrices import check_rigid, is_camera_matrix, resized_lens
from o2recon.types import Camera

ID_CAMERAS = ("auto", "color", "depth")

log = logging.getLogger(__name__)


def depth_lens(shot: Shot) -> Lens:
    """The lens of the depth picture; of the colour when there is none."""
    if shot.depth is None:
        return shot.lens
    return shot.depth_lens or resized_lens(shot.lens, *shot.depth.size)


def id_lens(shot: Shot, width: int, height: int) -> Lens:
    """The lens of an id picture: of depth's size and not colour's it is depth's, else it is colour's."""
    if shot.depth is not None and (width, height) == shot.depth.size != shot.color.size:
        return depth_lens(shot)
    return resized_lens(shot.lens, width, height)


def flaw(shot: Shot) -> str | None:
    """Why a frame cannot be used; None when it can."""
    for picture, lens in ((shot.color, shot.lens), (shot.depth, shot.depth_lens)):
        if picture is None or lens is None:
            continue
        size, expected = picture.size, (lens.camera.width, lens.camera.height)
        if size != expected:
            return "{} is {}x{}, its intrinsics are for {}x{}".format(picture.source, *size, *expected)
        if not is_camera_matrix(lens.camera.intrinsics, *size):
            k = lens.camera.intrinsics
            return f"{picture.source} is {size[0]}x{size[1]}, with intrinsics that no such camera has: {k.tolist()}"
    try:
        check_rigid(shot.camera_to_world, f"the pose of {shot.color.source}")
    except ValueError as error:
        return str(error)
    return None


def beside_depth(capture: Capture, offset: Sequence[float | int]) -> Capture:
    """The capture with its colour camera's image moved by `offset`, depth's left where it is.

    `offset`: (right, down) in pixels of the stored colour images, by which colour lies beside depth; ids drawn on
    colour lie there with it. ValueError for anything else, and for captures without depth.
    """
    moved = np.array(list(offset), float)
    if moved.shape != (2,) or not np.isfinite(moved).all():
        raise ValueError(f"scene.color_offset is {offset}: give [right, down] in pixels of the colour images, or null")
    if all(shot.depth is None for shot in capture.shots):
        raise ValueError(f"scene.color_offset is {offset}, but there is no depth that colour could lie beside: null")
    shots = []
    for shot in capture.shots:
        camera = shot.lens.camera
        k = camera.intrinsics.copy()
        k[:2, 2] += moved
        lens = replace(shot.lens, camera=Camera(k, camera.width, camera.height))
        shots.append(replace(shot, lens=lens, depth_lens=None if shot.depth is None else depth_lens(shot)))
    return replace(capture, shots=tuple(shots))


def drawn_on(camera: str, capture: Capture) -> Capture:
    """The capture with its id and label images on that `camera`: color, depth, or auto (see Shot.instance)."""
    if camera not in ID_CAMERAS:
        raise ValueError(f"scene.ids_on={camera}: choose {', '.join(ID_CAMERAS)}")
    if camera == "auto":
        return capture
    shots = []
    for shot in capture.shots:
        lens, drawn = (shot.lens if camera == "color" else depth_lens(shot)), shot.instance or shot.label
        shots.append(shot if drawn is None else replace(shot, id_lens=resized_lens(lens, *drawn.size)))
    return replace(capture, shots=tuple(shots))


def warn_of_turned(shots: Sequence[Shot], camera: Camera, name: str) -> None:
    """Warn of photographs taken upright among others that are not: one `camera` holds only the middle of them."""
    upright = camera.height > camera.width
    turned = [s.index for s in shots if (s.color.size[1] > s.color.size[0]) != upright]
    if turned:
        told = (name, len(turned), len(shots), turned[0])
        log.warning("%s: %d of %d frames (the first is %d) are turned by 90 degrees: their ends are cut off", *told)
