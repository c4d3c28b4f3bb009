"""Ways in which captures, and what belongs to them, go wrong: each case breaks a good copy and says what to type."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from reliability.breaking import (
    CASES,
    LAYOUTS,
    case,
    cut,
    doing,
    each,
    emptied,
    flipped,
    huge_header,
    matrix,
    remade,
    several,
    text,
    versioned,
)

__all__ = ["CASES", "LAYOUTS"]

# ---- the scan's folder ----
several("is no folder", root_is_missing=lambda f: [f"scene.root={f / 'nowhere'}"])
several("is no folder", root_is_a_file=lambda f: [f"scene.root={f / 'pose' / '0.txt'}"])
several(
    "is missing",
    no_color=doing(work=lambda f: shutil.rmtree(f / "color")),
    no_depth=doing(work=lambda f: shutil.rmtree(f / "depth")),
    no_pose=doing(work=lambda f: shutil.rmtree(f / "pose")),
    no_intrinsic=doing(work=lambda f: shutil.rmtree(f / "intrinsic")),
    no_instances=doing(work=lambda f: shutil.rmtree(f / "instance-filt")),
    no_labels=doing(work=lambda f: shutil.rmtree(f / "label-filt")),
    no_label_table=doing(work=lambda f: (f / "scannetv2-labels.combined.tsv").unlink()),
)
several("scannetv2-labels", label_table_is_empty=doing(work=lambda f: emptied(f / "scannetv2-labels.combined.tsv")))
several(
    "scannetv2-labels",
    label_table_without_ids=doing(
        work=lambda f: (f / "scannetv2-labels.combined.tsv").write_text("id\traw_category\nx\tchair\n")
    ),
    label_table_is_binary=doing(
        work=lambda f: (f / "scannetv2-labels.combined.tsv").write_bytes(bytes(range(128, 256)) * 9)
    ),
)
several(
    "frames",
    frames_without_numbers=doing(
        work=lambda f: [
            p.rename(p.with_stem(f"a{p.stem}")) for k in ("color", "depth", "pose") for p in list((f / k).iterdir())
        ]
    ),
)

# ---- cameras ----
several("intrinsic_depth.txt", intrinsics_missing=doing(work=lambda f: (f / "intrinsic/intrinsic_depth.txt").unlink()))
several(
    "intrinsic_depth.txt",
    intrinsics_are_words=doing(work=lambda f: text("focal length 500")(f / "intrinsic/intrinsic_depth.txt")),
    intrinsics_2x2=doing(work=lambda f: text("500 0\n0 500\n")(f / "intrinsic/intrinsic_depth.txt")),
    intrinsics_nan=doing(work=lambda f: matrix(lambda k: k * np.nan)(f / "intrinsic/intrinsic_depth.txt")),
    intrinsics_of_larger_images=doing(
        work=lambda f: matrix(lambda k: k * [[9], [9], [1], [1]])(f / "intrinsic/intrinsic_depth.txt")
    ),
    focal_length_negative=doing(work=lambda f: matrix(lambda k: k * -1.0)(f / "intrinsic/intrinsic_depth.txt")),
)
several(
    "extrinsic_color.txt",
    extrinsics_move=doing(work=lambda f: np.savetxt(f / "intrinsic/extrinsic_color.txt", np.eye(4) + np.eye(4, k=3))),
)
several(
    "frames are damaged",
    poses_lost=doing(work=lambda f: each(f, "pose/*.txt", text("-inf -inf -inf -inf\n" * 4))),
    poses_scaled=doing(work=lambda f: each(f, "pose/*.txt", matrix(lambda p: p * 2.0))),
    poses_mirrored=doing(work=lambda f: each(f, "pose/*.txt", matrix(lambda p: p @ np.diag([1, 1, -1, 1])), every=1)),
    poses_are_words=doing(work=lambda f: each(f, "pose/*.txt", text("tracking lost"))),
    poses_empty=doing(work=lambda f: each(f, "pose/*.txt", emptied)),
    poses_missing=doing(work=lambda f: each(f, "pose/*.txt", Path.unlink)),
    poses_far_away=doing(work=lambda f: each(f, "pose/*.txt", matrix(lambda p: p + np.eye(4, k=3) * 1e300))),
)
several(
    "check",
    poses_inverted=doing(work=lambda f: each(f, "pose/*.txt", matrix(np.linalg.inv), every=1)),
    poses_opengl=doing(work=lambda f: each(f, "pose/*.txt", matrix(lambda p: p @ np.diag([1, -1, -1, 1])), every=1)),
    depth_in_centimetres=doing(
        work=lambda f: each(f, "depth/*.png", remade(lambda d: (d // 10).astype(np.uint16)), every=1)
    ),
)

# ---- images ----
several(
    "frames are damaged",
    depth_cut_short=doing(work=lambda f: each(f, "depth/*.png", cut)),
    depth_empty_files=doing(work=lambda f: each(f, "depth/*.png", emptied)),
    depth_8_bit=doing(work=lambda f: each(f, "depth/*.png", remade(lambda d: (d >> 8).astype(np.uint8)))),
    depth_in_color=doing(work=lambda f: each(f, "depth/*.png", remade(lambda d: np.dstack([d] * 3)))),
    depth_huge=doing(work=lambda f: each(f, "depth/*.png", huge_header)),
    depth_other_size=doing(work=lambda f: each(f, "depth/*.png", remade(lambda d: d[::2, ::2]), every=3)),
    depth_is_text=doing(work=lambda f: each(f, "depth/*.png", text("<html>404</html>"))),
    depth_missing=doing(work=lambda f: each(f, "depth/*.png", Path.unlink)),
    color_cut_short=doing(work=lambda f: each(f, "color/*.jpg", cut)),
    color_empty_files=doing(work=lambda f: each(f, "color/*.jpg", emptied)),
    color_is_text=doing(work=lambda f: each(f, "color/*.jpg", text("<html>404</html>"))),
    color_missing=doing(work=lambda f: each(f, "color/*.jpg", Path.unlink)),
    instances_in_color=doing(work=lambda f: each(f, "instance-filt/*.png", remade(lambda i: np.dstack([i] * 3)))),
    instances_cut_short=doing(work=lambda f: each(f, "instance-filt/*.png", cut)),
    instances_with_a_flipped_bit=doing(work=lambda f: each(f, "instance-filt/*.png", flipped, every=1)),
    labels_missing=doing(work=lambda f: each(f, "label-filt/*.png", Path.unlink)),
)
several(
    "holds no object ids",
    no_object_ids=doing(work=lambda f: each(f, "instance-filt/*.png", remade(np.zeros_like), every=1)),
)
several(
    "depth",
    no_depth_anywhere=doing(
        work=lambda f: each(f, "depth/*.png", remade(np.zeros_like), every=1), options=("object=1",)
    ),
)

# ---- options about the scan ----
several(
    "{name}",
    frame_skip=doing(options=("scene.frame_skip=0",)),
    max_bad_share=doing(options=("scene.max_bad_share=-1",)),
    depth_scale=doing(options=("scene.depth_scale=0",)),
)
several("object 99", object_that_is_not_there=doing(options=("object=99",)))
several("frames", object_hardly_seen=doing(options=("object=1", "objects.min_frames=50")))

# ---- sketches, masks, ids ----
SKETCH = "sketches/1/0_class_inpaint mask.png"


def sketched(folder: Path, name: str, image: np.ndarray) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / name), image)


several(
    "sketches",
    sketch_empty=doing(work=lambda f: sketched(f, SKETCH, np.zeros((120, 160), np.uint8)), options=("object=1",)),
    sketch_of_another_size=doing(
        work=lambda f: sketched(f, SKETCH, np.full((70, 40), 255, np.uint8)), options=("object=1",)
    ),
    sketch_of_no_frame=doing(
        work=lambda f: sketched(f, "sketches/1/999_class_inpaint mask.png", np.full((120, 160), 255, np.uint8)),
        options=("object=1",),
    ),
    sketch_cut_short=doing(
        work=lambda f: (sketched(f, SKETCH, np.full((120, 160), 255, np.uint8)), cut(f / SKETCH)), options=("object=1",)
    ),
)
several("boxes", boxes_missing=lambda f: [f"objects.boxes={f / 'boxes.yaml'}"])


@case("boxes.yaml")
def boxes_are_no_boxes(folder: Path) -> list[str]:
    (folder / "boxes.yaml").write_text("[{id: 1, center: [0, 0], size: big}]")
    return [f"objects.boxes={folder / 'boxes.yaml'}"]


@case("boxes.yaml")
def boxes_want_to_run_code(folder: Path) -> list[str]:
    (folder / "boxes.yaml").write_text("!!python/object/apply:os.system ['touch /tmp/o2recon_was_here']")
    return [f"objects.boxes={folder / 'boxes.yaml'}"]


@case("nowhere")
def tracker_folder_missing(folder: Path) -> list[str]:
    return ["instances=files", f"instances.folder={folder / 'nowhere'}"]


@case("masks")
def tracker_folder_empty(folder: Path) -> list[str]:
    (folder / "masks").mkdir()
    return ["instances=files", f"instances.folder={folder / 'masks'}"]


# ---- truth ----
several(
    "truth",
    truth_folder_missing=lambda f: [f"groundtruth={f / 'nowhere'}", "object=1"],
    truth_folder_without_truth=lambda f: [f"groundtruth={f / 'color'}"],
    stage="run",
)
several(
    "1.ply",
    truth_cut_short=doing(work=lambda f: cut(f / "groundtruth/1.ply"), options=("object=1",)),
    truth_is_text=doing(work=lambda f: text("no mesh")(f / "groundtruth/1.ply")),
    stage="run",
)


@case("object 1", stage="run")
def truth_of_another_object(folder: Path) -> list[str]:
    for file in (folder / "groundtruth").glob("1*"):
        file.unlink()
    return [f"groundtruth={folder / 'groundtruth'}", "object=1"]


# ---- other layouts ----
several(
    "transforms.json",
    layout="nerfstudio",
    transforms_missing=doing(work=lambda f: (f / "transforms.json").unlink()),
    transforms_cut_short=doing(work=lambda f: cut(f / "transforms.json")),
    transforms_empty=doing(work=lambda f: emptied(f / "transforms.json")),
    transforms_without_frames=doing(work=lambda f: edited(f, lambda t: {**t, "frames": []})),
    transforms_are_a_list=doing(work=lambda f: edited(f, lambda t: [t])),
    transforms_leave_the_folder=doing(
        work=lambda f: edited(
            f, lambda t: {**t, "frames": [{**x, "file_path": "../../etc/passwd"} for x in t["frames"]]}
        )
    ),
    transforms_with_nan=doing(work=lambda f: edited(f, lambda t: {**t, "fl_x": float("nan")})),
    transforms_of_a_panorama=doing(work=lambda f: edited(f, lambda t: {**t, "camera_model": "EQUIRECTANGULAR"})),
)
several(
    "transform_matrix",
    layout="nerfstudio",
    transforms_with_broken_poses=doing(
        work=lambda f: edited(
            f, lambda t: {**t, "frames": [{**x, "transform_matrix": [[1, 2], [3]]} for x in t["frames"]]}
        )
    ),
)
several(
    "sparse",
    layout="colmap",
    model_missing=doing(work=lambda f: shutil.rmtree(f / "sparse")),
    model_images_cut_short=doing(work=lambda f: cut(next(f.rglob("images.bin")))),
    model_cameras_cut_short=doing(work=lambda f: cut(next(f.rglob("cameras.bin")))),
    model_cameras_empty=doing(work=lambda f: emptied(next(f.rglob("cameras.bin")))),
)
several(
    ".sens",
    layout="scannet_raw",
    sens_missing=doing(work=lambda f: next(f.glob("*.sens")).unlink()),
    sens_cut_in_its_header=doing(
        work=lambda f: next(f.glob("*.sens")).write_bytes(next(f.glob("*.sens")).read_bytes()[:40])
    ),
    sens_of_another_version=doing(work=lambda f: versioned(next(f.glob("*.sens")), 9)),
    sens_empty=doing(work=lambda f: emptied(next(f.glob("*.sens")))),
)
several("instance", layout="scannet_raw", masks_zip_cut_short=doing(work=lambda f: cut(next(f.glob("*instance*.zip")))))
several(
    "instance",
    layout="scannet_raw",
    masks_zip_missing=doing(work=lambda f: [p.unlink() for p in f.glob("*instance*.zip")]),
)
several(
    "groundtruth.txt",
    layout="tum",
    trajectory_missing=doing(work=lambda f: (f / "groundtruth.txt").unlink()),
    trajectory_is_words=doing(work=lambda f: text("no numbers here\n" * 20)(f / "groundtruth.txt")),
)
several(
    "traj.txt", layout="replica", replica_trajectory_missing=doing(work=lambda f: next(f.rglob("traj*.txt")).unlink())
)
several(
    "info.txt",
    layout="bundlefusion",
    bundlefusion_without_calibration=doing(work=lambda f: next(f.rglob("info.txt")).unlink()),
)


def edited(folder: Path, change: Callable[[dict], object]) -> None:
    file = folder / "transforms.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
