import io
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.cli.options import composed
from o2recon.cli.run import print_dropped
from o2recon.cli.selection import for_object, select, wanted
from o2recon.scene import Dropped, Kept, Selection

SELECTION = Selection(
    scene="room",
    num_frames=20,
    kept=(Kept(1, "chair", (0,), (0.1,)), Kept(4, "table", (0,), (0.1,))),
    dropped=(Dropped(2, "lamp", 3, 0.01, "seen in 3 of 20 frames: lower objects.min_frames"),),
)


def test_all_are_those_that_were_kept() -> None:
    asked = wanted(SELECTION, "all")
    assert [k.id for k in asked.kept] == [1, 4] and not asked.one


@pytest.mark.parametrize("request_", [4, "4", "4,4", [4]])
def test_one_object_is_one_however_it_is_written(request_: object) -> None:
    asked = wanted(SELECTION, request_)
    assert [k.id for k in asked.kept] == [4] and asked.one


@pytest.mark.parametrize("request_", ["4,1", [4, 1], OmegaConf.create([4, 1])])
def test_a_list_keeps_its_order(request_: object) -> None:
    assert [k.id for k in wanted(SELECTION, request_).kept] == [4, 1]


@pytest.mark.parametrize(
    ("request_", "message"), [(2, "lower objects.min_frames"), (9, "9 is not in room"), ("x", "no object id")]
)
def test_what_cannot_be_used_says_why(request_: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wanted(SELECTION, request_)


def test_an_empty_selection_is_no_success() -> None:
    with pytest.raises(ValueError, match="no object that passes"):
        wanted(Selection("room", 20, (), SELECTION.dropped), "all")


def test_an_override_concerns_its_object_alone() -> None:
    config = {"min_frames": 10, "overrides": {"2": {"category": "armchair"}}}
    assert for_object(config, 2)["overrides"] == {"2": {"category": "armchair"}}
    assert for_object(config, 1) == {"min_frames": 10, "overrides": {}}


def test_dropped_objects_are_named_with_their_reason() -> None:
    out = io.StringIO()
    print_dropped(SELECTION, Console(file=out))
    assert out.getvalue() == "object 2 (lamp) is dropped: seen in 3 of 20 frames: lower objects.min_frames\n"


def test_another_scan_of_the_same_name_is_told_before_it_replaces_the_first(
    tiny_room: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def warned(root: Path, frames: int) -> bool:
        caplog.clear()
        config = composed("run", (f"scene.root={root}", f"work={tmp_path / 'work'}", f"objects.min_frames={frames}"))
        select(Job(config, "quick", "none", "tiny"), build(config.scene))
        return "prepared from another scan of this name" in caplog.text

    other = tmp_path / "elsewhere" / tiny_room.name
    shutil.copytree(tiny_room, other)
    assert not warned(tiny_room, 10) and not warned(tiny_room, 9)
    assert warned(other, 8) and str(tiny_room.resolve()) in caplog.text
    moved = other.rename(tmp_path / tiny_room.name)
    assert not warned(moved, 7)
