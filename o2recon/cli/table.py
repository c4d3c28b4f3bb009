"""Which stages there are, in one line each. Imports nothing, so that `o2recon --help` is instant."""

from dataclasses import dataclass

PREPARING = (
    *("scene", "check", "depth", "instances", "outlines", "poses"),
    *("objects", "volume", "masks", "inpaint", "cues"),
)
"""Config groups of the stages whose files lie in `work/`, in the order in which they run."""
FITTING = ("data", "field", "render", "loss", "semantic", "train")
CHOICES = ("experiment", "ablation")
FOLDERS = ("study", "outputs", "work")
PREPARED = ("object", "device", "retry", "seed", "work", "prepared")
RUNS = ("object", "seed", "study", "device", "retry", "outputs", "work", "prepared")
"""Keys of stages that read what lies in these folders, prepare objects, and make or read runs."""


@dataclass(frozen=True)
class Stage:
    """One word after `o2recon`. `module` is what it calls (`run(job)` there); `keys` and `groups` are the options that
    matter for it, the keys in the order of its help; `overrides` are its own defaults."""

    summary: str
    module: str
    groups: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


STAGES = {
    "demo": Stage(
        "build a synthetic room with exact truth, reconstruct every object in it, write the report",
        "o2recon.cli.demo",
        ("synth", *CHOICES, *PREPARING, *FITTING, "trainer", "baseline", "mesh", "evaluate", "report", "logger"),
        ("seed", "baselines", "device", "exports", *FOLDERS),
        ("study=demo", "synth=demo", "masks=carve", "baselines=[tsdf,tsdf_closed,hull]"),
    ),
    "run": Stage(
        "everything, for object=ID, object=1,2,4 or object=all: prepare, train, mesh, evaluate, report",
        "o2recon.cli.run",
        (*CHOICES, *PREPARING, *FITTING, "trainer", "baseline", "mesh", "evaluate", "report", "logger"),
        (*RUNS, "baselines", "groundtruth", "reports", "exports"),
    ),
    "prepare": Stage(
        "choose objects and views, carve, find hidden parts, in-paint, compute cues; print what was kept and why",
        "o2recon.cli.run",
        (*CHOICES, *PREPARING),
        PREPARED,
    ),
    "train": Stage(
        "fit the field of prepared objects; continues from the last checkpoint",
        "o2recon.cli.run",
        (*CHOICES, *FITTING, "trainer", "logger", *PREPARING),
        RUNS,
    ),
    "mesh": Stage(
        "extract closed, coloured meshes from trained fields",
        "o2recon.cli.run",
        (*CHOICES, "mesh", "baseline", "logger", *FITTING, *PREPARING),
        RUNS,
    ),
    "evaluate": Stage(
        "score meshes against the truth and write result.json",
        "o2recon.cli.run",
        (*CHOICES, "evaluate", "mesh", "baseline", "logger", *FITTING, *PREPARING),
        (*RUNS, "groundtruth"),
    ),
    "compare": Stage(
        "score folders of anybody's meshes (meshes=FOLDER groundtruth=FOLDER) and put them into a study",
        "o2recon.cli.compare",
        ("compare", "evaluate", "report"),
        ("meshes", "groundtruth", "object", "retry", *FOLDERS),
    ),
    "export": Stage(
        "textured GLB, collision shape and URDF of finished runs",
        "o2recon.cli.export",
        ("export", *CHOICES, "mesh", *FITTING, *PREPARING),
        RUNS,
    ),
    "report": Stage(
        "tables and one self-contained HTML page of a study", "o2recon.cli.report", ("report", "logger"), FOLDERS
    ),
    "view": Stage(
        "web page of a study: meshes in place, cameras, masks, error colours", "o2recon.cli.view", ("view",), FOLDERS
    ),
    "annotate": Stage(
        "web page of one object: paint where its hidden part should be",
        "o2recon.cli.annotate",
        ("annotate", "scene", "depth", "instances", "outlines", "poses", "objects", "volume", "masks", *CHOICES),
        ("object", "work", "prepared"),
    ),
    "boxes": Stage(
        "web page of a scan without object ids: draw boxes around objects, for objects.boxes=FILE",
        "o2recon.cli.boxes",
        ("boxes", "scene", "depth"),
        ("work", "device"),
    ),
    "convert": Stage(
        "write a capture in another layout: scene=A scene.root=FOLDER convert=B convert.root=FOLDER",
        "o2recon.cli.convert",
        ("convert", *PREPARING, *CHOICES),
        ("object", "work", "prepared"),
    ),
    "synth": Stage(
        "write a synthetic room in ScanNet layout, with ground truth", "o2recon.cli.synth", ("synth",), ("room", "work")
    ),
    "status": Stage("what is done, running, failed or unfinished in a study", "o2recon.cli.status", keys=FOLDERS[:2]),
    "clean": Stage(
        "free disk space: list caches, checkpoints and old logs, delete them with clean.delete=true",
        "o2recon.cli.clean",
        ("clean",),
        FOLDERS,
    ),
    "doctor": Stage(
        "what this machine has, and what each missing thing would enable; --report: what a bug report needs",
        "o2recon.cli.doctor",
    ),
}
