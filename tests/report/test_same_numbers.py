"""The tables of the page, of the CSV and of the LaTeX files say the same, cell by cell."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_up_study import metrics, write_run

NOTHING = "\N{EN DASH}"


class Tables(HTMLParser):
    """Texts of the cells of every table by its id, without what is small in them; keys: the data-key of headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.keys: dict[str, list[str]] = {}
        self.rows: dict[str, list[tuple[dict[str, str], list[str]]]] = {}
        self.table, self.cell, self.body, self.inner = "", False, {}, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attributes}
        if tag == "table":
            self.table = found.get("id", "")
            self.keys[self.table], self.rows[self.table] = [], []
        elif tag == "tbody":
            self.body = {k.removeprefix("data-"): v for k, v in found.items()}
        elif tag == "tr":
            self.rows[self.table].append((self.body | {"method": found.get("data-method", "")}, []))
        elif tag in ("th", "td"):
            self.cell, self.inner = True, ""
            self.rows[self.table][-1][1].append("")
            if "data-key" in found:
                self.keys[self.table].append(found["data-key"])
        elif self.cell:
            self.inner = "v" if found.get("class") == "v" else "small" if tag == "small" else self.inner

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self.cell = False

    def handle_data(self, data: str) -> None:
        if self.table and self.cell and self.inner != "small" and data.strip():
            self.rows[self.table][-1][1][-1] += data.strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_report: Any) -> Path:
    """Two methods and an ablation on three objects, one of them failed, one deleted, one missing."""
    root = tmp_path_factory.mktemp("same")
    for m, method in enumerate((("quick", "none"), ("quick", "no_mask"), ("tsdf", "none"))):
        for number in (1, 2, 3):
            value = 0.9 - 0.07 * m - 0.11 * number
            scores = {"complete": {**metrics(value), "iou": value}, "hidden": metrics(value - 0.1)}
            scores["visible"] = metrics(value + 0.1)
            if (m, number) == (1, 3):
                continue
            run = write_run(root / "s", method, ("room", number), metrics=scores)
            if (m, number) == (0, 2):
                (run / "mesh.ply").unlink()
    return make_report(media="none")(root / "s", root / "work").parent


def page_rows(folder: Path, table: str) -> list[tuple[dict[str, str], dict[str, str]]]:
    page = Tables((folder / "index.html").read_text())
    keys = page.keys[table]
    rows = [
        (body, cells)
        for body, cells in page.rows[table]
        if len(cells) == len(keys) and cells[0] not in ("Method", "Object")
    ]
    return [(body, dict(zip(keys, ["" if c == NOTHING else c for c in cells], strict=True))) for body, cells in rows]


def csv_rows(folder: Path, table: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / f"{table}.csv").read_text().splitlines()))


def tex_rows(folder: Path, table: str) -> list[list[str]]:
    lines = [
        line.removesuffix(r" \\")
        for line in (folder / f"{table}.tex").read_text().splitlines()
        if line.endswith(r" \\")
    ]
    cells = [[re.sub(r"^\\textbf\{(.*)\}$", r"\1", c) for c in line.split(" & ")] for line in lines[1:]]
    return [[re.sub(r"\\([&%$#_{}])", r"\1", c).strip() for c in row] for row in cells]


def test_the_methods_table(folder: Path) -> None:
    page, table = page_rows(folder, "methods"), csv_rows(folder, "methods")
    assert len(page) == len(table) == 2 * 2 + 2 * 3  # the ablation lacks an object: no row among the common ones
    compared = 0
    for body, cells in page:
        where = (body["over"], body["statistic"], body["method"])
        (row,) = [r for r in table if (r["over"], r["statistic"], f"{r['experiment']} / {r['ablation']}") == where]
        for key, text in cells.items():
            if key != "method":
                assert text == row[key], key
                compared += 1
    assert compared == 10 * 12
    printed = [k for k in table[0] if not k.endswith(("_low", "_high"))]
    assert tex_rows(folder, "methods") == [[row[k] for k in printed] for row in table]


def test_the_table_of_objects(folder: Path) -> None:
    page, table = page_rows(folder, "overview"), csv_rows(folder, "table")
    assert len(page) == len(table) == 8
    for (_, cells), row in zip(page, table, strict=True):
        for key in set(cells) & set(row) - {"status"}:
            assert cells[key] == row[key], key
        assert cells["status"].startswith(row["status"])
        assert {"chamfer_cm", "iou", "normal_consistency_signed", "guessed", "seconds", "verdict"} <= set(cells)
    assert tex_rows(folder, "table") == [list(row.values()) for row in table]


def test_a_deleted_mesh_is_listed_as_failed_everywhere(folder: Path) -> None:
    for name in ("index.html", "table.csv", "table.md", "table.tex"):
        assert "mesh.ply" in (folder / name).read_text().replace("\\", ""), name
    (row,) = [r for r in csv_rows(folder, "table") if r["status"] == "failed"]
    assert (row["experiment"], row["object"], row["iou"], row["chamfer_cm"]) == ("quick", "2", "0.000", "")
    mean = next(r for r in csv_rows(folder, "methods") if r["over"] == "all")
    assert mean["failed"] == "1" and float(mean["iou"]) == pytest.approx((0.79 + 0 + 0.57) / 3, abs=1e-3)
