"""Where furniture stands: against walls, pushed under tables and in front of each other, never inside each other.

The room spans (0, 0, 0) to its size in metres, +z up. Cameras have the side of small y; the back wall is at y = depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import ConvexHull

from o2recon.scene.synth.furniture import KINDS, Furniture, build

PLACES = ("wall", "under", "before", "free")
WALL_GAP = (0.02, 0.04)
"""Metres between a piece and the wall it stands against."""
CLEARANCE = 0.02
MAX_PULLED = 0.3
"""Metres that a chair may be drawn back from where it would be wholly under its table."""
ATTEMPTS = 60


class _NoRoom(Exception):
    """This attempt did not find a free spot; the next one may."""


@dataclass(frozen=True)
class Item:
    """What is to be placed. `place`: 'wall' (its back to a wall), 'under' (a chair pushed under item `of`), 'before'
    (in front of item `of`) or 'free'. `shift`: sideways along what it stands at, -1 (left end) to 1, None = random.
    `distance`: metres in front of item `of`, None = random. `turn`: degrees about +z from its usual direction, None =
    random; not for 'wall'. `scored`: gets an instance id; else only an occluder."""

    kind: str
    place: str
    of: int | None = None
    shift: float | None = None
    distance: float | None = None
    turn: float | None = None
    scored: bool = True


@dataclass(frozen=True)
class Placed:
    """A piece of furniture in the room. `instance`: its id in the instance images, 0 when it is not scored."""

    furniture: Furniture
    local_to_world: Float[np.ndarray, "4 4"]
    instance: int
    mesh: trimesh.Trimesh
    """Closed, in world metres."""


def checked_items(objects: Sequence[str | Item | dict]) -> tuple[Item, ...]:
    """Items from their description: a kind alone finds its usual place. ValueError names what is wrong."""
    items: list[Item] = []
    for i, entry in enumerate(objects):
        item = _item(entry, items, i)
        if item.kind not in KINDS:
            raise ValueError(f"synth.objects[{i}] is {item.kind!r}: choose from {', '.join(KINDS)}")
        if item.place not in PLACES:
            raise ValueError(f"synth.objects[{i}].place is {item.place!r}: choose from {', '.join(PLACES)}")
        if item.place in ("under", "before") and not (item.of is not None and 0 <= item.of < i):
            raise ValueError(
                f"synth.objects[{i}].of is {item.of}: '{item.place}' needs an earlier item's number, below {i}"
            )
        items.append(item)
    if not any(item.scored for item in items):
        raise ValueError("synth.objects has no scored object: list at least one")
    return tuple(items)


def _item(entry: str | Item | dict, items: Sequence[Item], number: int) -> Item:
    if isinstance(entry, Item):
        return entry
    if isinstance(entry, str):
        return _usual(entry, items)
    known = [field.name for field in fields(Item)]
    wrong = sorted(set(entry) - set(known))
    if wrong or "kind" not in entry:
        raise ValueError(f"synth.objects[{number}] has {sorted(entry)}: 'kind' is needed, known are {', '.join(known)}")
    usual = _usual(entry["kind"], items)
    return replace(usual, **entry) if "place" not in entry else Item(**entry)


def _usual(kind: str, items: Sequence[Item]) -> Item:
    tables = [i for i, item in enumerate(items) if item.kind == "table"]
    walls = [i for i, item in enumerate(items) if item.place == "wall"]
    if kind == "chair" and tables:
        return Item(kind, "under", of=tables[sum(item.place == "under" for item in items) % len(tables)])
    if kind == "box" and walls:
        return Item(kind, "before", of=walls[-1])
    return Item(kind, "free" if kind == "chair" else "wall")


def arrange(items: Sequence[Item], room_size: Sequence[float | int], seed: int) -> tuple[Placed, ...]:
    """Random furniture at random free spots. ValueError when it does not fit."""
    pieces = [build(item.kind, np.random.default_rng([seed, 1, i])) for i, item in enumerate(items)]
    rng = np.random.default_rng([seed, 2])
    for _ in range(ATTEMPTS):
        try:
            return _attempt(items, pieces, np.asarray(room_size, float), rng)
        except _NoRoom:
            continue
    raise ValueError(
        f"{len(items)} objects do not fit a room of {tuple(room_size)} m: enlarge synth.room_size or list fewer objects"
    )


def _attempt(
    items: Sequence[Item], pieces: Sequence[Furniture], room: np.ndarray, rng: np.random.Generator
) -> tuple[Placed, ...]:
    placed: list[Placed] = []
    for item, piece in zip(items, pieces, strict=True):
        instance = 1 + sum(p.instance > 0 for p in placed) if item.scored else 0
        for _ in range(8):
            candidate = _put(piece, _spot(item, piece, placed, room, rng), instance)
            if item.place == "under":
                candidate = _pushed_under(candidate, placed)
            if _fits(item, candidate, placed, room):
                placed.append(candidate)
                break
        else:
            raise _NoRoom
    return tuple(placed)


def _put(piece: Furniture, spot: tuple[float, float, float], instance: int) -> Placed:
    x, y, turn = spot
    transform = trimesh.transformations.rotation_matrix(turn, (0, 0, 1))
    transform[:2, 3] = x, y
    return Placed(piece, transform, instance, piece.mesh.copy().apply_transform(transform))


def _spot(
    item: Item, piece: Furniture, placed: Sequence[Placed], room: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """x, y and turn about z of an item."""
    shift = rng.uniform(-1, 1) if item.shift is None else item.shift
    spread = {"under": 0.08, "before": 0.3}.get(item.place, 0.6)
    turn = rng.uniform(-spread, spread) if item.turn is None else np.deg2rad(item.turn)
    low, high = piece.mesh.bounds
    if item.place == "wall":
        return _wall_spot(item, low, high, room, shift, rng)
    if item.place == "free":
        x = room[0] / 2 + shift * (room[0] / 2 - 0.8)
        return x, rng.uniform(0.55, 0.8) * room[1], turn
    assert item.of is not None
    target = placed[item.of]
    front = target.furniture.mesh.bounds
    if item.place == "under":
        taken = any(p.furniture.kind == "chair" for p in placed) and item.shift is None
        side = rng.choice(("front", "left", "right")) if taken else "front"
        local, towards = _seat(str(side), front, high[1] + 0.02, shift)
        turn += towards
    else:
        distance = rng.uniform(0.12, 0.35) if item.distance is None else item.distance
        reach = (piece.mesh.vertices[:, :2] @ (np.sin(turn), np.cos(turn))).max()
        local = np.array([shift * front[1, 0], front[0, 1] - reach - distance, 0, 1])
    x, y = (target.local_to_world @ local)[:2]
    facing = np.arctan2(target.local_to_world[1, 0], target.local_to_world[0, 0])
    return x, y, facing + turn


def _seat(side: str, table: np.ndarray, depth: float, shift: float) -> tuple[np.ndarray, float]:
    """Place (in the table's frame) and turn of a chair wholly under one side of a table with these bounds."""
    along_x, along_y = shift * (table[1, 0] - 0.35), 0.1 * shift
    if side == "left":
        return np.array([table[0, 0] + depth, along_y, 0, 1]), np.pi / 2
    if side == "right":
        return np.array([table[1, 0] - depth, along_y, 0, 1]), -np.pi / 2
    return np.array([along_x, table[0, 1] + depth, 0, 1]), np.pi


def _wall_spot(
    item: Item, low: np.ndarray, high: np.ndarray, room: np.ndarray, shift: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Against the back wall; pieces without a wanted shift also use the deep half of the side walls."""
    back = high[1] + rng.uniform(*WALL_GAP)
    wall = "back" if item.shift is not None else rng.choice(("back", "back", "left", "right"))
    free = 0.06
    if wall == "back":
        left, right = free - low[0], room[0] - free - high[0]
        return left + (shift + 1) / 2 * max(right - left, 0), room[1] - back, 0.0
    near, far = 0.45 * room[1] + high[0], room[1] - free - high[0]
    y = near + (shift + 1) / 2 * max(far - near, 0)
    return (back, y, np.pi / 2) if wall == "left" else (room[0] - back, y, -np.pi / 2)


def _pushed_under(chair: Placed, placed: Sequence[Placed]) -> Placed:
    """The chair drawn back along its own +y until it touches nothing, and two centimetres more; left where it is when
    that is too far."""
    step = chair.local_to_world[:3, 1]
    for distance in np.arange(0, MAX_PULLED, 0.02):
        moved = chair.local_to_world.copy()
        moved[:3, 3] += step * distance
        mesh = chair.furniture.mesh.copy().apply_transform(moved)
        if not any(intersects(mesh, other.mesh) for other in placed):
            moved[:3, 3] += step * 0.02
            return Placed(chair.furniture, moved, chair.instance, chair.furniture.mesh.copy().apply_transform(moved))
    return chair


def _fits(item: Item, candidate: Placed, placed: Sequence[Placed], room: np.ndarray) -> bool:
    low, high = candidate.mesh.bounds
    inside = (low[:2] > 0.01).all() and (high < room - 0.01).all()
    touches = intersects if item.place == "under" else footprints_overlap
    return bool(inside) and not any(touches(candidate.mesh, other.mesh) for other in placed)


def footprints_overlap(first: trimesh.Trimesh, second: trimesh.Trimesh) -> bool:
    """True when the convex outlines on the floor come nearer than the clearance (separating axes)."""
    outlines = [mesh.vertices[:, :2][ConvexHull(mesh.vertices[:, :2]).vertices] for mesh in (first, second)]
    edges = np.concatenate([np.roll(outline, -1, axis=0) - outline for outline in outlines])
    axes = np.stack([-edges[:, 1], edges[:, 0]], 1) / np.linalg.norm(edges, axis=1, keepdims=True)
    a, b = (outline @ axes.T for outline in outlines)
    gap = np.maximum(a.min(0) - b.max(0), b.min(0) - a.max(0))
    return bool(gap.max() < CLEARANCE)


def intersects(first: trimesh.Trimesh, second: trimesh.Trimesh) -> bool:
    """True when two closed meshes share volume (boolean intersection where their boxes come near)."""
    apart = (first.bounds[0] > second.bounds[1] + CLEARANCE) | (second.bounds[0] > first.bounds[1] + CLEARANCE)
    if apart.any():
        return False
    common = trimesh.boolean.intersection([first, second], engine="manifold")
    return len(common.faces) > 0
