"""Which run is logged, and the flat keys of its numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o2recon.workspace import ObjectFolder

TAG_LENGTH = 64
"""Characters that Weights & Biases takes."""


@dataclass(frozen=True)
class RunFacts:
    """One run of one object. `stage`: the word that the user typed; `config`: what decides the result.

    `study`: the folder `outputs/<study>`; `folder`: the run's own below it; `truth`: folder of the ground truth.
    """

    stage: str
    experiment: str
    ablation: str
    scene: str
    object: int
    category: str
    seed: int
    fingerprint: str
    config: dict[str, Any]
    study: Path
    folder: Path
    prepared: ObjectFolder
    truth: Path | None

    @property
    def name(self) -> str:
        """ "quick/none/room/2/seed_0" """
        return f"{self.experiment}/{self.ablation}/{self.scene}/{self.object}/seed_{self.seed}"

    @property
    def group(self) -> str:
        """ "main/quick": study and experiment."""
        return f"{self.study.name}/{self.experiment}"

    @property
    def tags(self) -> tuple[str, ...]:
        """ "scene:room", "object:2" ...: with their names, since object and seed are both numbers."""
        names = ("scene", "object", "category", "ablation", "seed")
        return tuple(f"{name}:{getattr(self, name)}"[:TAG_LENGTH] for name in names)

    @property
    def described(self) -> dict[str, Any]:
        """What runs are filtered and grouped by, besides the config."""
        names = ("stage", "experiment", "ablation", "scene", "object", "category", "seed", "fingerprint")
        return {name: getattr(self, name) for name in names} | {"study": self.study.name}


def numbers(result: dict[str, Any]) -> dict[str, float]:
    """The numbers of `result.json` under flat keys; what is null is left out, true is 1.

    test/<metric> of the complete surface, test/<part>/<metric> of the others, verdict/<name>, evidence/<share>,
    mesh/<fact>, seconds/<stage>, seconds/total.
    """
    content: dict[str, Any] = {}
    for part, values in (result.get("metrics") or {}).items():
        content["test" if part == "complete" else f"test/{part}"] = values
    content |= {key: result.get(key) for key in ("verdict", "evidence", "mesh", "seconds")}
    flat = {
        f"{prefix}/{name}": float(value)
        for prefix, values in content.items()
        for name, value in (values or {}).items()
        if isinstance(value, int | float)
    }
    seconds = [value for key, value in flat.items() if key.startswith("seconds/")]
    return flat | ({"seconds/total": sum(seconds)} if seconds else {})
