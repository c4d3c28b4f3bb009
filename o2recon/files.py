"""Files that are either whole or not there. Imports nothing heavy: a sweep's processes write them too."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTIAL = ".partial-"
"""How names of files begin that are not whole yet."""


def remove_partial(folder: Path) -> None:
    """Delete what writers left below `folder` when they were killed. Only for who knows that nobody writes there."""
    for path in list(folder.rglob(f"{PARTIAL}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` to write to; it takes the name of `path` only when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # writing to an open file names none
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_written_atomically(folder: Path) -> Iterator[Path]:
    """A temporary sibling to write to; it takes the place of `folder` only when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{folder.name}-", dir=folder.parent))
    before = temporary.with_name(temporary.name + "-before")
    try:
        yield temporary
        temporary.chmod(0o755)
        if folder.exists():
            folder.rename(before)
        try:
            temporary.rename(folder)
        except OSError:
            if before.exists():
                before.rename(folder)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """JSON with a stable layout, written atomically."""
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
