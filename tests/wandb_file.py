"""What an offline run of wandb left on disk, read without its client: the log file is a LevelDB log of protobufs."""

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class OfflineRun:
    """One `offline-run-*` folder. `history`: rows with `_step`; `exit`: its code.

    `artifacts`: type -> path inside -> the file that waits to be sent.
    """

    folder: Path
    identity: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Path]] = field(default_factory=dict)
    stats: list[dict[str, float]] = field(default_factory=list)
    exit: int | None = None

    def series(self, key: str) -> list[tuple[int, Any]]:
        return [(row["_step"], row[key]) for row in self.history if key in row]

    def shown(self, key: str) -> dict[str, Any]:
        """The last thing that was logged under a key."""
        found: dict[str, Any] = self.series(key)[-1][1]
        return found

    def files(self, key: str) -> list[Path]:
        """The files that belong to what was logged under a key."""
        value = self.shown(key)
        names = value.get("filenames") or [value["path"]]
        return [self.folder / "files" / name for name in names]

    def table(self, key: str) -> tuple[list[str], list[list[Any]]]:
        content = json.loads(self.files(key)[0].read_text())
        return content["columns"], content["data"]


def offline_runs(
    study: Path, *, until: Callable[[OfflineRun], bool] = lambda run: run.exit is not None
) -> list[OfflineRun]:
    """The runs below `<study>/wandb`, in the order in which they started.

    wandb's service writes them in its own time: waits until all of them are complete, which `until` may say otherwise.
    """
    for _ in range(100):
        runs = [read_run(file) for file in sorted(study.glob("wandb/offline-run-*/*.wandb"))]
        if runs and all(until(run) for run in runs):
            return sorted(runs, key=lambda run: run.identity.start_time.ToNanoseconds())
        time.sleep(0.1)
    raise AssertionError(f"{study}/wandb: {[(run.folder.name, run.exit) for run in runs]}")


def read_run(file: Path) -> OfflineRun:
    from google.protobuf.message import DecodeError
    from wandb.proto.wandb_internal_pb2 import Record

    run = OfflineRun(file.parent)
    for data in _records(file.read_bytes()):
        record = Record()
        try:
            record.ParseFromString(data)
        except DecodeError:  # the service is still writing it
            break
        _take(run, record)
    return run


def _take(run: OfflineRun, record: Any) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "run":
        run.identity = record.run
        run.config |= _items(record.run.config.update)
    elif kind == "history":
        run.history.append(_items(record.history.item))
    elif kind == "summary":
        run.summary |= _items(record.summary.update)
    elif kind == "stats":
        run.stats.append(_items(record.stats.item))
    elif kind == "artifact" or (kind == "request" and record.request.HasField("log_artifact")):
        artifact = record.artifact if kind == "artifact" else record.request.log_artifact.artifact
        files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
        run.artifacts.setdefault(artifact.type, {}).update(files)
    elif kind == "exit":
        run.exit = record.exit.exit_code


def _items(items: Any) -> dict[str, Any]:
    """Key -> value; nested keys as nested dictionaries."""
    found: dict[str, Any] = {}
    for item in items:
        *outer, last = getattr(item, "nested_key", None) or [item.key]
        place = found
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = json.loads(item.value_json)
    return found


def _records(data: bytes) -> list[bytes]:
    assert data[:4] == b":W&B"
    records, parts, at = [], [], 7
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0:  # the rest of the block is empty
            at += left
            continue
        parts.append(data[at + 7 : at + 7 + length])
        at += 7 + length
        if kind in (FULL, LAST):
            records.append(b"".join(parts))
            parts = []
    return records
