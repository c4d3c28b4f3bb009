"""The reader of ScanNet's export layout: one pixel grid, lazily, damaged frames skipped and named."""

import resource
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from round_trip import opened as open_with

import o2recon
from o2recon.cameras import pixel_centers, unproject
from o2recon.scene import DamagedFrame, RecordedScene
from o2recon.scene.readers import ScanNetReader

FILES = {"color": ".jpg", "depth": ".png", "instance-filt": ".png", "label-filt": ".png", "pose": ".txt"}


def opened(root: Path, **options: object) -> RecordedScene:
    return open_with(root, ScanNetReader(), **options)


@pytest.fixture
def copy(scan: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scan, tmp_path / "copy"))


def cut(path: Path, share: float = 0.6) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def test_depth_lands_on_the_true_surfaces(scan: Path) -> None:
    scene = opened(scan)
    frame = scene.frame(3)
    valid = frame.depth > 0
    points = unproject(frame.camera, frame.camera_to_world, pixel_centers(frame.camera)[valid], frame.depth[valid])
    floor = frame.instance[valid] == 0
    assert np.abs(points[floor][:, 2]).max() < 2e-3
    box = points[~floor]
    distance = np.abs(np.stack([np.abs(box[:, 0]) - 0.3, np.abs(box[:, 1]) - 0.3, box[:, 2] - 0.6])).min(0)
    assert distance.max() < 2e-3


@pytest.mark.parametrize("color", [(160, 120), (324, 242), (1296, 968)])
@pytest.mark.parametrize("ids_on", ["color", "depth", "neither"])
def test_colour_and_ids_of_any_size_land_on_the_depth_grid(
    write_scan: Callable[..., Path], tmp_path: Path, color: tuple[int, int], ids_on: str
) -> None:
    depth = (640, 480)
    ids = {"color": color, "depth": depth, "neither": (color[0] * 3 // 2, color[1] * 3 // 2)}[ids_on]
    scene = opened(write_scan(tmp_path / "scan", count=1, color=color, depth=depth, ids=ids))
    true = opened(write_scan(tmp_path / "same", count=1, color=depth, depth=depth)).frame(0).instance == 1
    frame = scene.frame(0)
    coarse = max(640 / min(color[0], ids[0]), 1)
    edge = cv2.dilate(true.astype(np.uint8), np.ones((3, 3))) != cv2.erode(true.astype(np.uint8), np.ones((3, 3)))
    assert np.abs(_shift(true, frame.color[..., 0] > 120)).max() < 0.5
    assert np.abs(_shift(true, frame.instance == 1)).max() < 0.5 * coarse
    assert ((frame.instance == 1) != true)[~edge].mean() < 0.002 * coarse**2
    assert (scene.label(0) == np.where(frame.instance == 1, 2, 3))[frame.depth > 0].all()


def _shift(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean shift of a mask's left, right, upper and lower outline: sub-pixel where they are slanted."""
    shifts = []
    for a, b in ((first, second), (first.T, second.T)):
        rows = a.any(1) & b.any(1)
        a, b = a[rows], b[rows]
        for x, y in ((a, b), (a[:, ::-1], b[:, ::-1])):
            shifts.append(float((x.argmax(1) - y.argmax(1)).mean()))
    return np.array(shifts)


def test_depth_is_dropped_where_no_instance_image_reaches(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    root = write_scan(tmp_path / "scan", count=1, color=(160, 120))
    k = np.loadtxt(root / "intrinsic/intrinsic_color.txt")
    k[0, 0] *= 2
    k[1, 1] *= 2
    np.savetxt(root / "intrinsic/intrinsic_color.txt", k)
    frame = opened(root).frame(0)
    assert (frame.depth[:, :38] == 0).all() and (frame.depth[40:80, 45:115] > 0).any()


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "truncated jpeg": ("color/4.jpg", cut),
    "truncated depth": ("depth/4.png", cut),
    "truncated labels": ("label-filt/4.png", cut),
    "empty file": ("instance-filt/4.png", lambda p: p.write_bytes(b"")),
    "not an image": ("color/4.jpg", lambda p: p.write_text("hello")),
    "infinite pose": ("pose/4.txt", lambda p: p.write_text("-inf " * 16)),
    "nan pose": ("pose/4.txt", lambda p: p.write_text("nan " * 16)),
    "pose of three rows": ("pose/4.txt", lambda p: p.write_text("1 " * 12)),
    "pose of words": ("pose/4.txt", lambda p: p.write_text("none")),
    "scaled pose": ("pose/4.txt", lambda p: np.savetxt(p, np.diag([1.1, 1.1, 1.1, 1]))),
    "mirrored pose": ("pose/4.txt", lambda p: np.savetxt(p, np.diag([1, 1, -1, 1]))),
    "missing depth": ("depth/4.png", Path.unlink),
    "missing pose": ("pose/4.txt", Path.unlink),
    "missing colour": ("color/4.jpg", Path.unlink),
    "missing instances": ("instance-filt/4.png", Path.unlink),
    "another size": ("depth/4.png", lambda p: cv2.imwrite(str(p), np.ones((60, 80), np.uint16))),
    "8-bit depth": ("depth/4.png", lambda p: cv2.imwrite(str(p), np.ones((120, 160), np.uint8))),
    "ids in colour": ("instance-filt/4.png", lambda p: cv2.imwrite(str(p), np.ones((120, 160, 3), np.uint8))),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_one_damaged_frame_is_skipped_and_named(copy: Path, kind: str) -> None:
    name, damage = DAMAGE[kind]
    damage(copy / name)
    scene = opened(copy)
    assert 4 not in scene.indices and len(scene.indices) == 11
    assert set(scene.skipped) == {4} and name in scene.skipped[4] and "\n" not in scene.skipped[4]
    with pytest.raises(DamagedFrame, match=name):
        scene.frame(4)


def test_damage_inside_an_image_is_found_when_it_is_read(copy: Path) -> None:
    path = copy / "depth/4.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    scene = opened(copy)
    assert 4 in scene.indices
    with pytest.raises(DamagedFrame, match=r"depth/4\.png"):
        scene.frame(4)
    assert [f.index for f in scene.frames()] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert set(scene.skipped) == {4} and len(list(scene.frames())) == 11


def test_more_than_a_tenth_damaged_is_an_error_at_opening_and_while_reading(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for index in (2, 4):
        path = copy / f"depth/{index}.png"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(bytes(data))
    scene = opened(copy)
    with pytest.raises(ValueError, match="2 of 12 frames are damaged"):
        list(scene.frames())
    assert len(list(opened(copy, max_bad_share=0.2).frames())) == 10
    for index in (2, 4):
        cut(copy / f"depth/{index}.png")
    caplog.clear()
    with pytest.raises(ValueError, match=r"2 of 12 .*depth/2\.png is truncated.*scene.max_bad_share"):
        opened(copy)
    assert not caplog.records  # the error names them: one line


def test_frames_are_named_by_number_with_gaps(copy: Path) -> None:
    for folder, suffix in FILES.items():
        (copy / folder / f"7{suffix}").unlink()
        (copy / folder / f"5{suffix}").rename(copy / folder / f"000500{suffix}")
    (copy / "instance-filt/9000.png").write_bytes(b"labels of a frame that was not exported")
    scene = opened(copy)
    assert scene.indices == (0, 1, 2, 3, 4, 6, 8, 9, 10, 11, 500) and not scene.skipped
    assert scene.frame(500).index == 500
    assert opened(copy, frame_skip=4).indices == (0, 4, 10)
    with pytest.raises(ValueError, match="no frame 7"):
        scene.frame(7)


@pytest.mark.parametrize("folder", ["color", "depth", "pose", "instance-filt", "label-filt"])
def test_a_missing_folder_is_named(copy: Path, folder: str) -> None:
    shutil.rmtree(copy / folder)
    with pytest.raises(ValueError, match=f"{folder} is missing"):
        opened(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: shutil.rmtree(r), "is no folder: set scene.root"),
        (lambda r: [p.unlink() for d in ("color", "depth", "pose") for p in (r / d).iterdir()], "holds no frames"),
        (lambda r: (r / "intrinsic/intrinsic_depth.txt").unlink(), "intrinsic_depth.txt cannot be read"),
        (lambda r: shutil.rmtree(r / "intrinsic"), "intrinsic is missing"),
        (lambda r: (r / "scannetv2-labels.combined.tsv").unlink(), "labels.combined.tsv is missing"),
        (
            lambda r: np.savetxt(r / "intrinsic/extrinsic_color.txt", np.eye(4) + 0.1 * np.eye(4, k=3)),
            "extrinsic_color.txt is not the identity",
        ),
        (
            lambda r: np.savetxt(r / "intrinsic/intrinsic_color.txt", np.diag([1.0, 1, 1, 1]) + 648 * np.eye(4, k=2)),
            "intrinsic_color.txt does not fit images of 160x120",
        ),
    ],
)
def test_what_cannot_be_opened_is_one_line_with_the_remedy(
    copy: Path, change: Callable[[Path], object], message: str
) -> None:
    change(copy)
    with pytest.raises(ValueError, match=message) as raised:
        opened(copy)
    assert "\n" not in str(raised.value)


def test_options_are_checked(scan: Path) -> None:
    with pytest.raises(ValueError, match="frame_skip is 0"):
        opened(scan, frame_skip=0)
    with pytest.raises(ValueError, match=r"set scene\.sketches"):
        opened(scan, sketches=scan / "nowhere")


def test_the_label_table_may_lie_above_the_scene_and_columns_go_by_header(copy: Path) -> None:
    (copy / "scannetv2-labels.combined.tsv").unlink()
    table = copy.parent / "scannetv2-labels.combined.tsv"
    table.write_text('count\tnyu40id\traw_category\tid\n1\t5\tan "office" chair\t2\n1\t\tthing\t9\n')
    labels = opened(copy).labels
    assert (labels[2].raw_category, labels[2].nyu40, labels[9].nyu40) == ('an "office" chair', 5, -1)
    table.write_text("2\tchair\tx\tx\t5\n")
    assert opened(copy).labels[2].nyu40 == 5


def test_sketches_come_from_the_scene_and_from_the_option(copy: Path, tmp_path: Path) -> None:
    painted = np.zeros((240, 320), np.uint8)
    painted[100:140, 100:200] = 255
    for folder, view in ((copy / "sketches/1", 2), (tmp_path / "more/1", 3)):
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / f"{view}_class_inpaint mask.png"), painted)
    scene = opened(copy, sketches=tmp_path / "more")
    masks = scene.sketches(1)
    assert set(masks) == {2, 3} and scene.sketches(5) == {}
    expected = np.zeros((120, 160), bool)
    expected[50:70, 50:100] = True
    assert (masks[2] == expected).all()
    assert set(opened(copy, sketches=tmp_path / "more", frame_skip=2).sketches(1)) == {2}
    other_shape = np.full((100, 320), 255, np.uint8)
    for content, message in (
        (np.zeros((240, 320), np.uint8), "is an empty mask"),
        (other_shape, "is 320x100: .* which is 160x120"),
        (None, "unknown header"),
    ):
        path = copy / "sketches/1/4_class_inpaint mask.png"
        path.write_text("x" * 50) if content is None else cv2.imwrite(str(path), content)
        with pytest.raises(ValueError, match=message):
            scene.sketches(1)
    path.rename(copy / "sketches/1/99_class_inpaint mask.png")
    with pytest.raises(ValueError, match="no frame '99'"):
        scene.sketches(1)


def test_fingerprint_changes_with_any_file(copy: Path) -> None:
    before = opened(copy).fingerprint()
    assert opened(copy).fingerprint() == before
    path = copy / "pose/3.txt"
    path.write_text(path.read_text() + " ")
    assert opened(copy).fingerprint() != before


def test_opening_and_reading_a_long_scan_needs_little_memory(write_scan: Callable[..., Path], tmp_path: Path) -> None:
    root = write_scan(tmp_path / "scan", count=1, color=(320, 240), depth=(320, 240))
    for index in range(1, 300):
        for folder, suffix in FILES.items():
            (root / folder / f"{index}{suffix}").symlink_to(root / folder / f"0{suffix}")
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scene = opened(root)
    count = sum(1 for _ in scene.frames())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 300
    assert peak < 40e6, "all frames together hold 250 MB, those read ahead 15"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100e3


@pytest.mark.parametrize("name", ["kitchen_a", "room_dining", "room_gym", "room_living"])
def test_real_exports_open_with_their_floor(shared_data: Path, name: str) -> None:
    scene = opened(shared_data / name)
    assert not scene.skipped and scene.groundtruth is not None
    height = scene.floor_height()
    assert height is not None and abs(height) < 0.005


def test_frames_that_are_skipped_are_not_even_opened(copy: Path) -> None:
    """The yaml hands `frame_skip` on to the reader: thousands of headers would be read for nothing."""
    for index in (1, 2, 4, 5):
        (copy / f"color/{index}.jpg").unlink()
    conf = OmegaConf.load(Path(o2recon.__file__).parent / "conf/scene/scannet.yaml")
    scene = instantiate(conf, root=str(copy), frame_skip=3)
    assert scene.indices == (0, 3, 6, 9) and scene.num_listed == 4
    assert len(ScanNetReader(frame_skip=3)(copy).shots) == 4
    assert opened(copy, frame_skip=3, max_bad_share=1.0).indices == scene.indices


@pytest.mark.parametrize(
    ("name", "told"), [("transforms.json", "it looks like scene=nerfstudio"), ("notes.md", "scene=LAYOUT reads others")]
)
def test_a_folder_of_another_layout_is_told_by_its_files(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=f"is missing: .*; {told}"):
        ScanNetReader()(tmp_path)
