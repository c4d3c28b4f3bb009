"""Tables as CSV, Markdown and LaTeX. All print the cells' texts."""

import csv
import io
from collections.abc import Sequence

from o2recon.report.table import Cell, Column, Row, Table


def to_csv(table: Table) -> str:
    """One line of keys, then the rows; nothing known = an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    for row in table.rows:
        writer.writerow(cell.text for cell in row.cells)
    return buffer.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table; the best ones in bold."""
    columns = _printed(table)
    lines = [[_heading(c) for c in columns], ["---:" if c.numeric else "---" for c in columns]]
    for row in table.rows:
        lines.append([f"**{_md(c.text)}**" if c.best else _md(c.text) for c in _cells(table, row)])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def to_tex(table: Table) -> str:
    """A booktabs tabular (\\usepackage{booktabs}); the best ones in bold."""
    columns = _printed(table)
    alignment = "".join("r" if c.numeric else "l" for c in columns)
    headings = _tex_row([_tex(_heading(c)) for c in columns])
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", headings, r"\midrule"]
    for row in table.rows:
        lines.append(_tex_row([rf"\textbf{{{_tex(c.text)}}}" if c.best else _tex(c.text) for c in _cells(table, row)]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _printed(table: Table) -> list[Column]:
    return [c for c in table.columns if not c.csv_only]


def _cells(table: Table, row: Row) -> list[Cell]:
    return [cell for column, cell in zip(table.columns, row.cells, strict=True) if not column.csv_only]


def _heading(column: Column) -> str:
    return f"{column.group} {column.title}".strip() if column.numeric else column.title


def _md(text: str) -> str:
    for character in "\\|*_<>`[]":
        text = text.replace(character, "\\" + character)
    return text


def _tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
    return "".join(special.get(c, "\\" + c if c in "&%$#_{}" else c) for c in text)


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
