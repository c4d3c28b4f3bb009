"""Every error as one clear line."""

import difflib
import errno
import os
import re
from collections.abc import Sequence
from typing import Any

from o2recon.machine import causes, device_error, out_of_memory

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class ObjectsFailed(RuntimeError):
    """The command finished, but some object failed; the message lists them. `results`: of all objects."""

    def __init__(self, message: str, results: list[dict[str, Any]]) -> None:
        super().__init__(message, results)
        self.results = results

    def __str__(self) -> str:
        return str(self.args[0])


class WorkedOnElsewhere(RuntimeError):
    """A job of a sweep found that another process works on its object."""


class MissingStage(ValueError):
    """A stage was asked for alone, but the one before was not run, or with other options; the message says which."""


def is_debugging(arguments: Sequence[str]) -> bool:
    """Whether full tracebacks are wanted: O2RECON_DEBUG=1 or hydra.verbose=true."""
    return os.environ.get("O2RECON_DEBUG") == "1" or "hydra.verbose=true" in arguments


def is_full_disk(error: BaseException) -> bool:
    """Whether the error comes from a disk (or quota) without space left.

    Torch's writer hides the number of the system's error, so its message counts too.
    """
    return any(
        (isinstance(e, OSError) and e.errno in FULL_DISK) or "no space left on device" in str(e).lower()
        for e in causes(error)
    )


def one_line(error: BaseException) -> str:
    """What is wrong and what to do about it, in one line."""
    if is_full_disk(error):
        name = next((e.filename for e in causes(error) if isinstance(e, OSError) and e.filename), None)
        return f"the disk is full{f' ({name})' if name else ''}: free some space and start the same command again"
    if (told := _of_the_machine(error)) is not None:
        return told
    from hydra.errors import HydraException, InstantiationException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, InstantiationException):
        cause = error.__cause__
        if isinstance(cause, (ValueError, ImportError, OSError)):
            return _squeezed(str(cause))
    if isinstance(error, OverrideParseException) and "/" in error.override and "=" not in error.override:
        return f"'{error.override}' is no option: write scene.root={error.override} if it is the scan"
    if isinstance(error, OverrideParseException):
        return f"cannot read the override '{error.override}': write key=value ({_squeezed(str(error))})"
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _composition(str(error))
    if isinstance(error, (ValueError, ImportError, OSError)) or type(error).__module__.startswith("o2recon."):
        return _squeezed(str(error))
    return f"{type(error).__name__}: {_squeezed(str(error))} (unexpected; O2RECON_DEBUG=1 shows where)"


def _of_the_machine(error: BaseException) -> str | None:
    """Of errors of memory and devices; None for others, and for those that only repeat them."""
    if isinstance(error, (ObjectsFailed, ValueError)):
        return None
    if (memory := out_of_memory(error)) is not None:
        said = _squeezed(str(memory)) or type(memory).__name__
        remedy = "lower data.num_rays, end what else uses it, or give device=cpu"
        if "CUDA" not in said:
            remedy = "end other programs, raise scene.frame_skip, or lower data.num_rays and data.rays.max_rays"
        return f"memory is short ({said[:120].rstrip('. ')}): {remedy}"
    if (device := device_error(error)) is not None:
        said = str(device).strip().splitlines()[0]
        return f"the GPU failed ({said[:120]}): the same command with retry=failed tries again, device=cpu does without"
    return None


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _composition(text: str) -> str:
    """Hydra's complaint about an override, with the closest thing that exists."""
    from o2recon.cli.options import all_keys

    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        close = difflib.get_close_matches(unknown[1], all_keys(), n=1, cutoff=0.7)
        return f"there is no option '{unknown[1]}'" + (f"; did you mean '{close[0]}'?" if close else "")
    missing = re.search(r"Could not find '([^']+)'", text)
    if missing:
        group, _, name = missing[1].rpartition("/")
        options = re.findall(r"^\t(\S+)$", text, re.MULTILINE)
        extra = {"ray": "ray", "submitit_slurm": "slurm", "submitit_local": "slurm"}.get(name)
        close = difflib.get_close_matches(name, options, n=1, cutoff=0.7)
        remedy = f": pip install 'o2recon[{extra}]'" if extra else f"; did you mean '{close[0]}'?" if close else ""
        return f"{group}={name} does not exist{remedy} (there are: {', '.join(options)})"
    several = re.search(r"Ambiguous value for argument '([^']+)'", text)
    if several:
        key, _, values = several[1].partition("=")
        listed = f"an option that takes a list is written '{key}=[{values}]'"
        return f"{several[1]} are several values: '-m' after the stage runs every one; {listed}"
    return _squeezed(text)
