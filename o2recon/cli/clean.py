"""The stage `clean`: frees disk space, of nothing but what can be made again."""

import logging
from pathlib import Path

from o2recon.cli.job import Job
from o2recon.sweep import KINDS, Removable, bytes_shown, removable, remove

logger = logging.getLogger(__name__)


def run(job: Job) -> list[Removable]:
    """Print what could be deleted, and with `clean.delete=true` delete it. ValueError for an unknown kind."""
    work, study = Path(job.config.work), job.study
    what = job.config.clean.what
    kinds = [what] if isinstance(what, str) else list(what)
    found = removable(work, study, kinds)
    for kind in kinds:
        items = [r for r in found if r.kind == kind]
        print(f"{kind:12} {bytes_shown(sum(r.num_bytes for r in items)):>9}  {len(items):4} folders  {KINDS[kind]}")
        for item in items:
            logger.debug("%s", item.path)
    if not found:
        print(f"nothing to delete in {work} and {study}")
        return []
    if not job.config.clean.delete:
        print(f"{bytes_shown(sum(r.num_bytes for r in found))} in all; add clean.delete=true to delete it")
        return found
    gone = list(remove(found))
    print(f"deleted {bytes_shown(sum(r.num_bytes for r in gone))} in {len(gone)} folders")
    if left := len(found) - len(gone):
        print(f"{left} folders stay: somebody has begun to work with them")
    return gone
