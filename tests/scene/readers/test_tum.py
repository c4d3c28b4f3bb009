"""TUM RGB-D: association, poses between times, lenses by name; and a folder written out after the benchmark's pages."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from o2recon.scene.readers import TumReader
from o2recon.scene.readers.timed import inside, paired
from o2recon.scene.readers.trajectory import Trajectory

RGB = """# color images
# file: 'rgbd_dataset_freiburg1_desk.bag'
# timestamp filename
1305031452.791720 rgb/1305031452.791720.png
1305031452.823674 rgb/1305031452.823674.png
1305031452.859642 rgb/1305031452.859642.png
1305031452.991692 rgb/1305031452.991692.png
"""
DEPTH = """# depth maps
# file: 'rgbd_dataset_freiburg1_desk.bag'
# timestamp filename
1305031452.781420,depth/1305031452.781420.png
1305031452.829674\tdepth/1305031452.829674.png
1305031452.885000 depth/1305031452.885000.png
1305031452.989900 depth/1305031452.989900.png
"""
GROUNDTRUTH = """# ground truth trajectory
# file: 'rgbd_dataset_freiburg1_desk.bag'
# timestamp tx ty tz qx qy qz qw
1305031452.791720 1.0 2.0 1.5 0.0 0.0 0.0 1.0
1305031452.8017 nan nan nan 0.0 0.0 0.0 1.0
1305031452.813674 1.0 0.0 1.5 0.0 0.0 0.0 1.0
1305031452.833674 3.0 0.0 1.5 0.0 0.0 0.7071067811865476 0.7071067811865476
1305031452.9917 0.0 0.0 0.0 -0.5 0.5 -0.5 0.5
"""


def write(root: Path, *, size: tuple[int, int] = (640, 480)) -> Path:
    for name, text in (("rgb", RGB), ("depth", DEPTH), ("groundtruth", GROUNDTRUTH)):
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.txt").write_text(text)
        for line in text.replace(",", " ").splitlines():
            if line.split()[-1].endswith(".png"):
                file = root / line.split()[1]
                file.parent.mkdir(exist_ok=True)
                image = np.zeros((size[1], size[0], 3), np.uint8)
                image[:] = (10, 20, 200)  # OpenCV's order: red
                cv2.imwrite(str(file), image if name == "rgb" else np.full(size[::-1], 5000, np.uint16))
    return root


def reader(
    intrinsics: str | Sequence[float] = "auto", *, trajectory: str = "groundtruth.txt", max_difference: float = 0.02
) -> TumReader:
    return TumReader(intrinsics=intrinsics, trajectory=trajectory, max_difference=max_difference)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return write(tmp_path / "rgbd_dataset_freiburg1_desk")


def test_frames_are_those_with_depth_and_pose_within_20_ms(desk: Path) -> None:
    """The third image's depth is 25 ms away; the benchmark's associate.py leaves it out as well."""
    capture = reader()(desk)
    assert [shot.index for shot in capture.shots] == [0, 1, 3]
    assert not capture.damaged
    names = [Path(shot.depth.source).name for shot in capture.shots if shot.depth]
    assert names == ["1305031452.781420.png", "1305031452.829674.png", "1305031452.989900.png"]
    assert capture.shots[0].color.read()[0, 0].tolist() == [200, 20, 10]
    depth = capture.shots[0].depth
    assert depth is not None and depth.read()[0, 0] * 0.0002 == pytest.approx(1.0)


def test_poses_are_camera_to_world_with_the_quaternions_real_part_last_taken_at_the_images_time(desk: Path) -> None:
    shots = reader()(desk).shots
    np.testing.assert_allclose(shots[0].camera_to_world, [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 1.5], [0, 0, 0, 1]])
    half = np.sqrt(0.5)  # half way between no turn and a quarter turn about +z
    expected = [[half, -half, 0, 2], [half, half, 0, 0], [0, 0, 1, 1.5], [0, 0, 0, 1]]
    np.testing.assert_allclose(shots[1].camera_to_world, expected, atol=1e-6)
    # a level camera that looks along +x: its right is -y, its down is -z
    np.testing.assert_allclose(shots[2].camera_to_world[:3, :3], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-12)


def test_the_lens_goes_by_the_name_in_the_path_with_its_distortion_and_half_a_pixel(desk: Path) -> None:
    capture = reader()(desk)
    lens = capture.shots[0].lens
    np.testing.assert_allclose(lens.camera.intrinsics, [[517.3, 0, 319.1], [0, 516.5, 255.8], [0, 0, 1]])
    assert lens.distortion == (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)
    assert capture.shots[0].depth_lens is None
    np.testing.assert_array_equal(capture.up, [0, 0, 1])


def test_the_option_wins_over_the_file_and_the_file_over_the_name(desk: Path, tmp_path: Path) -> None:
    (desk / "calibration.txt").write_text("500 501 320.5 240.5\n")
    np.testing.assert_allclose(
        reader()(desk).shots[0].lens.camera.intrinsics, [[500, 0, 321], [0, 501, 241], [0, 0, 1]]
    )
    lens = reader("ros")(desk).shots[0].lens
    np.testing.assert_allclose(lens.camera.intrinsics, [[525, 0, 320], [0, 525, 240], [0, 0, 1]])
    assert lens.distortion == ()
    assert reader([1000, 1000, 320, 240, 0.1, 0, 0, 0])(desk).shots[0].lens.distortion == (0.1, 0, 0, 0)
    other = desk.rename(tmp_path / "office")
    (other / "calibration.txt").unlink()
    with pytest.raises(ValueError, match=r"office has no calibration.txt .* set scene.reader.intrinsics"):
        reader()(other)
    assert reader("freiburg3")(other).up is None


def test_a_lens_that_is_not_for_these_images_is_refused(tmp_path: Path) -> None:
    small = write(tmp_path / "freiburg2_small", size=(320, 240))
    with pytest.raises(ValueError, match=r"the lens of freiburg2 does not fit images of 320x240"):
        reader()(small)


def test_damaged_images_are_named_and_the_others_stay(desk: Path) -> None:
    file = desk / "depth" / "1305031452.829674.png"
    file.write_bytes(file.read_bytes()[:100])
    capture = reader()(desk)
    assert [shot.index for shot in capture.shots] == [0, 3]
    assert capture.damaged == {1: f"{file} is truncated"}


def test_clocks_that_do_not_overlap_are_named_with_their_spans(desk: Path) -> None:
    (desk / "groundtruth.txt").write_text("".join(f"{t} 0 0 0 0 0 0 1\n" for t in range(10)))
    with pytest.raises(ValueError, match=r"none are within 0.02 s of each other .*0.000 to 9.000 s"):
        reader()(desk)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("rgb.txt", "1305031452.79 ../../../etc/passwd\n", r"files must lie in"),
        ("rgb.txt", "1305031452.79 /etc/passwd\n", r"must lie in"),
        ("rgb.txt", "# nothing\n", r"lists no file"),
        ("depth.txt", "soon depth/1.png\n", r"line 1 does not begin with a time"),
        ("depth.txt", "1305031452.79\n", r"line 1 is no line of time and file"),
        ("groundtruth.txt", "1 2 3\n", r"has 3, a pose has 8"),
        ("groundtruth.txt", "1 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n", r"fewer than two poses"),
        ("groundtruth.txt", "1 0 0 0 0 0 0 one\n", r"line 1 holds more than numbers"),
        ("calibration.txt", "525 525\n", r"must hold one line: fx fy cx cy"),
    ],
)
def test_what_is_wrong_in_a_list_is_named_with_file_and_line(desk: Path, file: str, text: str, message: str) -> None:
    (desk / file).write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        reader()(desk)
    assert str(desk / file) in str(error.value)


@pytest.mark.parametrize(
    "options",
    [{"intrinsics": "kinect"}, {"intrinsics": [1.0, 2.0]}, {"max_difference": 0.0}, {"max_difference": np.nan}],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"scene\.reader\."):
        reader(**options)  # type: ignore[arg-type]


def test_pairs_are_those_of_the_benchmarks_script() -> None:
    """All pairs below the tolerance, nearest first, each entry once: as associate.py does, by force."""
    chance = np.random.default_rng(3)
    first = np.sort(chance.uniform(0, 3, 90))
    second = np.sort(first[:80] + chance.normal(0, 0.02, 80))
    potential = sorted(
        (abs(a - b), i, j) for i, a in enumerate(first) for j, b in enumerate(second) if abs(a - b) < 0.02
    )
    expected: dict[int, int] = {}
    for _, i, j in potential:
        if i not in expected and j not in expected.values():
            expected[i] = j
    assert paired(first, second, 0.02) == expected
    assert 20 < len(expected) < 80


def test_a_trajectory_is_not_stretched_over_gaps() -> None:
    poses = np.zeros((3, 7))
    poses[:, 0], poses[:, 6] = [0, 1, 2], 1
    trajectory = Trajectory(np.array([0.0, 0.01, 1.0]), poses)
    at = trajectory.at(np.array([-0.5, -0.01, 0.005, 0.02, 0.5, 0.99, 1.01, 5.0]), 0.02)
    np.testing.assert_allclose(at[:, 0, 3], [np.nan, 0, 0.5, 1, np.nan, 2, 2, np.nan])


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "C:\\x", "", "a\x00b"])
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the list names"):
        inside(tmp_path, name, "the list")
    assert inside(tmp_path, "rgb/1..2.png", "the list") == tmp_path / "rgb/1..2.png"
