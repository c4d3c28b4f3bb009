"""Study folder -> report/index.html and report/table.{csv,md,tex}."""

import logging
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from o2recon.evaluate.truth import Truth
from o2recon.manifest import package_version
from o2recon.report import colors, figures, meshes, viewer
from o2recon.report.collect import Run, collect_runs, groundtruth_of, run_config, scene_facts
from o2recon.report.curves import Curve, read_curves
from o2recon.report.table import Table, build_table, to_csv, to_markdown, to_tex
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder, written_atomically

_LOG = logging.getLogger(__name__)

PARTS = ("visible", "complete", "hidden")
NUMBERS = (
    ("chamfer_cm", "Chamfer cm", 2),
    ("accuracy_cm", "Accuracy cm", 2),
    ("completeness_cm", "Completeness cm", 2),
    *((f"f_score_{t}cm", f"F {t} cm", 3) for t in (1, 2, 5, 10)),
    *((f"{kind}_{t}cm", f"{kind.capitalize()} {t} cm", 3) for t in (2, 5) for kind in ("precision", "recall")),
    ("normal_consistency", "Normals", 3),
    ("iou", "IoU", 3),
)
FACTS = (
    ("unseen_share", "True surface unseen in every view"),
    ("mean_hidden_share_of_silhouette", "True silhouette hidden, mean"),
    ("median_hidden_share_of_silhouette", "True silhouette hidden, median"),
    ("area_m2", "True area, m²"),
    ("volume_m3", "True volume, m³"),
    ("model", "Model"),
)
"""What instances.json may tell about an object, and how the page calls it."""
_TONES = {
    "good": {"ok", "good", "high", "trustworthy", "a"},
    "fair": {"fair", "medium", "partly", "usable", "unfinished", "b", "c"},
    "bad": {"failed", "poor", "bad", "low", "doubtful", "d", "f"},
}


@dataclass(frozen=True)
class RunPanel:
    """One run as the template shows it. `mesh`: id of its payload on the page, None without a mesh."""

    run: Run
    path: str
    row: int
    mesh: str | None
    modes: tuple[str, ...]
    picture: list[tuple[str, str]]
    curves: list[Curve]
    config: str


@dataclass(frozen=True)
class ObjectSection:
    """One object of one scene with all its runs. `azimuth`: where the camera stood, radians in the world's xy plane."""

    anchor: str
    scene: str
    object: str
    category: str
    thumbnail: str | None
    views: list[figures.ViewFigure]
    num_views: int
    hidden: figures.HiddenShare | None
    facts: dict[str, Any]
    azimuth: float
    truth: str | None
    truth_modes: tuple[str, ...]
    panels: list[RunPanel]


class Report:
    """Writes the report of one study from the files of its runs."""

    def __init__(
        self,
        *,
        num_views: int,
        view_height: int,
        jpeg_quality: int,
        max_faces: int,
        max_total_faces: int,
        error_range_cm: float,
    ) -> None:
        """The yaml says what each value means. ValueError when one is out of range."""
        counts = {"num_views": num_views, "view_height": view_height, "max_faces": max_faces}
        for name, value in {**counts, "max_total_faces": max_total_faces, "error_range_cm": error_range_cm}.items():
            if value <= 0:
                raise ValueError(f"report.{name} is {value}, but has to be above 0")
        if not 1 <= jpeg_quality <= 100:
            raise ValueError(f"report.jpeg_quality is {jpeg_quality}, but has to be within 1 and 100")
        self._num_views, self._view_height, self._quality = num_views, view_height, jpeg_quality
        self._max_faces, self._max_total_faces = max_faces, max_total_faces
        self._error_range_cm = error_range_cm

    def __call__(self, study_dir: Path, work_dir: Path) -> Path:
        """`outputs/<study>` and `work` -> path of index.html. ValueError when the study has no runs."""
        start = time.perf_counter()
        runs = collect_runs(study_dir)
        table = build_table(runs)
        payloads: dict[str, str] = {}
        faces = max(1000, min(self._max_faces, self._max_total_faces // (2 * len(runs))))
        sections = [
            self._section(number, [r for r in enumerate(runs) if r[1].place == place], work_dir, faces, payloads)
            for number, place in enumerate(dict.fromkeys(run.place for run in runs))
        ]
        folder = study_dir / "report"
        for suffix, text in (("csv", to_csv(table)), ("md", to_markdown(table)), ("tex", to_tex(table))):
            _write(folder / f"table.{suffix}", text)
        _write(folder / "index.html", self._render(study_dir.name, runs, table, sections, payloads))
        megabytes = (folder / "index.html").stat().st_size / 1e6
        seconds = time.perf_counter() - start
        _LOG.info("report of %d runs in %.1f s: %s (%.1f MB)", len(runs), seconds, folder / "index.html", megabytes)
        return folder / "index.html"

    def _section(
        self, number: int, runs: list[tuple[int, Run]], work_dir: Path, faces: int, payloads: dict[str, str]
    ) -> ObjectSection:
        first = runs[0][1]
        folder = ObjectFolder(work_dir / first.scene / "objects" / first.object)
        record = _record(folder)
        views = () if record is None else record.views
        shown = [
            figures.view_figure(folder, v, height=self._view_height, quality=self._quality)
            for v in figures.spread(views, self._num_views)
        ]
        truth_path = next((p for _, run in runs if (p := groundtruth_of(run)) is not None), None)
        truth = None if truth_path is None else meshes.load_truth_of(truth_path, first.object)
        loaded = [meshes.load_mesh(run.folder / "mesh.ply") for _, run in runs]
        panels = [self._panel(*pair, mesh, truth, faces, payloads) for pair, mesh in zip(runs, loaded, strict=True)]
        truth_id = f"truth-{number}"
        truth_modes: tuple[str, ...] = ()
        if truth is not None:
            only = loaded[0] if len(runs) == 1 else None  # with several runs its distances would be to one of them
            small = meshes.page_truth(truth, only, max_faces=faces, error_range=self._error_range_cm / 100)
            truth_modes, payloads[truth_id] = tuple(small.colors), viewer.pack(small)
        return ObjectSection(
            anchor=f"object-{number}",
            scene=first.scene,
            object=first.object,
            category=next((run.category for _, run in runs if run.category), record.category if record else ""),
            thumbnail=figures.thumbnail(folder, views, height=96, quality=self._quality),
            views=[v for v in shown if v is not None],
            num_views=len(views),
            hidden=figures.hidden_share(folder, views),
            facts=scene_facts(first),
            azimuth=_azimuth(record),
            truth=truth_id if truth is not None else None,
            truth_modes=truth_modes,
            panels=panels,
        )

    def _panel(
        self,
        row: int,
        run: Run,
        loaded: meshes.Loaded | None,
        truth: Truth | None,
        faces: int,
        payloads: dict[str, str],
    ) -> RunPanel:
        mesh_id: str | None = None
        modes: tuple[str, ...] = ()
        if loaded is not None:
            limit = self._error_range_cm / 100
            small = meshes.page_mesh(loaded, truth, max_faces=faces, error_range=limit)
            mesh_id, modes = f"mesh-{row}", tuple(small.colors)
            payloads[mesh_id] = viewer.pack(small)
        elif run.status == "ok":
            _LOG.warning("%s is missing or empty: the page shows no mesh", run.folder / "mesh.ply")
        return RunPanel(
            run=run,
            path="/".join(run.folder.parts[-5:]),
            row=row,
            mesh=mesh_id,
            modes=modes,
            picture=figures.render_pictures(run.folder, height=self._view_height, quality=self._quality, limit=12),
            curves=read_curves(run.folder / "metrics.csv", 8),
            config=run_config(run),
        )

    def _render(
        self, study: str, runs: Sequence[Run], table: Table, sections: list[ObjectSection], payloads: dict[str, str]
    ) -> str:
        here = Path(__file__).parent
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(here),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        environment.tests["has_number"] = lambda part, run, key: run.number("metrics", part, key) is not None
        environment.globals["tone"] = _tone
        anchors = {panel.row: section for section in sections for panel in section.panels}
        return environment.get_template("page.html.j2").render(
            study=study,
            runs=runs,
            table=table,
            sections=sections,
            anchors=anchors,
            weakest=_weakest(table, anchors),
            summary=_summary(runs, sections),
            payloads=payloads,
            three=viewer.compress(viewer.three_script().encode()),
            style=(here / "page.css").read_text(),
            script=(here / "page.js").read_text(),
            colors=colors,
            parts=PARTS,
            numbers=NUMBERS,
            facts=FACTS,
            scored=any(run.scored for run in runs),
            many_seeds=len({run.seed for run in runs}) > 1,
            error_range_cm=self._error_range_cm,
            version=package_version(),
        )


def _summary(runs: Sequence[Run], sections: Sequence[ObjectSection]) -> dict[str, Any]:
    """What was run, where, how long: the tiles on top of the page."""

    def distinct(key: str) -> list[str]:
        return sorted({str(run.result[key]) for run in runs if run.result.get(key)})

    def mean_fact(*keys: str) -> float | None:
        known = [[s.facts[k] for k in keys if isinstance(s.facts.get(k), int | float)] for s in sections]
        values = [float(of_object[0]) for of_object in known if of_object]
        return statistics.fmean(values) if values else None

    stamps = [(run.folder / "result.json").stat().st_mtime for run in runs if run.result]
    return {
        "objects": len(sections),
        "scenes": sorted({run.scene for run in runs}),
        "methods": [" / ".join(method) for method in dict.fromkeys(run.method for run in runs)],
        **{status: sum(run.status == status for run in runs) for status in ("ok", "failed", "unfinished")},
        "devices": distinct("device"),
        "encodings": distinct("encoding"),
        "inpainters": distinct("inpainter"),
        "versions": next((run.part("versions") for run in runs if run.part("versions")), {}),
        "seconds": sum(run.total_seconds or 0 for run in runs),
        "finished": time.strftime("%Y-%m-%d %H:%M", time.localtime(max(stamps))) if stamps else None,
        "unseen": mean_fact("unseen_share"),
        "covered": mean_fact("mean_hidden_share_of_silhouette", "median_hidden_share_of_silhouette"),
    }


def _weakest(table: Table, anchors: dict[int, ObjectSection]) -> dict[str, str] | None:
    """Where to look first: the run of the lowest hidden F at 2 cm; None when there is nothing to choose from."""
    cells = [table.cell(row, "hidden_f_score_2cm") for row in table.rows]
    scored = [(cell.value, number) for number, cell in enumerate(cells) if cell.value is not None]
    if len(scored) < 2:
        return None
    number = min(scored)[1]
    section, run = anchors[number], table.rows[number].run
    method = f" with {run.experiment} / {run.ablation}" if run is not None and len(table.summaries) > 2 else ""
    name = f"{section.category or 'object'} {section.object} of {section.scene}{method}"
    return {"anchor": section.anchor, "name": name, "text": cells[number].text}


def _record(folder: ObjectFolder) -> ObjectRecord | None:
    try:
        return folder.read_record()
    except (ValueError, KeyError, TypeError) as problem:
        _LOG.warning("no input views: %s", problem)
        return None


def _azimuth(record: ObjectRecord | None) -> float:
    """Direction, seen from the object, in which the cameras stood on average."""
    if record is None or not record.views:
        return -1.0
    positions = np.mean([v.camera_to_world[:3, 3] for v in record.views], 0) - record.frame.center
    return float(np.arctan2(positions[1], positions[0]))


def _tone(word: object) -> str:
    """Colour class of a status or a grade; "" for words that mean neither good nor bad here."""
    return next((tone for tone, words in _TONES.items() if str(word).lower() in words), "")


def _write(file: Path, text: str) -> None:
    with written_atomically(file) as temporary:
        temporary.write_text(text)
