"""The same chain from Python, for scripts and notebooks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import open_dict
from omegaconf.errors import OmegaConfBaseException

from o2recon.cli.errors import ObjectsFailed, one_line
from o2recon.cli.hydra_line import quoted
from o2recon.cli.launch import run_job
from o2recon.cli.overrides import experiment_here, with_defaults
from o2recon.cli.study import with_study
from o2recon.cli.values import check_values


def reconstruct(
    root: str | Path,
    *,
    object: int | Sequence[int] | str = "all",
    scene: str = "scannet",
    experiment: str | None = None,
    overrides: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Reconstruct objects of the scan in `root`; gives their results, as in `result.json`, failed ones included.

    `object`: an id, several, or "all" that pass the filters. `scene`: the reader. `experiment` None: fast with a GPU,
    else quick. `overrides`: what the command line takes, for instance ["mesh.spacing_m=0.01", "outputs=results"]; with
    "baselines=auto" the results of the baselines follow. ValueError for bad input.
    """
    wanted = object if isinstance(object, int | str) else f"[{','.join(str(i) for i in object)}]"
    own = [f"scene={scene}", f"scene.root={quoted(str(root))}", f"object={wanted}"]
    own += [] if any(o.startswith("baselines=") for o in overrides) else ["baselines=[]"]
    own += [] if experiment is None else [f"experiment={experiment}"]
    try:
        return _results([*experiment_here("run", [*own, *overrides]), *own, *overrides])
    except ObjectsFailed as failure:
        return failure.results
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(one_line(error)) from error


def _results(arguments: list[str]) -> list[dict[str, Any]]:
    check_values("run", arguments)
    with_study("run", arguments, sweeping=False)  # refused: this is no sweep
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=with_defaults("run", arguments), return_hydra_config=True)
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    results: list[dict[str, Any]] = run_job(config, choices)
    return results
