"""How good is the in-painting of prepared objects, against true depth and true colours?

    python measure.py SCANS WORK [ROOM ...]

SCANS/<room> holds a scan with `groundtruth/<object>.ply`, `amodal/<object>/<view>.png` and `clean/<object>/<view>.jpg`
(of some views), WORK is what `o2recon prepare work=WORK` wrote. Prints one row per object and the means; writes
`pixels.csv` here.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Bool, Float

from o2recon.cameras import inside_image, pixel_centers, project, unnormalized_rays, unproject
from o2recon.inpaint import COPIED, PAINTED, WARPED
from o2recon.types import ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, read_image

SAME_SURFACE_M = 0.02
SHADOW_LEVELS, SHADOW_SHARE = 10.0, 0.05
"""A visible pixel this much darker than the object alone lies in a shadow; so many of them, and shadows fall on it."""


def true_depth(mesh: trimesh.Trimesh, view: ViewRecord, wanted: Bool[np.ndarray, "height width"]) -> np.ndarray:
    """z of the object's nearest surface as if nothing stood in front, metres, 0 where it is missed."""
    rays = unnormalized_rays(view.camera, pixel_centers(view.camera))[wanted]
    origins = np.broadcast_to(view.camera_to_world[:3, 3], rays.shape)
    directions = rays @ view.camera_to_world[:3, :3].T
    hits, ray, _ = mesh.ray.intersects_location(origins, directions, multiple_hits=False)
    z = (hits - origins[ray]) @ view.camera_to_world[:3, 2]
    found = np.zeros(len(rays))
    found[ray] = z
    depth = np.zeros(wanted.shape)
    depth[wanted] = found
    return depth


def seen_elsewhere(points: Float[np.ndarray, "points 3"], folder: ObjectFolder, views: list[ViewRecord]) -> np.ndarray:
    """True for world points that lie on what one of the views measured as the object's surface."""
    seen = np.zeros(len(points), bool)
    for view in views:
        depth, mask = folder.read_depth("depth", view.index), folder.read_mask("masks/visible", view.index)
        pixels, z = project(view.camera, view.camera_to_world, points)
        inside = np.nonzero(inside_image(view.camera, pixels, z))[0]
        column, row = pixels[inside].astype(int).T
        sigma = 0.0012 + 0.0019 * (z[inside] - 0.4) ** 2
        near = np.abs(depth[row, column] - z[inside]) < SAME_SURFACE_M / 2 + 2 * sigma
        seen[inside] |= near & mask[row, column]
    return seen


def measure(scan: Path, folder: ObjectFolder) -> dict[str, float]:
    """One row of the table. Shares in [0, 1], colour differences in grey levels."""
    record: ObjectRecord = folder.read_record()
    mesh = trimesh.load_mesh(scan / "groundtruth" / f"{record.object}.ply")
    wanted = claimed = filled = close = hidden_pixels = 0
    errors, guesses, shaded = [], [], []
    for view in record.views:
        i = view.index
        amodal = read_image(scan / "amodal" / str(record.object) / f"{i}.png") > 0
        clean = clean_view(scan / "clean" / str(record.object) / f"{i}.jpg", view)
        photo = read_image(folder.image("images", i)).astype(float)
        visible, hidden = (folder.read_mask(f"masks/{kind}", i) for kind in ("visible", "hidden"))
        shaded.append((clean - photo).mean(-1)[visible])
        asked = amodal & ~visible
        depth = true_depth(mesh, view, asked)
        asked &= depth > 0
        hidden_pixels += int(asked.sum())
        if not asked.any():
            continue
        points = unproject(view.camera, view.camera_to_world, pixel_centers(view.camera)[asked], depth[asked])
        others = [v for v in record.views if v is not view]
        known = np.zeros_like(asked)
        known[asked] = seen_elsewhere(points, folder, others)
        origin = read_image(folder.image("inpainted/origin", i))
        copied = known & (origin == COPIED)
        error_m = np.abs(folder.read_depth("inpainted/depth", i) - depth)
        wanted += int(known.sum())
        claimed += int((known & hidden).sum())
        filled += int(copied.sum())
        close += int((copied & (error_m < SAME_SURFACE_M)).sum())
        painted = read_image(folder.image("inpainted/image", i)).astype(float)
        error = np.abs(painted - clean).mean(-1)
        errors.append(error[copied])
        guesses.append(error[asked & ((origin == PAINTED) | (origin == WARPED))])
    notes = json.loads((folder.path / "inpainted" / "manifest.json").read_text())["notes"]
    return {
        "views": len(record.views),
        "hidden_pixels": hidden_pixels,
        "seen_elsewhere": wanted,
        "in_mask": claimed / max(wanted, 1),
        "filled": filled / max(wanted, 1),
        "filled_within_2cm": close / max(wanted, 1),
        "color_error": median(errors),
        "painted_error": median(guesses),
        "shaded": float((valid(shaded) > SHADOW_LEVELS).mean()) if valid(shaded).size else float("nan"),
        "difference_alone": notes.get("view_difference_alone") or float("nan"),
        "difference": notes.get("view_difference") or float("nan"),
        "painted_share": notes["painted_share"],
        "seconds": notes["seconds"],
    }


def clean_view(file: Path, view: ViewRecord) -> np.ndarray:
    """The object alone, grey levels; all nan in views that have none."""
    if not file.is_file():
        return np.full((view.camera.height, view.camera.width, 3), np.nan)
    return read_image(file).astype(float)


def valid(parts: list[np.ndarray]) -> np.ndarray:
    """All values together that are not nan."""
    values = np.concatenate([np.zeros(0), *parts])
    return values[~np.isnan(values)]


def median(parts: list[np.ndarray]) -> float:
    """Of all valid values together; nan when there are none."""
    values = valid(parts)
    return float(np.median(values)) if values.size else float("nan")


def rows(scans: Path, work: Path, rooms: list[str]) -> Iterator[dict[str, object]]:
    for room in rooms or sorted(p.name for p in work.iterdir() if (scans / p.name / "clean").is_dir()):
        for path in sorted((work / room / "objects").iterdir(), key=lambda p: int(p.name)):
            folder = ObjectFolder(path)
            name = f"{room} {path.name} {folder.read_record().category}"
            yield {"object": name, **measure(scans / room, folder)}


def main() -> None:
    found = []
    for row in rows(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]):
        found.append(row)
        shown = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()]
        print("| " + " | ".join(shown) + " |", flush=True)
    with open(Path(__file__).parent / "pixels.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in found)
    total = {k: np.array([float(r[k]) for r in found]) for k in found[0] if k != "object"}  # type: ignore[arg-type]
    clear = (total["shaded"] < SHADOW_SHARE) & ~np.isnan(total["color_error"])
    names = ("in_mask", "filled", "filled_within_2cm")
    masked, filled, close = (np.average(total[k], weights=total["seen_elsewhere"]) for k in names)
    print(f"of what another view saw: in the mask {masked:.3f}, filled {filled:.3f}, within 2 cm {close:.3f}")
    print(f"colour error of {clear.sum()} objects without shadow: {np.mean(total['color_error'][clear]):.1f}")
    alone, together = np.nanmean(total["difference_alone"]), np.nanmean(total["difference"])
    print(f"difference of the views' paintings: each alone {alone:.1f}, together {together:.1f}")


if __name__ == "__main__":
    main()
