"""Which faults are planted, and which options are to mend them."""

from pathlib import Path

from plant import options, plant

SHIFT = (6, -4)
REMEDIES: dict[str, dict[str, list[str]]] = {
    "clean": {"given": [], "voted": ["outlines=voted"], "refined": ["poses=refined"]},
    "wide": {"given": [], "voted": ["outlines=voted"]},
    "narrow": {
        "given": [],
        "voted": ["outlines=voted"],
        "grown": ["outlines=voted", "outlines.grow_px=5"],
    },
    "color": {"given": [], "offset": [f"scene.color_offset=[{SHIFT[0]},{SHIFT[1]}]"]},
    "drift": {"given": [], "voted": ["outlines=voted"], "refined": ["poses=refined"]},
}
"""By fault and study; `given` is the capture as it is."""


def planted(scan: Path, fault: str, folder: Path) -> Path:
    """The scan with the fault, written when it is not there; the scan itself when it is clean."""
    if fault == "clean":
        return scan
    out = folder / f"{scan.name}_{fault}"
    if not out.is_dir():
        shift = [str(x) for x in SHIFT]
        plant(scan, out, options([str(scan), str(out), "--fault", fault, "--shift", *shift]))
    return out
