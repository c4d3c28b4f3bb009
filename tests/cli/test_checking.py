"""The check of a scan on the command line: once per scan, refusing what is surely wrong, skipped when asked."""

import json
from pathlib import Path

import pytest

from o2recon.check import ConventionCheck
from o2recon.cli.checking import checked, pictured
from o2recon.cli.job import Job
from o2recon.cli.main import status_of
from o2recon.cli.opening import opened_scene
from o2recon.cli.options import composed
from o2recon.cli.selection import select
from o2recon.scene import Scene


def job_of(folder: Path, room: Path, *overrides: str) -> tuple[Job, Scene]:
    places = (f"work={folder / 'work'}", f"scene.root={room}", "device=cpu")
    job = Job(composed("prepare", (*places, *overrides)), "quick", "none", "tiny")
    return job, opened_scene(job)


def verdict(folder: Path) -> str:
    found: str = json.loads((folder / "work" / "tiny" / "check.json").read_text())["verdict"]
    return found


def test_a_correct_scan_is_checked_and_drawn_once(
    tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, scene = job_of(tmp_path, tiny_room)
    selection, report = select(job, scene), checked(job, scene)
    pictured(job, scene, selection, report)
    assert report is not None and report.level == verdict(tmp_path) == "ok"
    picture = tmp_path / "work" / "tiny" / "check.jpg"
    drawn = picture.stat().st_mtime_ns

    def never(*_: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr(ConventionCheck, "__call__", never)
    again = checked(job, scene)
    pictured(job, scene, selection, again)
    assert again == report and picture.stat().st_mtime_ns == drawn


def test_a_wrong_unit_of_depth_is_refused_with_the_option_that_mends_it(tiny_room: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second time from check.json
        job, scene = job_of(tmp_path, tiny_room, "scene.depth_scale=0.0001")
        with pytest.raises(ValueError, match=r"scene\.depth_scale=0\.001 .*check=off"):
            checked(job, scene)
    assert verdict(tmp_path) == "wrong" and (tmp_path / "work" / "tiny" / "check.jpg").is_file()


@pytest.mark.slow
def test_the_command_stops_before_anything_is_prepared(tiny_room: Path, tmp_path: Path) -> None:
    assert status_of(["prepare", f"scene.root={tiny_room}", f"work={tmp_path}", "scene.depth_scale=0.0001"]) == 2
    assert not (tmp_path / "tiny" / "objects").exists() and not (tmp_path / "tiny" / "objects.json").exists()


def test_the_advice_is_relative_to_what_is_set(tiny_room: Path, tmp_path: Path) -> None:
    job, scene = job_of(tmp_path, tiny_room, "scene.axes=opengl", "scene.pose=world_to_camera")
    with pytest.raises(ValueError, match=r"scene\.pose=camera_to_world scene\.axes=opencv"):
        checked(job, scene)


def test_check_off_tests_and_draws_nothing(tiny_room: Path, tmp_path: Path) -> None:
    job, scene = job_of(tmp_path, tiny_room, "scene.depth_scale=0.01", "check=off")
    assert checked(job, scene) is None
    assert not (tmp_path / "work" / "tiny" / "check.json").exists()
