"""Runs -> one self-contained HTML page, a picture of it, and its tables as CSV, Markdown and TeX. Sees files only."""

from o2recon.report.collect import Run, collect_runs
from o2recon.report.methods import Methods, methods_table
from o2recon.report.page import Report
from o2recon.report.table import Table, build_table

__all__ = ["Methods", "Report", "Run", "Table", "build_table", "collect_runs", "methods_table"]
