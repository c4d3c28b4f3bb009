"""What is needed on disk is compared with what is free before anything is made, and the estimate with what was made."""

from pathlib import Path
from typing import Any

import pytest

from o2recon.cli import space
from o2recon.cli.main import status_of
from o2recon.cli.space import Need, check_space
from o2recon.sweep.storage import size_of


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(space, "free_bytes", lambda folder: free)


def test_folders_of_one_disk_are_counted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = [Need("2 objects", tmp_path / "not" / "there", 60_000_000), Need("2 runs", tmp_path, 50_000_000)]
    with_free(monkeypatch, 300_000_000)
    with caplog.at_level("INFO"):
        check_space(wanted)
    (told,) = caplog.records
    assert told.levelname == "INFO" and "300.0 MB are free" in told.getMessage()
    caplog.clear()
    with_free(monkeypatch, 200_000_000)
    check_space(wanted)
    (told,) = caplog.records
    assert told.levelname == "WARNING" and "200.0 MB are free" in told.getMessage()
    assert f"60.0 MB in {tmp_path / 'not' / 'there'} for 2 objects, 50.0 MB in" in told.getMessage()
    with_free(monkeypatch, 100_000_000)
    with pytest.raises(ValueError, match=r"for 2 objects, .* for 2 runs, .*100\.0 MB are free; free some space"):
        check_space(wanted)
    with_free(monkeypatch, 0)
    check_space([Need("nothing", tmp_path, 0)])


@pytest.mark.parametrize("typed", [["run"], ["prepare"], ["convert", "convert=nerfstudio"]])
def test_nothing_begins_on_a_disk_that_is_too_small(
    typed: list[str], tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with_free(monkeypatch, 100_000)
    monkeypatch.chdir(tmp_path)
    options = [f"scene.root={tiny_room}", "experiment=smoke", "object=1", "check=off"]
    options += [f"convert.root={tmp_path / 'copy'}"] if typed[0] == "convert" else []
    assert status_of([*typed, *options]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("o2recon: ")]
    assert len(told) == 1 and "the disk is too small: needs about" in told[0] and "0.1 MB are free" in told[0]
    assert not list(tmp_path.rglob("object.json")) and not (tmp_path / "copy").exists()


@pytest.mark.slow
def test_what_is_written_is_not_more_than_estimated(
    tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small room with the smallest options: everything else writes nearer to the estimate."""
    found: list[Need] = []
    monkeypatch.setattr("o2recon.cli.run.check_space", found.extend)
    places = [f"work={tmp_path / 'work'}", f"outputs={tmp_path / 'outputs'}", "reports=false"]
    assert status_of(["run", f"scene.root={tiny_room}", "experiment=smoke", "object=1", *places]) == 0
    assert [need.what for need in found] == ["the prepared data of 1 object", "1 run"]
    for need in found:
        assert 0 < size_of(need.folder) < need.num_bytes, (need, size_of(need.folder))
    found.clear()
    assert status_of(["run", f"scene.root={tiny_room}", "experiment=smoke", "object=1", *places]) == 0
    assert not found  # it is all there
