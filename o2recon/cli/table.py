"""Which stages there are, in one line each. Imports nothing, so that `o2recon --help` is instant."""

from dataclasses import dataclass

PREPARING = (
    *("scene", "check", "depth", "instances", "outlines", "poses"),
    *("objects", "volume", "masks", "inpaint", "cues"),
)
"""Config groups of the stages whose files lie in `work/`, in the order in which they run."""
FITTING = ("data", "field", "render", "loss", "semantic", "train")
CHOICES = ("experiment", "ablation")


@dataclass(frozen=True)
class Stage:
    """One word after `o2recon`. `module` is what it calls (`run(job)` there); `overrides` are its own defaults."""

    summary: str
    module: str
    groups: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


STAGES = {
    "demo": Stage(
        "build a synthetic room with exact truth, reconstruct every object in it, write the report",
        "o2recon.cli.demo",
        ("synth", *PREPARING, *FITTING, "trainer", "baseline", "mesh", "evaluate", "report", "logger", *CHOICES),
        ("study=demo", "synth=demo", "masks=carve", "baselines=[tsdf,tsdf_closed,hull]"),
    ),
    "run": Stage(
        "everything, for object=ID, object=1,2,4 or object=all: prepare, train, mesh, evaluate, report",
        "o2recon.cli.run",
        (*PREPARING, *FITTING, "trainer", "baseline", "mesh", "evaluate", "report", "logger", *CHOICES),
    ),
    "prepare": Stage(
        "choose objects and views, carve, find hidden parts, in-paint, compute cues; print what was kept and why",
        "o2recon.cli.run",
        (*PREPARING, *CHOICES),
    ),
    "train": Stage(
        "fit the field of prepared objects; continues from the last checkpoint",
        "o2recon.cli.run",
        (*PREPARING, *FITTING, "trainer", "logger", *CHOICES),
    ),
    "mesh": Stage(
        "extract closed, coloured meshes from trained fields",
        "o2recon.cli.run",
        (*PREPARING, *FITTING, "baseline", "mesh", "logger", *CHOICES),
    ),
    "evaluate": Stage(
        "score meshes against the truth and write result.json",
        "o2recon.cli.run",
        (*PREPARING, *FITTING, "baseline", "mesh", "evaluate", "logger", *CHOICES),
    ),
    "compare": Stage(
        "score folders of anybody's meshes (meshes=FOLDER groundtruth=FOLDER) and put them into a study",
        "o2recon.cli.compare",
        ("compare", "evaluate", "report"),
    ),
    "export": Stage(
        "textured GLB, collision shape and URDF of finished runs",
        "o2recon.cli.export",
        (*PREPARING, *FITTING, "mesh", "export", *CHOICES),
    ),
    "report": Stage("tables and one self-contained HTML page of a study", "o2recon.cli.report", ("report", "logger")),
    "view": Stage("web page of a study: meshes in place, cameras, masks, error colours", "o2recon.cli.view", ("view",)),
    "annotate": Stage(
        "web page of one object: paint where its hidden part should be",
        "o2recon.cli.annotate",
        ("annotate", "scene", "depth", "instances", "outlines", "poses", "objects", "volume", "masks", *CHOICES),
    ),
    "boxes": Stage(
        "web page of a scan without object ids: draw boxes around objects, for objects.boxes=FILE",
        "o2recon.cli.boxes",
        ("boxes", "scene", "depth"),
    ),
    "convert": Stage(
        "write a capture in another layout: scene=A scene.root=FOLDER convert=B convert.root=FOLDER",
        "o2recon.cli.convert",
        (*PREPARING, "convert", *CHOICES),
    ),
    "synth": Stage("write a synthetic room in ScanNet layout, with ground truth", "o2recon.cli.synth", ("synth",)),
    "status": Stage("what is done, running, failed or unfinished in a study", "o2recon.cli.status"),
    "clean": Stage(
        "free disk space: list caches, checkpoints and old logs, delete them with clean.delete=true",
        "o2recon.cli.clean",
        ("clean",),
    ),
    "doctor": Stage(
        "what this machine has, and what each missing thing would enable; --report: what a bug report needs",
        "o2recon.cli.doctor",
    ),
}
