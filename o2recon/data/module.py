"""One object's training data: every ray and the volume as tensors on the device, batches drawn by index."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch

from o2recon.data.hull import limited_to_hull
from o2recon.data.points import PointBatch, PointSampler, VolumeField
from o2recon.data.rays import RayBuilder
from o2recon.data.sampler import RaySampler
from o2recon.data.table import RayTable, concatenated
from o2recon.tensors import RayBatch
from o2recon.types import ObjectFrame
from o2recon.workspace import ObjectFolder


@dataclass(frozen=True)
class Draw:
    """What one optimiser step sees."""

    rays: RayBatch
    points: PointBatch


class ObjectData(pl.LightningDataModule):
    """Blocks of `steps_per_block` steps for training, up to `num_steps`; rays of the held-out views for validation.

    A step draws for itself, where the tensors are. The generator that it draws from depends on `seed` and the step
    alone, so that a resumed run sees what an uninterrupted one would have seen.
    `shares`, `one_view`: see RaySampler. `points`: arguments of PointSampler (counts and metres). `num_val_rays`: in
    all held-out views together. With `hull_margin` (metres) training renders rays only where they pass the permitted
    volume or come that close to it; None: all the way through the box, as validation always does. ValueError when the
    object was not prepared or no view looks at it.
    """

    def __init__(
        self,
        *,
        folder: ObjectFolder,
        rays: RayBuilder,
        shares: dict[str, float],
        one_view: bool,
        num_rays: int,
        points: dict[str, Any],
        num_val_rays: int,
        val_chunk: int,
        hull_margin: float | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.folder, self.builder, self.seed = folder, rays, seed
        self.shares, self.one_view = dict(shares), one_view
        self.num_rays, self.point_options = num_rays, dict(points)
        self.num_val_rays, self.val_chunk = num_val_rays, val_chunk
        if hull_margin is not None and hull_margin <= 0:
            raise ValueError(f"data.hull_margin={hull_margin}: must be > 0 metres, or null for whole rays")
        self.hull_margin, self.is_limited = hull_margin, False
        self.frame: ObjectFrame | None = None
        self.first_step, self.steps_per_block, self.num_steps = 0, 1, 0
        self.sample_share = 1.0
        """Of the rays and points a step that the config asks for; less than 1 where memory was short."""
        self.share = slice(None)
        """Of every step's rays and points, those of this process."""

    def take_share(self, share: float) -> None:
        """Draw that share of the rays and points a step, from (0, 1], and look at as much less of a view at once."""
        if self.frame is not None:
            raise RuntimeError("a share of the samples is taken before setup")
        self.sample_share = share
        self.num_rays, self.val_chunk = math.ceil(self.num_rays * share), math.ceil(self.val_chunk * share)
        counts = {k: math.ceil(v * share) for k, v in self.point_options.items() if k.startswith("num_")}
        self.point_options |= counts

    def setup(self, stage: str | None = None) -> None:
        """Read the views once; later calls do nothing."""
        if self.frame is not None:
            return
        record = self.folder.read_record()
        self.frame = record.frame
        self.volume = VolumeField(self.folder.read_volume())
        tables: dict[bool, list[RayTable]] = {False: [], True: []}
        with ThreadPoolExecutor() as pool:
            built = pool.map(lambda view: self.builder(self.folder.read_view(view), record.frame), record.views)
            for view, table in zip(record.views, built, strict=True):
                tables[view.held_out].append(table)
        if not any(len(table) for table in tables[False]):
            raise ValueError(
                f"{self.folder.path}: no training view looks at the object: prepare it again with more views"
            )
        self.train_table = concatenated(tables[False])
        self.val_table = self._validation_rows(tables[True])
        self._samplers()

    def _samplers(self) -> None:
        assert self.frame is not None
        self.draw_rays = RaySampler(
            self.train_table, shares=self.shares, num_rays=self.num_rays, one_view=self.one_view
        )
        inflation = self.builder.box_inflation
        self.draw_points = PointSampler(
            self.volume, box_inflation=inflation, scale=self.frame.scale, **self.point_options
        )

    def _validation_rows(self, tables: list[RayTable]) -> RayTable | None:
        if not any(len(table) for table in tables):
            return None
        table = concatenated(tables)
        generator = torch.Generator().manual_seed(0)
        return table.rows(torch.randperm(len(table), generator=generator)[: self.num_val_rays].sort().values)

    def move_to(self, device: torch.device) -> None:
        """Put everything on `device`; batches are drawn there."""
        if self.train_table.view.device != device:
            self.train_table = self.train_table.to(device)
            self.val_table = None if self.val_table is None else self.val_table.to(device)
            self.volume = self.volume.to(device)
            self._samplers()
        if self.hull_margin is not None and not self.is_limited:
            assert self.frame is not None
            self.train_table = limited_to_hull(
                self.train_table, self.volume, margin=self.hull_margin / self.frame.scale
            )
            self.is_limited = True

    def draw(self, generator: torch.Generator) -> Draw:
        """The rays and points of one optimiser step: always as many, and nothing waits for the device.

        Every process draws the whole batch and takes its `share`, so that a step is the same for any number of them."""
        rows = self.draw_rays(generator)[self.share]
        return Draw(self.train_table.batch(rows), self.draw_points(generator, self.share))

    def train_dataloader(self) -> "Blocks":
        return Blocks(self)

    def val_dataloader(self) -> "Chunks":
        return Chunks(self.val_table, self.val_chunk)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Steps are only numbers, and validation rays are on the device already."""
        return batch


class Blocks:
    """Step numbers in blocks, from the module's `first_step` to its `num_steps`, each time from where it is then."""

    def __init__(self, data: ObjectData) -> None:
        self.data = data

    def __iter__(self) -> Iterator[range]:
        data = self.data
        for start in range(data.first_step, data.num_steps, data.steps_per_block):
            yield range(start, min(start + data.steps_per_block, data.num_steps))


class Chunks:
    """The rows of a table in order, in chunks; none of no table."""

    def __init__(self, table: RayTable | None, length: int) -> None:
        self.table, self.length = table, length

    def __len__(self) -> int:
        return 0 if self.table is None else -(-len(self.table) // self.length)

    def __iter__(self) -> Iterator[RayBatch]:
        if self.table is not None:
            rows = torch.arange(len(self.table), device=self.table.view.device)
            yield from (self.table.batch(chunk) for chunk in rows.split(self.length))


def step_seed(seed: int, step: int) -> int:
    """What the generator of one step is seeded with."""
    return (seed + 1) * 1_000_003 + step
