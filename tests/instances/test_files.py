"""Masks of trackers, written here with PIL and by hand, not with the package."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.instances import InstanceScene, MaskFiles
from o2recon.instances.images import read_ids
from o2recon.instances.listing import list_masks
from o2recon.scene import Scene
from o2recon.scene.scene import DamagedFrame


@pytest.fixture(scope="module")
def scene(tiny_scene: Scene) -> Scene:
    return tiny_scene


def with_files(scene: Scene, folder: Path, **options: object) -> InstanceScene:
    given = {"layout": None, "numbering": None, "names": None, "void": None} | options
    found = MaskFiles(folder=folder, **given)(scene, folder / "unused", device="cpu")  # type: ignore[arg-type]
    assert isinstance(found, InstanceScene)
    return found


def saved(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def palette_image(ids: np.ndarray) -> Image.Image:
    image = Image.fromarray(ids.astype(np.uint8), mode=None).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    colours = np.random.default_rng(0).permutation(256).astype(np.uint8)
    image.putpalette(np.stack([colours, colours[::-1], colours], -1).tobytes())
    return image


def test_images_of_ids_in_every_style_give_the_same_ids(scene: Scene, tmp_path: Path) -> None:
    for index in scene.indices:
        ids = scene.instance(index)
        saved(Image.fromarray(ids.astype(np.uint8)), tmp_path / "grey" / f"{index}.png")
        saved(Image.fromarray(ids.astype(np.uint16)), tmp_path / "deep" / f"frame_{index:06d}.png")
        saved(palette_image(ids), tmp_path / "palette" / f"{index:05d}.png")
        panoptic = np.stack([ids % 256, ids // 256, 0 * ids], -1).astype(np.uint8)
        saved(Image.fromarray(panoptic), tmp_path / "panoptic" / f"{index:012d}.png")
        big = Image.fromarray(ids.astype(np.uint8)).resize(
            (4 * ids.shape[1], 4 * ids.shape[0]), Image.Resampling.NEAREST
        )
        saved(big, tmp_path / "large" / f"{index}.png")
    for style in ("grey", "deep", "palette", "panoptic", "large"):
        found = with_files(scene, tmp_path / style)
        for index in scene.indices:
            np.testing.assert_array_equal(found.instance(index), scene.instance(index))
            np.testing.assert_array_equal(found.frame(index).instance, scene.instance(index))


def test_one_mask_per_object_and_frame_in_both_orders(scene: Scene, tmp_path: Path) -> None:
    for index in scene.indices:
        ids = scene.instance(index)
        for number in np.unique(ids[ids > 0]):
            mask = Image.fromarray(np.where(ids == number, 255, 0).astype(np.uint8))
            saved(mask, tmp_path / "by_object" / f"{number}_dining-chair" / f"{index}.png")
            saved(mask.convert("1"), tmp_path / "by_frame" / f"{index:05d}" / f"{number:03d}.png")
    (tmp_path / "by_frame" / "names.json").write_text(json.dumps({"categories": [{"id": 1, "name": "chair"}]}))
    for style, category in (("by_object", "dining chair"), ("by_frame", "chair")):
        found = with_files(scene, tmp_path / style)
        for index in scene.indices:
            np.testing.assert_array_equal(found.instance(index), scene.instance(index))
        assert found.categories[1] == category
        named = {found.labels[int(n)].raw_category for n in np.unique(found.label(0)) if n}
        assert category in named


def test_names_without_numbers_are_numbered_in_order_and_say_the_category(scene: Scene, tmp_path: Path) -> None:
    for name in ("wall", "chair_10", "chair_2"):
        for index in scene.indices:
            saved(Image.fromarray(np.full((120, 160), name == "chair_2", np.uint8)), tmp_path / name / f"{index}.png")
    found = with_files(scene, tmp_path)
    assert found.categories == {1: "chair", 2: "chair", 3: "wall"}
    assert found.instance(0).min() == 1
    wall = next(label for label in found.labels.values() if label.raw_category == "wall")
    assert wall.nyu40 == 1  # no object, see objects.background_nyu40


def test_the_smaller_mask_is_in_front(scene: Scene, tmp_path: Path) -> None:
    large, small = np.zeros((2, 120, 160), np.uint8)
    large[10:100, 10:100], small[40:50, 40:50] = 1, 1
    for index in scene.indices:
        saved(Image.fromarray(large), tmp_path / str(index) / "1.png")
        saved(Image.fromarray(small), tmp_path / str(index) / "2.png")
    ids = with_files(scene, tmp_path, layout="frame_object").instance(0)
    np.testing.assert_array_equal(ids, np.where(small > 0, 2, large))


def test_files_without_frame_numbers_follow_the_order_of_frames(tmp_path: Path) -> None:
    for k in range(4):
        saved(Image.new("L", (4, 4)), tmp_path / f"{k:05d}.png")
    found = list_masks(tmp_path, [0, 20, 40, 60], layout=None, numbering=None)
    assert found.numbering == "order"
    assert {frame: files[0][1].stem for frame, files in found.files.items()} == {
        0: "00000",
        20: "00001",
        40: "00002",
        60: "00003",
    }
    assert list_masks(tmp_path, [0, 1, 2, 3], layout=None, numbering=None).numbering == "number"
    assert sorted(list_masks(tmp_path, [0, 2], layout=None, numbering=None).files) == [0, 2]  # every second frame


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        ([], {}, "holds no PNG files"),
        (["a.png"], {}, "fit the capture's 3 frames (0 to 2) neither by number nor by count"),
        (["0.png"], {"layout": "objects"}, "instances.layout is 'objects': choose ids"),
        (["1/1.png", "2/2.png"], {}, "set instances.layout=object_frame|which with instances.layout=object_frame"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    names: list[str], options: dict[str, str], expected: str, tmp_path: Path
) -> None:
    for name in names:
        saved(Image.new("L", (4, 4)), tmp_path / name)
    given = {"layout": None, "numbering": None} | options
    with pytest.raises(ValueError) as told:
        list_masks(tmp_path, [0, 1, 2], **given)  # type: ignore[arg-type]
    assert any(part in str(told.value) for part in expected.split("|"))
    assert "\n" not in str(told.value)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_palette_indices_come_from_the_bytes_and_255_is_void(tmp_path: Path) -> None:
    """A 3 x 2 palette PNG of 8 bits, byte for byte after the PNG specification (colour type 3)."""
    rows = b"".join(b"\0" + bytes(row) for row in ([0, 1, 2], [255, 7, 1]))
    palette = bytes(range(256)) * 3
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0))
    data += chunk(b"PLTE", palette) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path = tmp_path / "0.png"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_ids(path, void=None), [[0, 1, 2], [0, 7, 1]])
    np.testing.assert_array_equal(read_ids(path, void=7), [[0, 1, 2], [255, 0, 1]])


def test_a_damaged_mask_is_a_damaged_frame(scene: Scene, tmp_path: Path) -> None:
    for index in scene.indices:
        saved(Image.fromarray(scene.instance(index).astype(np.uint8)), tmp_path / f"{index}.png")
    (tmp_path / "0.png").write_bytes((tmp_path / "0.png").read_bytes()[:-30])
    with pytest.raises(DamagedFrame, match=r"0\.png"):
        with_files(scene, tmp_path).instance(0)


def test_the_fingerprint_follows_the_files_and_the_names(scene: Scene, tmp_path: Path) -> None:
    for index in scene.indices:
        saved(Image.fromarray(scene.instance(index).astype(np.uint8)), tmp_path / f"{index}.png")
    before = with_files(scene, tmp_path).fingerprint()
    assert with_files(scene, tmp_path).fingerprint() == before != scene.fingerprint()
    assert with_files(scene, tmp_path, names={1: "stool"}).fingerprint() != before
    saved(Image.new("L", (160, 120)), tmp_path / "0.png")
    assert with_files(scene, tmp_path).fingerprint() != before


def test_masks_drawn_on_a_larger_colour_image_reach_the_depth_camera_s_grid(tmp_path: Path, tiny_room: Path) -> None:
    """The colour camera is twice as large and sees a little more; its masks come out where depth sees the object."""
    import shutil

    import cv2

    room = tmp_path / "room"
    shutil.copytree(tiny_room, room)
    small = np.loadtxt(tiny_room / "intrinsic" / "intrinsic_color.txt")
    wide = small.copy()
    wide[:2] *= 2
    wide[0, 2] += 10.5  # 10 more columns on each side, centres at integers
    wide[1, 2] += 0.5
    np.savetxt(room / "intrinsic" / "intrinsic_color.txt", wide)
    for file in (room / "color").iterdir():
        image = cv2.resize(cv2.imread(str(file)), None, fx=2, fy=2)
        cv2.imwrite(str(file), cv2.copyMakeBorder(image, 0, 0, 10, 10, cv2.BORDER_REPLICATE))
    for kind in ("instance-filt", "label-filt"):
        for file in (room / kind).iterdir():
            ids = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            large = ids.repeat(2, 0).repeat(2, 1)
            cv2.imwrite(str(file), cv2.copyMakeBorder(large, 0, 0, 10, 10, cv2.BORDER_CONSTANT, value=0))
    scene = build(composed("run", (f"scene.root={room}",)).scene)
    masks = tmp_path / "masks"
    shutil.copytree(room / "instance-filt", masks)
    found = with_files(scene, masks)
    for index in scene.indices:
        np.testing.assert_array_equal(found.instance(index), scene.instance(index))
        assert found.instance(index).shape == (120, 160) and found.instance(index).any()
