"""The page's texts: the list of objects, one object's verdict and numbers, what the colours mean. All as HTML."""

from collections.abc import Sequence
from html import escape

from o2recon.report.collect import Run
from o2recon.report.colors import CLAY, ERROR_SCALE, GUESSED, INPAINTED, SEEN
from o2recon.web.study import object_name

NUMBERS = (
    ("Chamfer cm", ("metrics", "complete", "chamfer_cm"), 2),
    ("hidden F 5 cm", ("metrics", "hidden", "f_score_5cm"), 2),
    ("IoU", ("metrics", "complete", "iou"), 2),
)
_CELL = "padding:2px 6px 2px 0;text-align:{side};vertical-align:top"
_TEXT = "font-size:0.82em;line-height:1.35;padding:0 0.6em"


def objects_table(runs: Sequence[Run], selected: str | None) -> str:
    """One row per object with grade and numbers; failed and unfinished ones with their reason."""
    heads = ["object", "verdict", *(name for name, _, _ in NUMBERS)]
    rows = [_row([f"<b>{h}</b>" for h in heads])]
    for run in runs:
        name = escape(object_name(run))
        name = f"<b>&#9656; {name}</b>" if run.object == selected else name
        if run.status == "ok":
            rows.append(_row([name, escape(grade(run)), *(_number(run, *n[1:]) for n in NUMBERS)]))
        else:
            reason = escape(run.error or "still running, or killed")
            rows.append(_row([name, f'<b style="color:#b3261e">{run.status}</b>', "", "", ""]))
            rows.append(f'<tr><td colspan="5" style="{_CELL.format(side="left")};color:#b3261e">{reason}</td></tr>')
    table = f'<table style="border-spacing:0;width:100%">{"".join(rows)}</table>'
    return f'<div style="{_TEXT};overflow-x:auto">{table}</div>'


def object_text(run: Run | None, *, num_views: int | None, has_truth: bool) -> str:
    """Verdict with its reason, shares of evidence and what is missing. `num_views`: None without prepared data."""
    if run is None:
        return paragraphs(["no object"])
    lines = [f"<b>{escape(object_name(run))}</b>: {escape(grade(run))}"]
    if run.status != "ok":
        lines.append(escape(run.error or "no result.json yet: still running, or killed"))
    reason = run.part("verdict").get("reason")
    if reason:
        lines.append(escape(str(reason)))
    shares = [(name, run.share(name.replace("-", ""))) for name in ("seen", "in-painted", "guessed")]
    known = [f"{100 * share:.0f} % {name}" for name, share in shares if share is not None]
    if known:
        lines.append("surface: " + ", ".join(known))
    if run.scored:
        lines.append(", ".join(f"{name} {_number(run, keys, digits)}" for name, keys, digits in NUMBERS))
    if not has_truth:
        lines.append("no ground truth: no truth mesh, no error colours")
    if num_views is None:
        lines.append("no prepared data in this work folder: no cameras (add work=FOLDER)")
    return paragraphs(lines)


def legend(layer: str, *, error_range_cm: float, has_truth: bool) -> str:
    """What the colours of a layer mean."""
    if layer == "evidence":
        patches = [_patch(SEEN, "seen"), _patch(INPAINTED, "in-painted"), _patch(GUESSED, "guessed; truth: unseen")]
        return paragraphs([" ".join(patches)])
    if layer == "error":
        if not has_truth:
            return paragraphs([_patch(CLAY, "no ground truth in this scene")])
        bar = f"background:linear-gradient(90deg,{','.join(ERROR_SCALE)});height:0.8em;border-radius:3px"
        ends = '<div style="display:flex;justify-content:space-between"><span>0</span>'
        ends += f"<span>{error_range_cm:g} cm and more</span></div>"
        text = "mesh: to the truth; truth: to the mesh. A mesh is plain where only observed points are known."
        return f'<div style="{_TEXT}"><div style="{bar}"></div>{ends}{text}</div>'
    return paragraphs([f"colours of the object; {_patch(CLAY, 'none known')}"])


def grade(run: Run) -> str:
    """The verdict's word, or the status of a run without one."""
    word = run.part("verdict").get("grade")
    return str(word) if word and run.status == "ok" else run.status


def _number(run: Run, keys: tuple[str, ...], digits: int) -> str:
    value = run.number(*keys)
    return "-" if value is None else f"{value:.{digits}f}"


def _row(cells: Sequence[str]) -> str:
    style = (_CELL.format(side="left" if i < 2 else "right") for i in range(len(cells)))
    return "<tr>" + "".join(f'<td style="{s}">{c}</td>' for s, c in zip(style, cells, strict=True)) + "</tr>"


def paragraphs(lines: Sequence[str]) -> str:
    return f'<div style="{_TEXT}">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>"


def _patch(color: str, text: str) -> str:
    square = f"display:inline-block;width:0.8em;height:0.8em;border-radius:2px;background:{color}"
    return f'<span style="white-space:nowrap"><span style="{square}"></span> {text}</span>'
