"""The objects of a scene: which are kept, and why the others are not."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Kept:
    """An object that passes the filters. `frames`: those with a large enough mask; `shares`: of the image, in each."""

    id: int
    category: str
    frames: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Dropped:
    """An object that does not. `num_frames` with a large enough mask; `largest_share` of the image in any frame."""

    id: int
    category: str
    num_frames: int
    largest_share: float
    reason: str


@dataclass(frozen=True)
class Selection:
    """All objects of a scene, sorted by id."""

    scene: str
    num_frames: int
    kept: tuple[Kept, ...]
    dropped: tuple[Dropped, ...]

    def require(self, object_id: int) -> Kept:
        """The kept object with this id. ValueError, with counts and remedy, when it is absent or was dropped."""
        for kept in self.kept:
            if kept.id == object_id:
                return kept
        for dropped in self.dropped:
            if dropped.id == object_id:
                raise ValueError(f"object {object_id} ({dropped.category}) of {self.scene}: {dropped.reason}")
        present = ", ".join(str(i) for i in sorted([k.id for k in self.kept] + [d.id for d in self.dropped]))
        raise ValueError(f"object {object_id} is not in {self.scene}: its instance images hold {present}; choose one")

    def table(self) -> Table:
        """Kept and dropped objects, one row each, for the terminal."""
        table = Table(title=f"{self.scene}: {len(self.kept)} objects kept, {len(self.dropped)} dropped")
        for name in ("object", "category", "views", "largest mask", "kept"):
            table.add_column(name, justify="left" if name in ("category", "kept") else "right")
        rows: list[tuple[int, str, int, float, str]] = [
            (k.id, k.category, len(k.frames), max(k.shares, default=0.0), "yes") for k in self.kept
        ]
        rows += [(d.id, d.category, d.num_frames, d.largest_share, f"no: {d.reason}") for d in self.dropped]
        for object_id, category, num, share, verdict in sorted(rows):
            table.add_row(str(object_id), category, f"{num} of {self.num_frames}", f"{share:.1%}", verdict)
        return table

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Selection":
        kept = tuple(Kept(k["id"], k["category"], tuple(k["frames"]), tuple(k["shares"])) for k in content["kept"])
        dropped = tuple(Dropped(**d) for d in content["dropped"])
        return Selection(content["scene"], content["num_frames"], kept, dropped)
