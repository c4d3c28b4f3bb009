"""Failures of many in one line."""

from collections.abc import Sequence

SHOWN_REASONS, SHOWN_NAMES = 3, 3


def told_together(failures: Sequence[tuple[str, str]]) -> str:
    """Who failed and why, of pairs of these: equal reasons once, those of most first, three of them and of their names.

    As 'chair, table and 5 more: no depth; sofa: out of memory'.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in failures:
        by_reason.setdefault(reason, []).append(name)
    listed = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    told = [f"{names_of(names)}: {reason}" for reason, names in listed[:SHOWN_REASONS]]
    if rest := sum(len(names) for _, names in listed[SHOWN_REASONS:]):
        told.append(f"{rest} more for other reasons, which 'o2recon status' lists")
    return "; ".join(told)


def names_of(names: Sequence[str]) -> str:
    """The first three, and how many there are besides."""
    shown, more = ", ".join(names[:SHOWN_NAMES]), len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
