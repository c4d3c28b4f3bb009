"""Tables and a picture of what was measured on one GPU, from the CSVs of measure.py and train.py.

usage: python plot.py [FOLDER]     reads the CSVs there (default h100), writes speed.md and speed.svg beside them
"""

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, stdev

from o2recon.report.charts import Bar, Chart, bar_chart, limits_of, standalone_svg

Row = dict[str, str]
OURS = ("fused",)
HERE = Path(__file__).parent
CHAMFER_TOLERANCE, F_TOLERANCE = 0.02, 0.01
"""About what seeds differ by, cm and share."""
ACCURACY = {
    "chamfer_cm": "Chamfer cm",
    "hidden_f2": "hidden F 2 cm",
    "visible_chamfer_cm": "visible Chamfer cm",
    "held_out_cm": "held-out depth cm",
}


def read(path: Path) -> list[Row]:
    """The rows of a CSV; none where it is missing."""
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def number(row: Row, key: str) -> float | None:
    return float(row[key]) if row.get(key) else None


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    align = ["---", *(["---:"] * (len(head) - 1))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, align, *rows))


def spread(values: list[float], digits: int = 3) -> str:
    """Mean, and what seeds differ by (standard deviation) when there are several."""
    if not values:
        return ""
    tail = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{tail}"


def step_ms(row: Row) -> float | None:
    """With the optimiser; as a graph where there is one."""
    return number(row, "graph_with_adam_ms") or number(row, "launched_with_adam_ms")


def steps_table(rows: list[Row]) -> str:
    sizes = sorted({(int(r["log2_points"]), int(r["log2_rows"])) for r in rows})
    cells = {(r["way"], int(r["log2_points"]), int(r["log2_rows"])): r for r in rows}

    def cell(row: Row | None) -> str:
        if row is None:
            return ""
        time = step_ms(row)
        return (row["note"] or "") if time is None else f"{time:.2f}{'' if row['graph_with_adam_ms'] else ' launched'}"

    ways = dict.fromkeys(r["way"] for r in rows)
    head = ["ms a step", *(f"2^{p}, 2^{r}" for p, r in sizes)]
    notes = {r["way"]: r["note"] for r in rows if r["note"] and step_ms(r) is not None}
    text = table(head, ([way, *(cell(cells.get((way, *size))) for size in sizes)] for way in ways))
    return text + "".join(f"\n{way}: {note}.\n" for way, note in notes.items())


def steps_charts(rows: list[Row]) -> list[Chart]:
    charts = []
    timed = [r for r in rows if step_ms(r) is not None and r["way"] != "torch grid"]  # which is off every scale
    for points in sorted({int(r["log2_points"]) for r in timed}):
        some = [r for r in timed if int(r["log2_points"]) == points]
        most = max(int(r["log2_rows"]) for r in some)
        bars = []
        for way in dict.fromkeys(r["way"] for r in some):
            times = {int(r["log2_rows"]): step_ms(r) or 0.0 for r in some if r["way"] == way}
            dots = [(f"2^{rows} rows", time) for rows, time in times.items() if rows != most]
            bars.append(Bar(way, "ours" if way.startswith(OURS) else "other", times.get(most), dots=dots))
        limits = limits_of([bar.value for bar in bars if bar.value])
        charts.append(bar_chart(f"ms a step, 2^{points} points, 2^{most} rows", bars, limits=limits, digits=2))
    return charts


def by_object(runs: list[Row], variant: str) -> dict[str, list[Row]]:
    """Runs of a variant by object, all seeds."""
    found: dict[str, list[Row]] = {}
    for row in runs:
        if row["variant"] == variant and not row["error"]:
            found.setdefault(f"{row['scene']} {row['object']}", []).append(row)
    return found


def values(rows: list[Row], key: str) -> list[float]:
    return [value for row in rows if (value := number(row, key)) is not None]


def seconds_to_target(curve: list[Row], target: Row) -> tuple[float | None, float | None]:
    """The first measured second at which the target is reached, and the one from which on it is kept."""
    reached = []
    for point in curve:
        near = (number(point, k) or 9.9 for k in ("chamfer_cm", "completeness_cm") if target[k])
        wanted = (float(target[k]) + CHAMFER_TOLERANCE for k in ("chamfer_cm", "completeness_cm") if target[k])
        shares = (number(point, k) or 0.0 for k in ("hidden_f2", "recall2") if target[k])
        least = (float(target[k]) - F_TOLERANCE for k in ("hidden_f2", "recall2") if target[k])
        ok = all(a <= b for a, b in zip(near, wanted, strict=True))
        reached.append(ok and all(a >= b for a, b in zip(shares, least, strict=True)))
    times = [float(point["seconds"]) for point in curve]
    first = times[reached.index(True)] if True in reached else None
    kept = next((times[i] for i in range(len(times)) if all(reached[i:])), None)
    return first, kept


def targets_of(curves: list[Row]) -> dict[tuple[str, str], tuple[Row, list[Row]]]:
    """Object -> quick's accuracy, and the curve of fast's first seed."""
    targets = {(row["scene"], row["object"]): row for row in read(HERE / "quick.csv")}
    found: dict[tuple[str, str], tuple[Row, list[Row]]] = {}
    for row in curves:
        name = (row["scene"], row["object"])
        if row["variant"] == "as_is" and row["seed"] == "0" and name in targets:
            found.setdefault(name, (targets[name], []))[1].append(row)
    return found


def targets_chart(curves: list[Row]) -> Chart:
    """Bars: from when on it is kept; dots: when it is first reached."""
    bars, times = [], []
    for name, (target, curve) in targets_of(curves).items():
        first, kept = seconds_to_target(curve, target)
        bars.append(Bar(" ".join(name), "ours", kept, dots=[] if first is None else [("first reached", first)]))
        times.append(kept or 0.0)
    return bar_chart("seconds to quick's accuracy, kept", bars, limits=limits_of(times), digits=1)


def targets_table(curves: list[Row]) -> str:
    """One row per object: when quick's accuracy is reached, and the accuracy at every measured step."""
    rows = []
    for name, (target, curve) in targets_of(curves).items():
        key = "chamfer_cm" if curve[0]["chamfer_cm"] else "completeness_cm"
        told = [f"{float(p['seconds']):.1f} s: {float(p[key]):.3f}" for p in curve]
        first, kept = (f"{t:.1f}" if t is not None else "not reached" for t in seconds_to_target(curve, target))
        rows.append([" ".join(name), f"{float(target[key]):.3f}", first, kept, ", ".join(told)])
    return table(["object", "quick, cm", "reached, s", "kept from, s", "Chamfer (completeness) over seconds"], rows)


def objects_table(rows: list[Row]) -> str:
    keys = ("chamfer_cm", "f1", "hidden_f2", "visible_chamfer_cm", "psnr_db")
    head = ["object", "seconds", *("Chamfer cm", "F 1 cm", "hidden F 2 cm", "visible Chamfer cm", "PSNR dB")]
    cells = []
    for row in rows:
        pairs = [f"{float(row[f'fast_{k}']):.3f} / {float(row[f'quick_{k}']):.3f}" for k in keys]
        cells.append([f"{row['scene']} {row['object']}, {row['category']}", f"{float(row['train_s']):.1f}", *pairs])
    means = [" / ".join(f"{mean(values(rows, f'{way}_{k}')):.3f}" for way in ("fast", "quick")) for k in keys]
    return table(head, [*cells, ["mean", f"{mean(values(rows, 'train_s')):.1f}", *means]])


def objects_chart(rows: list[Row]) -> Chart:
    bars = [Bar(f"{r['scene']} {r['object']}", "ours", number(r, "train_s")) for r in rows]
    limits = limits_of(values(rows, "train_s"))
    return bar_chart("seconds of training, fast", bars, limits=limits, digits=1)


def seconds_table(runs: list[Row]) -> str:
    """experiment=fast, and what it reaches when it trains ten times as long."""
    head = ["object", "seeds", "seconds", "512^3 mesh", "ms a step"]
    head += [f"{name}; ten times the steps" for name in list(ACCURACY.values())[:3]] + ["recall 2 cm; ten times"]
    longer = by_object(runs, "ten_times")
    rows = []
    for name, some in by_object(runs, "as_is").items():
        pair = [f"{spread(values(some, k))}; {spread(values(longer.get(name, []), k))}" for k in list(ACCURACY)[:3]]
        pair.append(f"{spread(values(some, 'recall2'))}; {spread(values(longer.get(name, []), 'recall2'))}")
        cells = [spread(values(some, k), d) for k, d in (("train_s", 1), ("mesh512_s", 2))]
        cells.append(spread(values(some, "ms_per_step"), 2))
        rows.append([name, str(len(some)), *cells, *("" if cell == "; " else cell for cell in pair)])
    return table(head, rows)


def seconds_charts(runs: list[Row]) -> list[Chart]:
    fast = by_object(runs, "as_is")
    charts = []
    for key, title in (("train_s", "seconds of training"), ("mesh512_s", "seconds of a 512^3 mesh")):
        bars = []
        for name, rows in fast.items():
            found = values(rows, key)
            dots = [(f"seed {row['seed']}", value) for row in rows if (value := number(row, key)) is not None]
            bars.append(Bar(name, "ours", mean(found) if found else None, dots=dots))
        limits = limits_of([v for rows in fast.values() for v in values(rows, key)])
        charts.append(bar_chart(title, bars, limits=limits, digits=2))
    return charts


def levers_table(runs: list[Row], name: str) -> str:
    rows = []
    for variant in dict.fromkeys(r["variant"] for r in runs):
        some = by_object(runs, variant).get(name, [])
        if some:
            counts = [f"{mean(values(some, 'steps')):.0f}", spread(values(some, "train_s"), 1)]
            cells = [spread(values(some, "ms_per_step"), 2), *(spread(values(some, k)) for k in ACCURACY)]
            rows.append([variant, *counts, *cells])
    return table([name, "steps", "seconds", "ms a step", *ACCURACY.values()], rows)


def levers_charts(runs: list[Row], name: str) -> list[Chart]:
    charts = []
    found = {v: by_object(runs, v).get(name, []) for v in dict.fromkeys(r["variant"] for r in runs)}
    measures: list[tuple[str, str, int, Callable[[str], bool]]] = [
        ("ms_per_step", "ms a step in the Trainer", 2, lambda v: v != "no_graph"),
        ("chamfer_cm", "Chamfer, cm", 3, lambda v: v != "no_graph"),
    ]
    for key, title, digits, wanted in measures:
        averages = {v: mean(values(rows, key)) for v, rows in found.items() if wanted(v) and values(rows, key)}
        bars = [Bar(v, "ours" if v == "as_is" else "other", value) for v, value in averages.items()]
        if bars:
            limits = limits_of(list(averages.values()))
            charts.append(bar_chart(f"{title}: {name}", bars, limits=limits, digits=digits))
    return charts


def write(folder: Path) -> None:
    """speed.md and speed.svg in `folder`."""
    names = ("steps", "stages", "rates", "runs", "curves", "fast")
    steps, stages, rates, runs, curves, fast = (read(folder / f"{name}.csv") for name in names)
    text, charts = [], []
    if steps:
        text.append(f"## Whole steps, points and rows\n\n{steps_table(steps)}")
        charts += steps_charts(steps)
    if stages:
        sizes = sorted({(int(r["log2_points"]), int(r["log2_rows"])) for r in stages})
        cells = {(r["stage"], int(r["log2_points"]), int(r["log2_rows"])): f"{float(r['ms']):.3f}" for r in stages}
        head = [f"stages of '{stages[0]['way']}', ms", *(f"2^{p}, 2^{r}" for p, r in sizes)]
        names = dict.fromkeys(r["stage"] for r in stages)
        text.append("## Stages\n\n" + table(head, ([n, *(cells.get((n, *size), "") for size in sizes)] for n in names)))
    if rates:
        text.append("## Rates\n\n" + table(["what", "rate"], ([r["rate"], r["value"]] for r in rates)))
    if fast:
        text.append(f"## experiment=fast on a GPU / quick on a CPU, by the command\n\n{objects_table(fast)}")
        charts.append(objects_chart(fast))
    if curves:
        text.append(f"## Seconds to quick's accuracy\n\n{targets_table(curves)}")
        charts.append(targets_chart(curves))
    if runs:
        text.append(f"## Training\n\n{seconds_table(runs)}")
        charts += seconds_charts(runs)
        changed = {f"{r['scene']} {r['object']}" for r in runs if r["variant"] not in ("as_is", "ten_times")}
        for name in sorted(changed):
            text.append(f"## Levers\n\n{levers_table(runs, name)}")
            charts += levers_charts(runs, name)
    first = (steps or runs)[0]
    title = f"# {first['device']}, PyTorch {first.get('torch', '')}, {first.get('date', '')}"
    (folder / "speed.md").write_text(f"{title}\n\n" + "\n".join(text))
    (folder / "speed.svg").write_text(standalone_svg(charts, columns=3))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "h100")
