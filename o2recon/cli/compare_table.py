"""The table that `o2recon compare` prints: every object, then the means of every method."""

import statistics
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

MOST_ROWS = 60
"""With more objects only the means are printed; the report has all rows."""
COLUMNS = (
    ("Chamfer cm", "complete", "chamfer_cm", 2),
    ("F 5 cm", "complete", "f_score_5cm", 3),
    ("F 2 cm", "complete", "f_score_2cm", 3),
    ("hidden F 5 cm", "hidden", "f_score_5cm", 3),
    ("IoU", "complete", "iou", 3),
    ("recall 2 cm", "complete", "recall_2cm", 3),
    ("original F 2 cm", "o2recon_protocol", "f_score_2cm", 3),
    ("CAD F 2 cm", "o2recon_protocol_cad", "f_score_2cm", 3),
)
"""Title, part and key of the metrics, digits. Columns without any value are left out."""


def comparison_table(results: Sequence[dict[str, Any]]) -> Table:
    """Rows of `result.json` contents. Means: shares over all scored objects (failed = 0), distances over the others."""
    columns = [c for c in COLUMNS if any(_value(r, c) is not None for r in results)]
    original = any(part == "o2recon_protocol" for _, part, *_ in columns)
    told = "original: the paper's protocol, vertex to vertex; low wherever the truth has few, large faces"
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=told if original else None, caption_justify="left")
    for name in ("method", "scene", "object"):
        table.add_column(name, overflow="fold")
    for title, *_ in columns:
        table.add_column(title, justify="right", min_width=max(5, *map(len, title.split())))
    if len(results) <= MOST_ROWS:
        for r in results:
            shown = [_shown(_value(r, c), c[3]) for c in columns]
            failed = "[bold red] failed[/]" if r["status"] == "failed" else ""
            table.add_row(_method(r), r["scene"], f"{r['object']} {escape(r['category'])}".strip() + failed, *shown)
        table.add_section()
    for method in dict.fromkeys(_method(r) for r in results):
        mine = [r for r in results if _method(r) == method]
        failed = sum(r["status"] == "failed" for r in mine)
        table.add_row(method, "mean", f"{len(mine)}, {failed} failed", *(_mean(mine, c) for c in columns))
    return table


def _method(result: dict[str, Any]) -> str:
    ablation = "" if result["ablation"] == "none" else f" / {result['ablation']}"
    return f"{result['experiment']}{ablation}"


def _value(result: dict[str, Any], column: tuple[str, str, str, int]) -> float | None:
    _, part, key, _ = column
    value = ((result.get("metrics") or {}).get(part) or {}).get(key)
    return None if value is None else float(value)


def _mean(results: Sequence[dict[str, Any]], column: tuple[str, str, str, int]) -> str:
    """With how many objects have a value, where not all have one.

    Nothing where only failures have one: 0 would be a score of point clouds, which have none.
    """
    values = {i: v for i, r in enumerate(results) if (v := _value(r, column)) is not None}
    told = any(results[i]["status"] == "ok" for i in values) or all(r["status"] == "failed" for r in results)
    if not values or not told:
        return _shown(None, column[3])
    over = f" of {len(values)}" if len(values) < len(results) else ""
    return _shown(statistics.fmean(values.values()), column[3]) + over


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
