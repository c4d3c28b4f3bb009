"""torchmetrics classes: means over objects that any number of processes saw, with failures counted, not dropped."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from o2recon.evaluate.batched import batched_distance_values
from o2recon.evaluate.distances import DISTANCES, checked_thresholds


class ObjectMeans(Metric):
    """Means of given values per object. What an object has no value for (None, nan) does not enter that mean.

    Sums and counts are kept, so processes may see any number of objects, none included.
    """

    full_state_update = False
    total: Tensor
    count: Tensor
    objects: Tensor
    failed: Tensor

    def __init__(self, *, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        zeros = torch.zeros(len(self.names), dtype=torch.float64)
        self.add_state("total", zeros, dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(len(self.names), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("objects", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("failed", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, values: Mapping[str, float | int | None], *, failed: bool) -> None:
        """One object, e.g. the `complete` part of its result.json. ValueError when a name is missing."""
        missing = [name for name in self.names if name not in values]
        if missing:
            raise ValueError(f"the values of an object lack {', '.join(missing)}: give None where one is unknown")
        row = [torch.nan if values[name] is None else float(values[name]) for name in self.names]  # type: ignore[arg-type]
        self._add(torch.tensor([row], dtype=torch.float64), int(failed))

    def compute(self) -> dict[str, Tensor]:
        """The mean of every name (nan when no object has a value), `objects` and `failed`."""
        means = self.total / self.count
        return dict(zip(self.names, means, strict=True)) | {"objects": self.objects, "failed": self.failed}

    def _add(self, rows: Float[Tensor, "objects names"], failed: int) -> None:
        rows = rows.to(self.total)
        known = ~rows.isnan()
        self.total += torch.where(known, rows, 0).sum(0)
        self.count += known.sum(0)
        self.objects += len(rows)
        self.failed += failed


class SurfaceDistances(ObjectMeans):
    """Accuracy, completeness, both chamfers and the shares at `thresholds_cm` of batches of surface samples.

    An object without predicted points has failed: its shares are 0 and count, its distances stay out of the means.
    """

    def __init__(self, *, thresholds_cm: Sequence[float | int]) -> None:
        self.thresholds_cm = checked_thresholds(thresholds_cm)
        shares = [f"{n}_{t:g}cm" for t in self.thresholds_cm for n in ("precision", "recall", "f_score")]
        super().__init__(names=(*DISTANCES, *shares))

    def update(  # type: ignore[override]
        self,
        prediction: Float[Tensor, "batch predicted 3"],
        truth: Float[Tensor, "batch true 3"],
        *,
        prediction_counts: Int[Tensor, "batch"] | None = None,
        truth_counts: Int[Tensor, "batch"] | None = None,
    ) -> None:
        """Samples of a batch of objects (world, metres) as `batched_distance_values` takes them."""
        values = batched_distance_values(
            prediction,
            truth,
            prediction_counts=prediction_counts,
            truth_counts=truth_counts,
            thresholds_cm=self.thresholds_cm,
        )
        rows = torch.stack([values[name] for name in self.names], 1)
        self._add(rows, int(rows[:, 0].isnan().sum()))
