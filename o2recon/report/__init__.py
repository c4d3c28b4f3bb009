"""Runs -> one self-contained HTML page and the same table as CSV, Markdown and TeX. Sees files only."""

from o2recon.report.collect import Run, collect_runs
from o2recon.report.page import Report
from o2recon.report.table import Table, build_table

__all__ = ["Report", "Run", "Table", "build_table", "collect_runs"]
