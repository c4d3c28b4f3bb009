from pathlib import Path

import numpy as np
import pytest
from sphere_capture import SphereCapture
from sphere_cues import degrees, painted, stage

from o2recon.cues import DepthMaps, NormalMaps, Stored
from o2recon.workspace import ObjectFolder, write_image


def eight_bit(normal: np.ndarray) -> np.ndarray:
    """As the networks' own scripts write them: rounded down."""
    return np.floor((normal + 1) / 2 * 255).clip(0, 255).astype(np.uint8)


def write_png(folder: Path, index: int, normal: np.ndarray) -> None:
    write_image(folder / f"{index}_pred_norm.png", eight_bit(-normal))


def write_authors_png(folder: Path, index: int, normal: np.ndarray) -> None:
    write_image(folder / f"{index}.png", eight_bit(-normal))


def write_authors_npz(folder: Path, index: int, normal: np.ndarray) -> None:
    """From 8-bit pictures, hence not of unit length; -1 outside the mask."""
    inside = (normal != 0).any(-1, keepdims=True)
    np.savez(folder / f"{index:04d}.npz", np.where(inside, eight_bit(-normal) / 255 * 2 - 1, -1.0))


def write_monosdf(folder: Path, index: int, normal: np.ndarray) -> None:
    np.save(folder / f"{index:06d}_normal.npy", ((normal + 1) / 2).transpose(2, 0, 1).astype(np.float32))


def write_omnidata_png(folder: Path, index: int, normal: np.ndarray) -> None:
    write_image(folder / f"{index:05d}_normal.png", eight_bit(normal))


def write_half_size(folder: Path, index: int, normal: np.ndarray) -> None:
    np.save(folder / f"{index}.npy", normal[::2, ::2])


WRITERS = {
    "snu demo": ("snu", write_png, 1.0),
    "authors' pictures": ("snu", write_authors_png, 1.0),
    "authors' arrays": ("snu", write_authors_npz, 1.0),
    "monosdf": ("omnidata", write_monosdf, 0.1),
    "omnidata demo": ("omnidata", write_omnidata_png, 1.0),
    "opencv": ("opencv", lambda f, i, n: np.savez(f / f"{i}.npz", normal=n), 0.1),
}


def written(path: Path, write) -> tuple[SphereCapture, ObjectFolder, Path]:  # type: ignore[no-untyped-def]
    capture, folder = painted(path)
    place = path / "maps"
    place.mkdir()
    for view in capture.sphere.views:
        write(place, view.index, view.normal)
    return capture, folder, place


@pytest.mark.parametrize("kind", WRITERS)
def test_files_of_every_layout_give_the_spheres_normals(kind: str, tmp_path: Path) -> None:
    layout, write, tolerance = WRITERS[kind]
    capture, folder, place = written(tmp_path, write)
    notes = stage(normal=NormalMaps(maps=Stored(folder=str(place), layout=layout), keep_sensor=False))(capture, folder)
    assert notes["facing_away"] < 0.05
    for view in capture.sphere.views:
        found = folder.read_normal("cues/normal", view.index)
        cued = view.visible & (found != 0).any(-1)
        assert cued.sum() > 0.9 * view.visible.sum()
        assert degrees(found, view.normal)[cued].max() < tolerance


def test_8_bit_values_are_read_without_the_bias_of_rounding_down(tmp_path: Path) -> None:
    capture, folder, place = written(tmp_path, write_png)
    stage(normal=NormalMaps(maps=Stored(folder=str(place), layout="snu"), keep_sensor=False))(capture, folder)
    errors = []
    for view in capture.sphere.views:
        found = folder.read_normal("cues/normal", view.index)
        cued = view.visible & (found != 0).any(-1)
        errors.append((found - view.normal)[cued])
    assert np.abs(np.concatenate(errors).mean(0)).max() < 5e-4  # 0.004 otherwise


def test_files_of_another_size_are_resized_and_of_another_shape_refused(tmp_path: Path) -> None:
    capture, folder, place = written(tmp_path, write_half_size)
    cues = stage(normal=NormalMaps(maps=Stored(folder=str(place), layout="opencv"), keep_sensor=False))
    cues(capture, folder)
    view = capture.sphere.views[0]
    found = folder.read_normal("cues/normal", view.index)
    cued = view.visible & (found != 0).any(-1)
    assert np.median(degrees(found, view.normal)[cued]) < 3
    np.save(place / "0.npy", np.zeros((10, 40, 3)))
    with pytest.raises(ValueError, match=r"0.npy is 40 x 10, the photograph 64 x 64: another shape"):
        cues(capture, folder)


def test_scene_and_object_are_filled_in_and_changed_files_are_noticed(tmp_path: Path) -> None:
    capture, folder, place = written(tmp_path, write_png)
    own = tmp_path / folder.path.parent.parent.name / "normals" / folder.path.name
    own.parent.mkdir(parents=True)
    place.rename(own)
    cues = stage(
        normal=NormalMaps(maps=Stored(folder=f"{tmp_path}/%scene/normals/%object", layout="snu"), keep_sensor=False)
    )
    before = cues.inputs(folder)
    assert list(before) == ["normal files"] and stage().inputs(folder) == {}
    cues(capture, folder)
    (own / "0_pred_norm.png").write_bytes((own / "10_pred_norm.png").read_bytes())
    assert cues.inputs(folder) != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no map of frame 0: 0.npz, 0000.npz"),
        (b"no array", "0.npz cannot be read as an array"),
        (np.zeros((64, 64)), "three channels were expected"),
    ],
)
def test_missing_and_damaged_files_are_named(content: object, message: str, tmp_path: Path) -> None:
    capture, folder = painted(tmp_path)
    place = tmp_path / "maps"
    place.mkdir()
    if isinstance(content, bytes):
        (place / "0.npz").write_bytes(content)
    elif content is not None:
        np.savez(place / "0.npz", content)
    cues = stage(normal=NormalMaps(maps=Stored(folder=str(place), layout="snu"), keep_sensor=False))
    with pytest.raises(ValueError, match=message):
        cues(capture, folder)


def test_a_folder_that_is_not_there_stops_before_anything_is_computed(tmp_path: Path) -> None:
    _, folder = painted(tmp_path)
    for place, message in ((None, "folder is not set"), (str(tmp_path / "none"), "none is no folder")):
        cues = stage(normal=NormalMaps(maps=Stored(folder=place, layout="snu"), keep_sensor=False))
        with pytest.raises(ValueError, match=f"cues/normal: .*{message}"):
            cues.require(folder)
    with pytest.raises(ValueError, match="choose one of snu"):
        Stored(folder="x", layout="dsine")


@pytest.mark.parametrize("layout", ["omnidata_depth", "inverse_depth", "metric_depth", "metric_depth in millimetres"])
def test_depth_files_of_every_layout_give_metres(layout: str, tmp_path: Path) -> None:
    capture, folder = painted(tmp_path, evidence=0.0)
    place = tmp_path / "maps"
    place.mkdir()
    for view in capture.sphere.views:
        z = np.where(view.object_depth > 0, view.object_depth, 4)
        folder.write_depth("inpainted/depth", view.index, np.where(view.visible, view.object_depth, 1.0))
        if layout == "omnidata_depth":
            np.save(place / f"{view.index:06d}_depth.npy", 0.2 * z[None] - 0.1)
        elif layout == "inverse_depth":
            np.save(place / f"{view.index}.npy", 5 / z + 1)
        elif layout == "metric_depth":
            np.save(place / f"{view.index}.npy", z)
        else:
            write_image(place / f"{view.index}.png", np.rint(1000 * z).astype(np.uint16))
    maps = DepthMaps(maps=Stored(folder=str(place), layout=layout.split()[0]), keep_sensor=True, min_pixels=20)
    assert stage(depth=maps)(capture, folder)["aligned_views"] == 8
    for view in capture.sphere.views:
        found = folder.read_depth("cues/depth", view.index)
        assert np.abs(found - view.object_depth)[view.hidden].max() < 0.01
