"""One rendered scan in the layouts of SLAM benchmarks and phone apps, written by hand after their descriptions.

Nothing of the package is used: conventions are spelled out, so that a reader that mistakes one disagrees.
"""

import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Turns our +z up into ARKit's +y up."""


@dataclass(frozen=True)
class View:
    """`k`: of colour, pixel centres at integers. `pose`: camera_to_world, OpenCV axes, +z up."""

    index: int
    color: np.ndarray
    depth: np.ndarray
    ids: np.ndarray
    pose: np.ndarray
    k: np.ndarray
    depth_k: np.ndarray


def views_of(scan: Path) -> list[View]:
    """What a folder in ScanNet's layout holds. `depth`: uint16 millimetres."""
    ks = [np.loadtxt(scan / "intrinsic" / f"intrinsic_{kind}.txt")[:3, :3] for kind in ("color", "depth")]
    views = []
    for index in range(len(list((scan / "pose").iterdir()))):
        read = [
            cv2.imread(str(scan / f"{name}/{index}.png"), cv2.IMREAD_UNCHANGED) for name in ("depth", "instance-filt")
        ]
        color = cv2.imread(str(scan / f"color/{index}.jpg"))
        color[..., 2] //= 2  # red and blue differ: swapped channels show
        views.append(View(index, color, *read, np.loadtxt(scan / f"pose/{index}.txt"), *ks))
    return views


def write_ids(root: Path, views: list[View], numbers: list[int] | None = None) -> None:
    for number, view in zip(numbers or [v.index for v in views], views, strict=True):
        write_image(root / "instance-filt" / f"{number}.png", view.ids)


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def quaternion(rotation: np.ndarray) -> str:
    return " ".join(f"{value:.17g}" for value in Rotation.from_matrix(rotation).as_quat())


def arkit_pose(view: View) -> np.ndarray:
    """ARKit: camera +y up and -z forward, world +y up."""
    pose = np.eye(4)
    pose[:3, :3] = Y_UP @ view.pose[:3, :3] * [1, -1, -1]
    pose[:3, 3] = Y_UP @ view.pose[:3, 3]
    return pose


def corner(k: np.ndarray) -> tuple[float, float, float, float]:
    """fx fy cx cy with the principal point counted from the image's corner, as ARKit does."""
    return k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5


def write_tum(root: Path, views: list[View]) -> Path:
    start = 1305031102.175304
    lists: dict[str, list[str]] = {"rgb": [], "depth": [], "groundtruth": []}
    for view in views:
        time = start + view.index / 30
        for kind, image in (("rgb", view.color), ("depth", view.depth * 5)):
            stamp = f"{time + (0.011 if kind == 'depth' else 0):.6f}"
            lists[kind].append(f"{stamp} {kind}/{stamp}.png")
            write_image(root / kind / f"{stamp}.png", image)
        position = " ".join(f"{value:.17g}" for value in view.pose[:3, 3])
        lists["groundtruth"].append(f"{time:.6f} {position} {quaternion(view.pose[:3, :3])}")
    heads = {"rgb": "color images", "depth": "depth maps", "groundtruth": "ground truth trajectory"}
    for name, lines in lists.items():
        head = f"# {heads[name]}\n# file: 'rgbd_dataset_freiburg1_xyz.bag'\n# timestamp filename\n"
        (root / f"{name}.txt").write_text(head + "\n".join(lines) + "\n")
    k = views[0].k
    (root / "calibration.txt").write_text(f"{k[0, 0]:.17g} {k[1, 1]:.17g} {k[0, 2]:.17g} {k[1, 2]:.17g}\n")
    write_ids(root, views)
    return root


def write_seven_scenes(root: Path, views: list[View]) -> Path:
    for view in views:
        folder = root / f"seq-{1 + view.index % 2:02d}"
        stem = folder / f"frame-{view.index:06d}"
        write_image(Path(f"{stem}.color.png"), view.color)
        write_image(Path(f"{stem}.depth.png"), np.where(view.depth == 0, 65535, view.depth).astype(np.uint16))
        np.savetxt(f"{stem}.pose.txt", view.pose, fmt="%.17g", delimiter="\t ")
    write_ids(root, views, [(1 + v.index % 2) * 1_000_000 + v.index for v in views])
    return root


def write_bundlefusion(root: Path, views: list[View], *, shift: int = 1000) -> Path:
    for view in views:
        stem = root / f"frame-{view.index:06d}"
        write_image(Path(f"{stem}.color.jpg"), view.color)
        write_image(Path(f"{stem}.depth.png"), view.depth * (shift // 1000))
        np.savetxt(f"{stem}.pose.txt", view.pose, fmt="%.17g")
    write_ids(root, views)
    lines = ["m_versionNumber = 4", "m_sensorName = StructureSensor"]
    for kind, image in (("color", views[0].color), ("depth", views[0].depth)):
        lines += [f"m_{kind}Width = {image.shape[1]}", f"m_{kind}Height = {image.shape[0]}"]
    lines.append(f"m_depthShift = {shift}")
    identity = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
    for kind, k in (("Color", views[0].k), ("Depth", views[0].depth_k)):
        matrix = f"{k[0, 0]:.17g} 0 {k[0, 2]:.17g} 0 0 {k[1, 1]:.17g} {k[1, 2]:.17g} 0 0 0 1 0 0 0 0 1"
        lines += [f"m_calibration{kind}Intrinsic = {matrix} ", f"m_calibration{kind}Extrinsic = {identity} "]
    (root / "info.txt").write_text("\n".join([*lines, f"m_frames.size = {len(views)}"]) + "\n")
    return root


def write_polycam(root: Path, views: list[View], *, corrected: bool = True) -> Path:
    prefix = "corrected_" if corrected else ""
    for view in views:
        time = 638443502000 + 1000 * view.index
        frames = root / "keyframes"
        write_image(frames / f"{prefix}images" / f"{time}.jpg", view.color)
        write_image(frames / "depth" / f"{time}.png", view.depth)
        write_image(frames / "confidence" / f"{time}.png", np.full(view.depth.shape, 255, np.uint8))
        pose, (fx, fy, cx, cy) = arkit_pose(view), corner(view.k)
        camera = {f"t_{row}{column}": pose[row, column] for row in range(3) for column in range(4)}
        camera |= {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "blur_score": 115.28, "timestamp": time}
        camera |= {"width": view.color.shape[1], "height": view.color.shape[0]}
        file = frames / f"{prefix}cameras" / f"{time}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(camera))
    write_ids(root, views)
    return root


def record3d_metadata(views: list[View]) -> bytes:
    first = corner(views[0].k)
    k = [first[0], 0, 0, 0, first[1], 0, first[2], first[3], 1]
    poses = [[*Rotation.from_matrix(p[:3, :3]).as_quat().tolist(), *p[:3, 3].tolist()] for p in map(arkit_pose, views)]
    content = {"w": views[0].color.shape[1], "h": views[0].color.shape[0], "fps": 60, "K": k, "poses": poses}
    content |= {"dw": views[0].depth.shape[1], "dh": views[0].depth.shape[0], "initPose": [0, 0, 0, 1, 0, 0, 0]}
    content |= {"perFrameIntrinsicCoeffs": [list(corner(view.k)) for view in views]}
    return json.dumps(content).encode()


def raw_lzfse(data: bytes) -> bytes:
    """LZFSE's block of raw bytes."""
    return b"bvx-" + struct.pack("<I", len(data)) + data + b"bvx$"


def record3d_files(views: list[View]) -> dict[str, bytes]:
    files = {"metadata": record3d_metadata(views)}
    for view in views:
        files[f"rgbd/{view.index}.jpg"] = cv2.imencode(".jpg", view.color)[1].tobytes()
        files[f"rgbd/{view.index}.depth"] = raw_lzfse((view.depth / 1000).astype("<f4").tobytes())
        files[f"rgbd/{view.index}.conf"] = raw_lzfse(bytes([2]) * view.depth.size)
    return files


def write_record3d(root: Path, views: list[View]) -> Path:
    root.mkdir(parents=True)
    with zipfile.ZipFile(root / "2026-11-22--10-00-00.r3d", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in record3d_files(views).items():
            archive.writestr(name, data)
    write_ids(root, views)
    return root


def write_record3d_unzipped(root: Path, views: list[View]) -> Path:
    for name, data in record3d_files(views).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    write_ids(root, views)
    return root


def raw_exr(depth: np.ndarray) -> bytes:
    """An OpenEXR file of one channel R of floats, stored line by line as they are."""
    height, width = depth.shape

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value

    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = b"\x76\x2f\x31\x01\x02\0\0\0"
    head += attribute("channels", "chlist", b"R\0" + struct.pack("<iIii", 2, 0, 1, 1) + b"\0")
    head += attribute("compression", "compression", b"\0")
    head += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window)
    head += attribute("lineOrder", "lineOrder", b"\0") + attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", bytes(8))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    lines = [struct.pack("<ii", y, 4 * width) + depth[y].astype("<f4").tobytes() for y in range(height)]
    start = len(head) + 8 * height
    return head + b"".join(struct.pack("<Q", start + y * len(lines[0])) for y in range(height)) + b"".join(lines)


def write_record3d_exr(root: Path, views: list[View]) -> Path:
    folder = root / "EXR_RGBD"
    for view in views:
        write_image(folder / "rgb" / f"{view.index}.jpg", view.color)
        file = folder / "depth" / f"{view.index}.exr"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(raw_exr(view.depth / 1000))
    (folder / "metadata.json").write_bytes(record3d_metadata(views))
    write_ids(root, views)
    return root


def write_arkit_scenes(root: Path, views: list[View]) -> Path:
    video, lines = "47333462", []
    folder = root / f"{video}_frames"
    for view in views:
        time = 6845.706 + view.index / 10
        write_image(folder / "lowres_wide" / f"{video}_{time:.3f}.png", view.color)
        write_image(folder / "lowres_depth" / f"{video}_{time:.3f}.png", view.depth)
        numbers = (view.color.shape[1], view.color.shape[0], *corner(view.k))
        pincam = folder / "lowres_wide_intrinsics" / f"{video}_{time + 0.001:.3f}.pincam"
        pincam.parent.mkdir(exist_ok=True)
        pincam.write_text(" ".join(repr(float(number)) for number in numbers))
        world_to_camera = np.linalg.inv(view.pose)
        turn = cv2.Rodrigues(world_to_camera[:3, :3])[0].ravel()
        lines.append(" ".join(f"{value:.17g}" for value in (time + 0.0002, *turn, *world_to_camera[:3, 3])))
    (folder / "lowres_wide.traj").write_text("\n".join(lines) + "\n")
    write_ids(folder, views)
    return root


def write_stray_scanner(root: Path, views: list[View]) -> Path:
    """With extracted frames instead of the video, which would change colours."""
    rows = ["timestamp, frame, x, y, z, qx, qy, qz, qw, fx, fy, cx, cy, distortion_center_x, distortion_center_y"]
    for view in views:
        write_image(root / "rgb" / f"{view.index:06d}.png", view.color)
        write_image(root / "depth" / f"{view.index:06d}.png", view.depth)
        write_image(root / "confidence" / f"{view.index:06d}.png", np.full(view.depth.shape, 2, np.uint8))
        position = ", ".join(f"{value:.17g}" for value in Y_UP @ view.pose[:3, 3])
        turn = quaternion(Y_UP @ view.pose[:3, :3]).replace(" ", ", ")
        lens = ", ".join(repr(float(value)) for value in corner(view.k))
        rows.append(f"{100 + view.index / 60:.6f}, {view.index:06d}, {position}, {turn}, {lens}, , ")
    (root / "odometry.csv").write_text("\n".join(rows) + "\n")
    (root / "camera_matrix.csv").write_text("1600.0, 0.0, 960.0\n0.0, 1600.0, 720.0\n0.0, 0.0, 1.0")
    write_ids(root, views)
    return root
