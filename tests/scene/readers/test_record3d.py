"""Record3D: what its metadata says and what may be wrong in a recording."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import phone_layouts as layouts
import pytest
from phone_layouts import View

from o2recon.scene import DamagedFrame
from o2recon.scene.readers import Record3dReader


@pytest.fixture(scope="module")
def views(write_scan: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    return layouts.views_of(write_scan(tmp_path_factory.mktemp("scans") / "scan", count=4))


def test_a_recording_may_be_named_itself_or_by_its_folder(views: list[View], tmp_path: Path) -> None:
    root = layouts.write_record3d(tmp_path / "recording", views)
    (file,) = root.glob("*.r3d")
    read = Record3dReader(min_confidence=1)
    assert [s.color.source for s in read(root).shots] == [s.color.source for s in read(file).shots]
    before = sorted(p.name for p in root.rglob("*"))
    for shot in read(file).shots:
        shot.color.read()
    assert sorted(p.name for p in root.rglob("*")) == before, "an archive is never unpacked"
    shutil.copy(file, root / "other.r3d")
    with pytest.raises(ValueError, match=r"holds 2 .r3d files: set scene.root to one of them"):
        read(root)


def metadata_of(views: list[View]) -> dict[str, object]:
    return dict(json.loads(layouts.record3d_metadata(views)))


def unzipped(root: Path, views: list[View], metadata: object) -> Path:
    layouts.write_record3d_unzipped(root, views)
    (root / "metadata").write_text(metadata if isinstance(metadata, str) else json.dumps(metadata))
    return root


def test_the_first_frames_intrinsics_serve_all_where_frames_have_none(views: list[View], tmp_path: Path) -> None:
    """K is column-major: fx, 0, 0, 0, fy, 0, cx, cy, 1."""
    metadata = metadata_of(views) | {"K": [140.5, 0, 0, 0, 141.5, 0, 79.25, 60.75, 1]}
    del metadata["perFrameIntrinsicCoeffs"]
    shots = Record3dReader(min_confidence=1)(unzipped(tmp_path / "r", views, metadata)).shots
    assert len(shots) == len(views)
    for shot in shots:
        np.testing.assert_array_equal(shot.lens.camera.intrinsics, [[140.5, 0, 79.25], [0, 141.5, 60.75], [0, 0, 1]])


def test_nothing_says_which_way_is_up_when_poses_begin_with_the_identity(views: list[View], tmp_path: Path) -> None:
    metadata = metadata_of(views)
    metadata["poses"][0] = [0, 0, 0, 1, 0, 0, 0]  # type: ignore[index]
    capture = Record3dReader(min_confidence=1)(unzipped(tmp_path / "r", views, metadata))
    assert capture.up is None
    np.testing.assert_array_equal(capture.shots[0].camera_to_world, np.diag([1, -1, -1, 1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{", r"is no JSON"),
        ({"poses": None}, r"has no 'poses'"),
        ({"poses": [[0, 0, 0, 1, 0, 0]] * 4}, r"'poses' must hold 7 numbers"),
        ({"poses": [[0, 0, 0, 1, 0, 0, 0]] * 4}, r"only recordings of the LiDAR camera have poses"),
        ({"poses": [[0, 0, 0, True, 0, 0, 0]] * 4}, r"'poses' must hold 7 numbers"),
        ({"poses": [[10**400, 0, 0, 1, 0, 0, 0]] * 4}, r"beyond all bounds"),
        ({"perFrameIntrinsicCoeffs": [[1, 1, 1, 1]]}, r"4 poses but 1 perFrameIntrinsicCoeffs"),
        ({"perFrameIntrinsicCoeffs": [], "K": [1, 2]}, r"'K' must hold 9 numbers"),
        ({"w": 10**6, "h": 10**6}, r"must be the size of images"),
        ({"dw": 0}, r"must be the size of images"),
    ],
)
def test_what_is_wrong_in_the_metadata_is_named(
    views: list[View], tmp_path: Path, change: dict[str, object] | str, message: str
) -> None:
    metadata = change if isinstance(change, str) else metadata_of(views) | change
    root = unzipped(tmp_path / "r", views, metadata)
    with pytest.raises(ValueError, match=message) as error:
        Record3dReader(min_confidence=1)(root)
    assert str(root / "metadata") in str(error.value)


@pytest.mark.parametrize("packed", [True, False])
def test_damaged_frames_of_a_recording_are_named(views: list[View], tmp_path: Path, packed: bool) -> None:
    files = layouts.record3d_files(views)
    del files["rgbd/0.depth"]
    files["rgbd/1.depth"] = files["rgbd/1.depth"][:1000]
    files["rgbd/2.jpg"] = b"\xff\xd8 no image"
    if packed:
        root = tmp_path / "recording.r3d"
        with zipfile.ZipFile(root, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        root = tmp_path / "recording"
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
    capture = Record3dReader(min_confidence=1)(root)
    assert "rgbd/0.depth is missing" in capture.damaged[0]
    shots = {shot.index: shot for shot in capture.shots}
    assert set(shots) == {1, 2, 3}
    assert shots[1].depth is not None
    with pytest.raises(DamagedFrame, match=r"recording.*rgbd/1\.depth.*LZFSE"):
        shots[1].depth.read()
    with pytest.raises(DamagedFrame, match=r"recording.*rgbd/2\.jpg"):
        shots[2].color.read()


def test_depth_of_low_confidence_is_dropped_from_recordings(views: list[View], tmp_path: Path) -> None:
    root = layouts.write_record3d_unzipped(tmp_path / "r", views)
    confidence = np.full(views[0].depth.shape, 1, np.uint8)
    confidence[:60] = 0
    (root / "rgbd" / "0.conf").write_bytes(confidence.tobytes())  # not packed: so small files are
    for least in (0, 1, 2):
        depth = Record3dReader(min_confidence=least)(root).shots[0].depth
        assert depth is not None
        kept = (depth.read() > 0) == ((views[0].depth > 0) & (confidence >= least))
        assert kept.all()
