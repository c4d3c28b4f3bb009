"""Writer of BundleFusion's sequences."""

from pathlib import Path

from o2recon.progress import track
from o2recon.scene.readers.masks_beside import FOLDER
from o2recon.scene.scene import Scene
from o2recon.scene.writers.folder import converted_folder, warn_of_lost_labels
from o2recon.scene.writers.pictures import ids_image, pinhole_numbers
from o2recon.types import Frame
from o2recon.workspace import depth_to_millimetres, write_image

IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"


class BundleFusionWriter:
    """`frame-000000.{color.jpg,depth.png,pose.txt}` and info.txt; colour and depth on the scene's one camera.

    Colour as JPEG of quality 95, as the layout has it; depth in millimetres. Object ids lie in instance-filt/, which
    only our reader knows. The layout does not say which way is up: reading needs scene.up=[0,0,1], which the
    conversion's notes hold. ValueError for a scene without depth.
    """

    def __init__(self, *, root: str | Path) -> None:
        self.root = Path(root)

    def __call__(self, scene: Scene) -> None:
        """Writes all usable frames of the scene."""
        if not scene.has_depth:
            raise ValueError(f"{scene.root} has no depth, which this layout needs: choose convert=nerfstudio or colmap")
        numbers = pinhole_numbers(scene)
        options = ["scene.up=[0,0,1]"]
        warn_of_lost_labels(scene, "BundleFusion")
        with converted_folder(self.root, scene, layout="bundlefusion", options=options) as temporary:
            written = scene.each(lambda index: _write(temporary, scene.frame(index), scene.has_instances))
            for _ in track(written, description="BundleFusion", total=len(scene.indices)):
                pass  # read, packed and written by several threads
            (temporary / "info.txt").write_text(_info(scene, numbers))


def _write(root: Path, frame: Frame, has_instances: bool) -> None:
    stem = f"frame-{frame.index:06d}"
    write_image(root / f"{stem}.color.jpg", frame.color)
    write_image(root / f"{stem}.depth.png", depth_to_millimetres(frame.depth))
    rows = (" ".join(repr(float(value)) for value in row) for row in frame.camera_to_world)
    (root / f"{stem}.pose.txt").write_text("".join(f"{row}\n" for row in rows))
    if has_instances:
        write_image(root / FOLDER / f"{frame.index}.png", ids_image(frame.instance, frame.index))


def _info(scene: Scene, numbers: tuple[float, float, float, float]) -> str:
    fx, fy, cx, cy = numbers
    matrix = f"{fx!r} 0 {cx - 0.5!r} 0 0 {fy!r} {cy - 0.5!r} 0 0 0 1 0 0 0 0 1"
    lines = ["m_versionNumber = 4", "m_sensorName = o2recon"]
    for kind in ("color", "depth"):
        lines += [f"m_{kind}Width = {scene.camera.width}", f"m_{kind}Height = {scene.camera.height}"]
    lines.append("m_depthShift = 1000")
    for kind in ("Color", "Depth"):
        lines += [f"m_calibration{kind}Intrinsic = {matrix}", f"m_calibration{kind}Extrinsic = {IDENTITY}"]
    return "\n".join([*lines, f"m_frames.size = {len(scene.indices)}", ""])
