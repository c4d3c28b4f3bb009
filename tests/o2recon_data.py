"""O2-Recon's own folders, written after the layout's description with numpy and OpenCV alone: a box on a floor."""

from pathlib import Path

import cv2
import numpy as np

PHOTOGRAPH = (1296, 968)
FOCAL = 1170.0
CENTER, SCALE = np.array([0.0, 0.0, 0.3]), 0.5196
"""Of the box [-0.3, 0.3]^2 x [0, 0.6], 4 decimals."""


def intrinsics(width: int, height: int) -> np.ndarray:
    """4x4, pixel centres at integers, of ScanNet's photograph scaled to another size; off centre on purpose."""
    k = np.eye(4)
    sx, sy = width / PHOTOGRAPH[0], height / PHOTOGRAPH[1]
    k[0, 0], k[1, 1] = FOCAL * sx, FOCAL * sy
    k[0, 2], k[1, 2] = (650.0 + 0.5) * sx - 0.5, (470.0 + 0.5) * sy - 0.5
    return k


def pose_of(index: int) -> np.ndarray:
    """Camera to world, looking at the box."""
    angle = 0.35 + 0.4 * index
    eye = np.array([1.8 * np.cos(angle), 1.8 * np.sin(angle), 1.3])
    forward = (CENTER - eye) / np.linalg.norm(CENTER - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, eye], 1)
    return pose


def render(pose: np.ndarray, k: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z-depth (metres), mask of the box, camera-frame normal (OpenCV) of the box."""
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones(u.shape)], -1) @ pose[:3, :3].T
    eye = pose[:3, 3]
    with np.errstate(divide="ignore"):
        near = np.minimum((np.array([-0.3, -0.3, 0.0]) - eye) / rays, (np.array([0.3, 0.3, 0.6]) - eye) / rays)
        far = np.maximum((np.array([-0.3, -0.3, 0.0]) - eye) / rays, (np.array([0.3, 0.3, 0.6]) - eye) / rays)
        floor = -eye[2] / rays[..., 2]
    enter, axis = near.max(-1), near.argmax(-1)
    mask = (enter < far.min(-1)) & (enter > 0)
    world = -np.eye(3)[axis] * np.sign(rays)
    depth = np.where(mask, enter, np.where((floor > 0) & (floor < 8), floor, 0))
    return depth, mask, np.where(mask[..., None], world @ pose[:3, :3], 0)


def write_training(root: Path, *, count: int = 4) -> Path:
    """`<scene>_scannet_obj_<id>_inpainted` by the layout's text."""
    folder = root / "scene0005_00_scannet_obj_3_inpainted"
    for kind in ("image", "mask", "depth", "scale_depth", "pose", "extrin_norm", "pred_normal", "image_filled"):
        (folder / kind).mkdir(parents=True)
    cropped = intrinsics(*PHOTOGRAPH)
    cropped[0, 2] -= 24
    cropped[1, 2] -= 16
    cropped[:2] /= 1.95
    matrices = {}
    for i in range(count):
        pose = pose_of(i)
        _, photo, _ = render(pose, intrinsics(*PHOTOGRAPH), *PHOTOGRAPH)
        image = cv2.resize(np.where(photo, 200, 40).astype(np.uint8)[16:952, 24:1272], (640, 480))
        mask = np.where(image > 120, 255, 0).astype(np.uint8)
        cv2.imwrite(str(folder / "image" / f"{i:04d}.png"), np.repeat(image[..., None], 3, -1))
        cv2.imwrite(str(folder / "image_filled" / f"{i:04d}.jpg"), np.repeat(image[..., None], 3, -1))
        cv2.imwrite(str(folder / "mask" / f"{i:04d}.png"), mask)
        depth, _, _ = render(pose, intrinsics(640, 480), 640, 480)
        cv2.imwrite(str(folder / "depth" / f"{i:04d}.png"), np.rint(depth * 1000).astype(np.uint16))
        cv2.imwrite(str(folder / "scale_depth" / f"{i:04d}.png"), np.rint(depth * 1000 / SCALE).astype(np.uint16))
        _, _, normal = render(pose, cropped, 640, 480)
        eight_bit = np.where(mask[..., None] > 0, np.rint((-normal + 1) / 2 * 255), 0).astype(np.uint8)
        np.savez(folder / "pred_normal" / f"{i:04d}.npz", eight_bit.astype(np.float64) / 255 * 2 - 1)
        np.savetxt(folder / "pose" / f"{i:04d}.txt", pose)
        norm = pose.copy()
        norm[:3, 3] = (norm[:3, 3] - CENTER) / SCALE
        np.savetxt(folder / "extrin_norm" / f"{i:04d}.txt", norm)
        np.savetxt(folder / "extrin_norm" / f"{i:04d}_inv.txt", np.linalg.inv(norm))
        matrices[f"world_mat_{i}"] = cropped @ np.linalg.inv(norm)
        matrices[f"scale_mat_{i}"] = np.eye(4)
    np.savez(folder / "cameras_sphere.npz", **matrices)
    to_world = np.diag([SCALE, SCALE, SCALE, 1.0])
    to_world[:3, 3] = CENTER
    np.savetxt(folder / "trans_n2w.txt", to_world, fmt="%.4f")
    (folder / "semantic.txt").write_text("night stand")
    (folder / "clip_scores.json").write_text('{"0": 0.25, "1": 0.27}')
    write_cloud(folder)
    return folder


def write_cloud(folder: Path) -> Path:
    """`point_cloud_scan_norm.ply`: points on the box's upper faces, object units, as text."""
    side = np.linspace(-0.3, 0.3, 41)
    a, b = (v.ravel() for v in np.meshgrid(side, side))
    faces = [np.stack([a, b, np.full(a.size, 0.6)], 1)]
    for sign in (-0.3, 0.3):
        faces += [np.stack([np.full(a.size, sign), a, b + 0.3], 1), np.stack([a, np.full(a.size, sign), b + 0.3], 1)]
    points = (np.concatenate(faces) - CENTER) / SCALE
    file = folder / "point_cloud_scan_norm.ply"
    header = f"ply\nformat ascii 1.0\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
    file.write_text(header + "\n".join(" ".join(f"{x:.6f}" for x in point) for point in points) + "\n")
    return file


def write_object(root: Path, *, object_id: int = 3, first: int = 0, count: int = 6) -> Path:
    """`<scene>_scannet_obj_<id>` by the layout's text; `first`: of the scan's views, which it numbers from 0. The box
    has id 3, the floor 7."""
    folder = root / f"scene0005_00_scannet_obj_{object_id}"
    for kind in ("image", "origin_image", "mask", "inst", "depth", "pose", "intrinsic"):
        (folder / kind).mkdir(parents=True)
    for kind, size in (("color", (324, 242)), ("depth", (160, 120))):
        np.savetxt(folder / "intrinsic" / f"intrinsic_{kind}.txt", intrinsics(*size))
        np.savetxt(folder / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4))
    for i in range(count):
        pose = pose_of(first + i)
        _, photo, _ = render(pose, intrinsics(324, 242), 324, 242)
        own = photo if object_id == 3 else ~photo
        color = np.repeat(np.where(photo, 200, 40).astype(np.uint8)[..., None], 3, -1)
        cv2.imwrite(str(folder / "origin_image" / f"{i}.jpg"), color)
        cv2.imwrite(str(folder / "image" / f"{i}.jpg"), np.where(own[..., None], color, 0))
        cv2.imwrite(str(folder / "mask" / f"{i}.png"), np.where(own, 255, 0).astype(np.uint8))
        cv2.imwrite(str(folder / "inst" / f"{i}.png"), np.where(photo, 3, 7).astype(np.uint8))
        depth, _, _ = render(pose, intrinsics(160, 120), 160, 120)
        cv2.imwrite(str(folder / "depth" / f"{i}.png"), np.rint(depth * 1000).astype(np.uint16))
        np.savetxt(folder / "pose" / f"{i}.txt", pose)
    (folder / "semantic.txt").write_text("night stand" if object_id == 3 else "rug")
    (folder / "clip_scores.json").write_text('{"0": 0.25}')
    return folder
