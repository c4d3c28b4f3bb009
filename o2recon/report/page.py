"""Study folder -> report/index.html, report/overview.svg and report/{table,methods}.{csv,md,tex}."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from o2recon.manifest import package_version
from o2recon.progress import track
from o2recon.report import charts, colors, overview, viewer
from o2recon.report.collect import KINDS, Run, chosen_runs, collect_runs, method_name, scene_facts
from o2recon.report.formats import to_csv, to_markdown, to_tex
from o2recon.report.methods import MEASURES, Methods, methods_table
from o2recon.report.sections import Media, ObjectSection, plain_section
from o2recon.report.table import OBSERVED, Table, build_table, observed_only
from o2recon.workspace import written_atomically

_LOG = logging.getLogger(__name__)

PARTS = ("visible", "complete", "hidden")
NUMBERS = (
    ("chamfer_cm", "Chamfer cm", 2),
    ("chamfer_squared_cm2", "Chamfer squared cm²", 2),
    ("accuracy_cm", "Accuracy cm", 2),
    ("completeness_cm", "Completeness cm", 2),
    *((f"f_score_{t}cm", f"F {t} cm", 3) for t in (1, 2, 5, 10)),
    *((f"{kind}_{t}cm", f"{kind.capitalize()} {t} cm", 3) for t in (2, 5) for kind in ("precision", "recall")),
    ("normal_consistency", "Normals", 3),
    ("normal_consistency_signed", "Normals, signed", 3),
    ("iou", "IoU", 3),
)
HELD_OUT = (
    ("views", "Held-out views", "", 0),
    ("held_out_depth_residual_cm", "Depth residual", " cm", 2),
    ("covered", "Visible pixels covered", "", 3),
    ("silhouette_iou", "Silhouette IoU", "", 3),
    ("psnr_db", "PSNR", " dB", 1),
    ("ssim", "SSIM", "", 3),
)
MESH = (
    ("vertices", "Vertices", "", 0, 1),
    ("faces", "Faces", "", 0, 1),
    ("components", "Components", "", 0, 1),
    ("self_intersections", "Self-intersections", "", 0, 1),
    ("volume_m3", "Volume", " l", 1, 1000),
    ("floor_gap_cm", "Above the floor", " cm", 1, 1),
)
"""Key, title, unit, digits, factor."""
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
_MEDIA = ("all", "none")
_SCRIPTS = ("table.js", "unpack.js", "geometry.js", "pane.js", "viewer.js")


@dataclass(frozen=True)
class _Study:
    """Everything the templates read."""

    name: str
    runs: Sequence[Run]
    methods: Methods
    table: Table
    sections: list[ObjectSection]
    facts: dict[tuple[str, str], dict[str, Any]]


class Report:
    """Writes the report of one study from the files of its runs."""

    def __init__(
        self,
        *,
        media: str,
        num_views: int,
        view_height: int,
        jpeg_quality: int,
        max_faces: int,
        max_total_faces: int,
        max_pictures: int,
        error_range_cm: float,
        only: Mapping[str, object] | None,
    ) -> None:
        """The yaml says what each value means. ValueError when one is out of range."""
        counts = {"num_views": num_views, "view_height": view_height, "max_faces": max_faces}
        counts |= {"max_total_faces": max_total_faces, "max_pictures": max_pictures}
        for name, value in {**counts, "error_range_cm": error_range_cm}.items():
            if value <= 0:
                raise ValueError(f"report.{name} is {value}, but has to be above 0")
        if not 1 <= jpeg_quality <= 100:
            raise ValueError(f"report.jpeg_quality is {jpeg_quality}, but has to be within 1 and 100")
        if media not in _MEDIA:
            raise ValueError(f"report.media is {media!r}, but has to be one of {', '.join(_MEDIA)}")
        self._media = media
        self._num_views, self._view_height, self._quality = num_views, view_height, jpeg_quality
        self._max_faces, self._max_total_faces, self._max_pictures = max_faces, max_total_faces, max_pictures
        self._error_range_cm, self._only = error_range_cm, dict(only or {})

    def __call__(self, study_dir: Path, work_dir: Path) -> Path:
        """`outputs/<study>` and `work` -> path of index.html. ValueError when the study has no runs."""
        start = time.perf_counter()
        runs = chosen_runs(collect_runs(study_dir), self._only)
        payloads: dict[str, str] = {}
        places = list(dict.fromkeys(run.place for run in runs))
        facts = {place: scene_facts(next(run for run in runs if run.place == place)) for place in places}
        media = self._budget(runs, payloads)
        sections = []
        for number, place in enumerate(track(places, description="objects of the report")):
            mine = [pair for pair in enumerate(runs) if pair[1].place == place]
            if media is None:
                sections.append(plain_section(number, mine, facts[place]))
            else:
                sections.append(media.section(number, mine, facts[place], work_dir))
        study = _Study(study_dir.name, runs, Methods(runs), build_table(runs), sections, facts)
        index = self._write(study_dir / "report", study, payloads)
        told = (len(runs), "s" * (len(runs) != 1), time.perf_counter() - start, index.stat().st_size / 1e6)
        _LOG.info("report of %d run%s in %.1f s, %.1f MB", *told)
        return index

    def _budget(self, runs: Sequence[Run], payloads: dict[str, str]) -> Media | None:
        """How large pictures and meshes may be with so many runs; None when the page has to do without."""
        if self._media == "none":
            return None
        places = len({run.place for run in runs})
        return Media(
            num_views=self._num_views,
            view_height=self._view_height,
            quality=self._quality,
            faces=max(1000, min(self._max_faces, self._max_total_faces // (len(runs) + places))),
            pictures=max(1, min(12, self._max_pictures // len(runs))),
            error_range=self._error_range_cm / 100,
            payloads=payloads,
        )

    def _write(self, folder: Path, study: _Study, payloads: dict[str, str]) -> Path:
        scores, ablations = overview.score_charts(study.methods), overview.ablation_charts(study.methods)
        times = overview.time_chart(study.methods)
        timed = [] if times is None else [times]
        table = methods_table(study.methods)
        for name, content in (("table", study.table), ("methods", table)):
            for suffix, write in (("csv", to_csv), ("md", to_markdown), ("tex", to_tex)):
                _write(folder / f"{name}.{suffix}", write(content))
        if scores or timed:
            _write(folder / "overview.svg", charts.standalone_svg([*scores, *ablations, *timed], columns=2))
        drawn = {"scores": scores, "ablations": ablations, "times": timed}
        _write(folder / "index.html", self._render(study, table, drawn, payloads))
        return folder / "index.html"

    def _render(
        self, study: _Study, methods: Table, drawn: dict[str, list[charts.Chart]], payloads: dict[str, str]
    ) -> str:
        here = Path(__file__).parent
        anchors = {panel.row: section for section in study.sections for panel in section.panels}
        environment = _environment(here / "templates")
        scripts = _SCRIPTS if payloads else _SCRIPTS[:1]
        return environment.get_template("page.html.j2").render(
            study=study,
            media=self._media,
            sections=study.sections,
            anchors=anchors,
            methods_table=methods,
            charts={kind: [charts.inline_svg(c) for c in found] for kind, found in drawn.items()},
            failures=overview.failures(study.runs, study.facts),
            baselines=overview.missing_baselines(study.methods),
            summary=overview.facts_of_study(study.runs, study.facts),
            scored=any(run.scored for run in study.runs),
            observed=[c.key for c in OBSERVED] if observed_only(study.runs) else [],
            many_seeds=len({run.seed for run in study.runs}) > 1,
            error_range_cm=self._error_range_cm,
            payloads=payloads,
            three=viewer.compress(viewer.three_script().encode()) if payloads else None,
            style="\n".join((here / "assets" / name).read_text() for name in ("page.css", "objects.css")),
            script="\n".join((here / "assets" / name).read_text() for name in scripts),
            version=package_version(),
        )


def _environment(templates: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.tests["has_number"] = lambda part, run, key: run.number("metrics", part, key) is not None
    environment.globals.update(
        tone=_tone,
        colors=colors,
        duration=charts.duration,
        method_name=method_name,
        kinds=KINDS,
        measures=MEASURES,
        parts=PARTS,
        numbers=NUMBERS,
        held_out=HELD_OUT,
        mesh_facts=MESH,
        facts=FACTS,
    )
    return environment


def _tone(word: object) -> str:
    """Colour class of a status or a grade; "" for words that mean neither good nor bad here."""
    return next((tone for tone, words in _TONES.items() if str(word).lower() in words), "")


def _write(file: Path, text: str) -> None:
    with written_atomically(file) as temporary:
        temporary.write_text(text)
