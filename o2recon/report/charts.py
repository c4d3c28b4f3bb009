"""Bars with whiskers and dots, and stacked bars, as inline SVG whose colours come from CSS classes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

Number = float | int
WIDTH = 360
_LABEL, _VALUE = 112, 44
_ROW, _TOP, _BOTTOM = 24, 30, 22
_PLOT = WIDTH - _LABEL - _VALUE
_STAGES = ("#5b8db8", "#6fb0a0", "#c9a55f", "#b5879f", "#8a86bd", "#cf8a63", "#7d9a5b", "#93a0ae")

STYLE = """
text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #6e7781; }
text.strong { font-weight: 600; } text.title { font-size: 12.5px; font-weight: 600; }
.grid { stroke: #8b949e; stroke-opacity: .3; } .zero { stroke: #6e7781; }
.whisker { stroke: #6e7781; stroke-width: 1.4; }
.ours { fill: #0e9384; } .other { fill: #8b7cc6; } .baseline { fill: #8b949e; }
rect.ours, rect.other, rect.baseline { fill-opacity: .38; } circle { fill-opacity: .75; }
"""
"""Colours for a picture on its own: middle tones that can be read on white and on black."""


@dataclass(frozen=True)
class Bar:
    """One row. `value` None: nothing known. `dots`: (name, value) per object; `kind`: "ours", "other", "baseline"."""

    label: str
    kind: str
    value: float | None
    low: float | None = None
    high: float | None = None
    dots: Sequence[tuple[str, float]] = ()
    strong: bool = False


@dataclass(frozen=True)
class Chart:
    """`body`: SVG elements in a box of WIDTH x `height`. `alt`: the numbers as text."""

    title: str
    height: int
    body: str
    alt: str
    legend: Mapping[str, str] = field(default_factory=dict)


def bar_chart(title: str, bars: Sequence[Bar], *, limits: tuple[float, float], digits: int = 3) -> Chart:
    """Horizontal bars from 0, `limits` being the ends of the axis (0 among them)."""
    bottom = _TOP + _ROW * len(bars)
    parts = [_text(0, 13, title, "title"), *_axis(limits, bottom)]
    parts += [_bar(bar, _TOP + _ROW * i, limits, digits) for i, bar in enumerate(bars)]
    parts.append(f'<line class="zero" x1="{_x(0, limits)}" x2="{_x(0, limits)}" y1="{_TOP - 4}" y2="{bottom}"/>')
    told = [f"{b.label} {_number(b.value, digits, limits)}" for b in bars]
    return Chart(title, bottom + _BOTTOM, "".join(parts), f"{title}: {', '.join(told)}")


def stacked_chart(title: str, rows: Mapping[str, Mapping[str, float]]) -> Chart:
    """Per label the seconds of its stages, stacked; the total at the end."""
    stages = list(dict.fromkeys(stage for parts in rows.values() for stage in parts))
    colors = {stage: _STAGES[i % len(_STAGES)] for i, stage in enumerate(stages)}
    limits = (0.0, max([sum(parts.values(), 0.0) for parts in rows.values()] + [1e-9]))
    body = [_text(0, 13, title, "title")]
    for i, (label, parts) in enumerate(rows.items()):
        y, at = _TOP + _ROW * i, 0.0
        body.append(_text(0, y + 12, _short(label)))
        for stage, seconds in parts.items():
            x, end = _x(at, limits), _x(at + seconds, limits)
            hint = f"<title>{escape(f'{label}: {stage} {duration(seconds)}')}</title>"
            box = f'x="{x}" y="{y + 2}" width="{max(end - x, 0.4):.1f}" height="12"'
            body.append(f'<rect {box} fill="{colors[stage]}">{hint}</rect>')
            at += seconds
        body.append(
            _text(_x(at, limits) + 5, y + 12, duration(at) if parts else "not timed", "strong" if parts else "")
        )
    legend_y = _TOP + _ROW * len(rows) + 8
    keys, height = _keys(colors, legend_y)
    told = [f"{label} {duration(sum(parts.values(), 0.0)) if parts else 'not timed'}" for label, parts in rows.items()]
    return Chart(title, height, "".join(body) + keys, f"{title}: {', '.join(told)}")


def inline_svg(chart: Chart) -> str:
    """For the page, which has the style."""
    box = f'viewBox="0 0 {WIDTH} {chart.height}"'
    return (
        f'<svg class="chart" {box} role="img" aria-label="{escape(chart.alt, {chr(34): "&quot;"})}">{chart.body}</svg>'
    )


def standalone_svg(charts: Sequence[Chart], *, columns: int, gap: int = 28) -> str:
    """The charts side by side as one file with its own style."""
    rows = [charts[i : i + columns] for i in range(0, len(charts), columns)]
    width = columns * WIDTH + (columns - 1) * gap + 16
    y, parts = 8, []
    for row in rows:
        for i, chart in enumerate(row):
            place = f'x="{8 + i * (WIDTH + gap)}" y="{y}" width="{WIDTH}" height="{chart.height}"'
            parts.append(f"<svg {place}>{chart.body}</svg>")
        y += max(chart.height for chart in row) + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}">'
    title = "".join(f"{escape(chart.alt)}. " for chart in charts)
    return f"{head}<title>{title}</title><style>{STYLE}</style>{''.join(parts)}</svg>\n"


def limits_of(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that holds `values` and 0: multiples of 1, 2 or 5 times a power of ten."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    step = _step(max(high - low, 1e-6))
    return step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9) or step


def duration(seconds: float) -> str:
    """Seconds below 100, then minutes, then hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _bar(bar: Bar, y: Number, limits: tuple[float, float], digits: int) -> str:
    middle = y + 8
    parts = [_text(0, y + 12, _short(bar.label), "strong" if bar.strong else "")]
    if bar.value is None:
        return parts[0] + _text(_LABEL, y + 12, "no score")
    left, right = sorted((_x(0, limits), _x(bar.value, limits)))
    parts.append(f'<rect class="{bar.kind}" x="{left}" y="{y + 1}" width="{right - left:.1f}" height="14" rx="1"/>')
    for i, (name, value) in enumerate(bar.dots):
        hint = f"<title>{escape(name)}: {_number(value, digits, limits)}</title>"
        at = middle + 4.5 * ((i * 0.618) % 1 - 0.5) * 2
        parts.append(f'<circle class="{bar.kind}" cx="{_x(value, limits)}" cy="{at:.1f}" r="2">{hint}</circle>')
    if bar.low is not None and bar.high is not None:
        a, b = _x(bar.low, limits), _x(bar.high, limits)
        path = f"M{a} {middle}H{b}M{a} {middle - 4}v8M{b} {middle - 4}v8"
        parts.append(f'<path class="whisker" d="{path}" fill="none"/>')
    parts.append(_text(WIDTH, y + 12, _number(bar.value, digits, limits), "end strong" if bar.strong else "end"))
    return "".join(parts)


def _axis(limits: tuple[float, float], bottom: Number) -> list[str]:
    step = _step(limits[1] - limits[0])
    first, last = math.ceil(limits[0] / step - 1e-9), math.floor(limits[1] / step + 1e-9)
    parts = []
    for i in range(first, last + 1):
        x = _x(i * step, limits)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 14, f"{i * step:.{_decimals(step)}f}", "middle"))
    return parts


def _keys(colors: Mapping[str, str], y: Number) -> tuple[str, int]:
    """Coloured squares with names, wrapped at WIDTH; and where they end."""
    x, parts = 0.0, []
    for name, color in colors.items():
        size = 22 + 6.2 * len(name)
        if x + size > WIDTH:
            x, y = 0.0, y + 17
        parts.append(f'<rect x="{x:.0f}" y="{y}" width="9" height="9" rx="2" fill="{color}"/>')
        parts.append(_text(x + 13, y + 9, name))
        x += size
    return "".join(parts), int(y + 18)


def _text(x: Number, y: Number, text: str, style: str = "") -> str:
    anchor = next((f' text-anchor="{a}"' for a in ("middle", "end") if a in style), "")
    names = " ".join(s for s in style.split() if s not in ("middle", "end"))
    return (
        f'<text x="{x:g}" y="{y:g}"{anchor}{f" class={chr(34)}{names}{chr(34)}" if names else ""}>{escape(text)}</text>'
    )


def _x(value: Number, limits: tuple[float, float]) -> float:
    return round(_LABEL + _PLOT * (value - limits[0]) / (limits[1] - limits[0]), 1)


def _number(value: Number | None, digits: int, limits: tuple[float, float]) -> str:
    if value is None:
        return "no score"
    return f"{value:+.{digits}f}" if limits[0] < 0 else f"{value:.{digits}f}"


def _step(span: float) -> float:
    """Distance of about four to five ticks."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= span / 5 - 1e-12)


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _short(label: str) -> str:
    return label if len(label) <= 19 else label[:18] + "…"
