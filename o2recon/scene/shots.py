"""Which lens the pictures of a shot were seen through, and whether a shot can be used."""

from o2recon.scene.capture import Lens, Shot
from o2recon.scene.matrices import check_rigid, is_camera_matrix, resized_lens


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
