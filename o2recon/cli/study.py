"""A study as a file: the overrides of a sweep, key by key, where a list is swept.

    o2recon run -m sweep.file=experiments/ablations scene.root=/data/room

What the command line says too, it says instead of the file.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from o2recon.cli.errors import one_line
from o2recon.cli.hydra_line import quoted
from o2recon.cli.values import check_values

KEY, FILE = "sweep.file", "sweep.yaml"


@dataclass(frozen=True)
class Study:
    """The overrides that a sweep takes from `file`; without one there are none."""

    file: Path | None
    overrides: tuple[str, ...]

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """An error of what stands in the file names it."""
        try:
            yield
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            told = one_line(error)
            if self.file is None or not any(_speaks_of(told, override) for override in self.overrides):
                raise
            raise ValueError(f"{self.file}: {told}") from error


def with_study(stage: str, arguments: Sequence[str], *, sweeping: bool) -> tuple[list[str], Study]:
    """The arguments with those of the file that `sweep.file=` names before them, and the file.

    The file is a yaml mapping, or its folder's sweep.yaml; `study` is the folder's name unless somebody says otherwise.
    ValueError for a file that cannot be read, and outside of sweeps.
    """
    named = [a.partition("=")[2] for a in arguments if _key(a) == KEY]
    if not named or named[-1] in ("", "null"):
        return list(arguments), Study(None, ())
    if not sweeping:
        raise ValueError(f"{KEY}={named[-1]} is for sweeps: put -m after the stage")
    file = _found(named[-1])
    said = {_key(a) for a in arguments}
    content = {"study": file.absolute().parent.name} | _read(file)
    overrides = tuple(f"{key}={_text(file, key, value)}" for key, value in content.items() if key not in said)
    study = Study(file, overrides)
    with study.blamed():
        check_values(stage, overrides)
    return [*overrides, *(a for a in arguments if _key(a) != KEY)], study


def _found(name: str) -> Path:
    file = Path(name.strip("\"'"))
    file = file / FILE if file.is_dir() else file
    if file.is_file():
        return file
    there = sorted(str(f.parent) for f in Path("experiments").glob(f"*/{FILE}"))
    close = difflib.get_close_matches(str(file.parent if file.name == FILE else file), there, n=1)
    raise ValueError(f"{KEY}={name}: there is no {file}" + (f"; did you mean {close[0]}?" if close else ""))


def _read(file: Path) -> dict[str, Any]:
    """Dotted key -> value."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no yaml: {error}") from error
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{file}: write overrides as 'key: value', and lists for what is swept")
    return dict(_flat(file, content))


def _flat(file: Path, content: dict[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if not isinstance(name, str):
            raise ValueError(f"{file}: {prefix}{name} is no name of an option")
        key = f"{prefix}{name}"
        if key == KEY:
            raise ValueError(f"{file}: {KEY} names another file: a study is one")
        if isinstance(value, dict):
            yield from _flat(file, value, f"{key}.")
        else:
            yield key, value


def _text(file: Path, key: str, value: Any) -> str:
    """As Hydra reads it: the elements of a list are alternatives; a list among them, and an empty one, are values."""
    text = ",".join(_value(v) for v in value) if isinstance(value, list) and value else _value(value)
    try:
        OverridesParser.create().parse_override(f"{key}={text}")
    except HydraException as error:
        raise ValueError(f"{file}: {key}: {text} cannot be read as a value") from error
    return text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_value(v)}" for key, v in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return quoted(str(value))


def _key(argument: str) -> str:
    return argument.partition("=")[0].lstrip("+~")


def _speaks_of(told: str, override: str) -> bool:
    """Whether an error is about the option: "ablation=nona", "'ablation'", "object 7"."""
    return re.search(rf"(?<![\w./]){re.escape(_key(override))}(=|'|: | \d)", told) is not None
