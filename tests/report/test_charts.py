import re
import xml.etree.ElementTree as ElementTree

import pytest

from o2recon.report.charts import Bar, bar_chart, duration, inline_svg, limits_of, stacked_chart, standalone_svg


def drawn(chart: str, tag: str) -> list[dict[str, str]]:
    root = ElementTree.fromstring(chart.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    return [element.attrib for element in root.iter(tag)]


def test_a_bar_is_as_long_as_its_value() -> None:
    bars = [Bar("a", "ours", 0.5), Bar("b", "baseline", 1.0), Bar("c", "other", None)]
    widths = [float(r["width"]) for r in drawn(inline_svg(bar_chart("F", bars, limits=(0.0, 1.0))), "rect")]
    assert len(widths) == 2 and widths[0] == pytest.approx(widths[1] / 2, abs=0.2)


def test_whiskers_and_dots_stand_at_their_values() -> None:
    bar = Bar("a", "ours", 0.0, low=-0.1, high=0.1, dots=[("x", -0.1), ("y", 0.1)])
    svg = inline_svg(bar_chart("difference", [bar], limits=(-0.1, 0.1)))
    first, last = re.findall(r"[MH]([\d.]+)", drawn(svg, "path")[0]["d"])[:2]
    dots = [float(d["cx"]) for d in drawn(svg, "circle")]
    assert dots == [float(first), float(last)]
    assert sum(dots) / 2 == pytest.approx(float(drawn(svg, "line")[-1]["x1"]), abs=0.1)


def test_stages_add_up_and_what_was_not_timed_says_so() -> None:
    chart = stacked_chart("Time", {"quick": {"masks": 10.0, "train": 30.0}, "somebody": {}})
    rects = [r for r in drawn(inline_svg(chart), "rect") if r["height"] == "12"]
    assert float(rects[1]["width"]) == pytest.approx(3 * float(rects[0]["width"]), abs=0.4)
    assert "40.0 s" in chart.body and "not timed" in chart.body


def test_names_are_escaped_and_the_numbers_are_told() -> None:
    svg = inline_svg(bar_chart("F", [Bar('<b>"&', "ours", 0.25, dots=[("<i>", 0.5)])], limits=(0.0, 1.0)))
    (root,) = drawn(svg, "svg")
    assert root["aria-label"] == 'F: <b>"& 0.250'


def test_the_picture_alone_carries_its_style_and_fits_its_charts() -> None:
    charts = [bar_chart(str(i), [Bar("a", "ours", 0.5)], limits=(0.0, 1.0)) for i in range(3)]
    svg = standalone_svg(charts, columns=2)
    root, *inner = drawn(svg, "svg")
    assert len(inner) == 3 and "<style>" in svg and "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    for box in inner:
        assert float(box["x"]) + float(box["width"]) <= float(root["width"])
        assert float(box["y"]) + float(box["height"]) <= float(root["height"])


@pytest.mark.parametrize("values", [[0.02, -0.013], [3.0, 170.0], [-0.4], []])
def test_an_axis_holds_its_values_and_zero(values: list[float]) -> None:
    low, high = limits_of(values)
    assert low <= min([*values, 0.0]) and high >= max([*values, 0.0]) and low < high


def test_times_are_told_in_the_unit_that_fits() -> None:
    assert [duration(s) for s in (9.96, 150.0, 7200.0)] == ["10.0 s", "2.5 min", "2.0 h"]
