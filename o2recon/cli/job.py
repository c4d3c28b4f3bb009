"""One composed config with the names of its choices: what a stage is asked to do, and where its files go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf


@dataclass(frozen=True)
class Job:
    """A resolved request. `experiment` and `ablation` are names; several stacked ablations are joined by '+'."""

    config: DictConfig
    experiment: str
    ablation: str
    room: str
    """Name of the chosen synthetic room."""

    @property
    def stage(self) -> str:
        return str(self.config.stage)

    @property
    def device(self) -> str:
        """Where tensors live: `device=`, with 'auto' resolved. ValueError for what this machine does not have."""
        import torch

        name = str(self.config.device)
        if name == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        kind, _, number = name.partition(":")
        if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
            raise ValueError(f"device={name}: choose auto, cpu, cuda or cuda:<number>")
        if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
            raise ValueError(f"device={name}: torch sees {torch.cuda.device_count()} GPUs here; choose another, or cpu")
        return name

    @property
    def study(self) -> Path:
        """`outputs/<study>`"""
        return Path(self.config.outputs) / str(self.config.study)

    def run_folder(self, scene: str, object_id: int) -> Path:
        """`outputs/<study>/<experiment>/<ablation>/<scene>/<object>/seed_<n>`"""
        return self.scene_folder(scene) / str(object_id) / f"seed_{self.config.seed}"

    def scene_folder(self, scene: str) -> Path:
        return self.study / self.experiment / self.ablation / scene

    def prepared_folder(self, scene: str, object_id: int) -> Path:
        """`work/<scene>/objects/<object>`; ablations of the preparation have a folder of their own beside `objects`."""
        return Path(self.config.work) / scene / str(self.config.prepared) / str(object_id)

    def plain(self, group: str) -> Any:
        """One part of the config, resolved, as plain containers."""
        return OmegaConf.to_container(self.config, resolve=True)[group]  # type: ignore[index, call-overload]


def choices_of(runtime_choices: dict[str, Any]) -> dict[str, str]:
    """Names of the chosen experiment, ablation and synthetic room from Hydra's record of choices."""
    names = {"experiment": "experiment", "ablation": "ablation", "room": "synth"}
    return {field: _name(runtime_choices[group]) for field, group in names.items()}


def _name(choice: Any) -> str:
    if isinstance(choice, str) and choice.startswith("["):
        choice = choice.strip("[]").split(",")
    return choice if isinstance(choice, str) else "+".join(str(c).strip() for c in choice)
