from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.sweep import write_result


def test_clean_lists_first_and_deletes_only_when_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "outputs" / "main" / "quick" / "none" / "room" / "1" / "seed_0"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt").write_bytes(b"x" * 2_500_000)
    (run / "mesh.ply").touch()
    write_result(run, {"status": "ok"})
    command = ["clean", f"outputs={tmp_path / 'outputs'}", f"work={tmp_path / 'work'}"]
    assert status_of(command) == 0
    assert "2.5 MB in all; add clean.delete=true" in capsys.readouterr().out
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert status_of([*command, "clean.delete=true"]) == 0
    assert "deleted 2.5 MB in 1 folders" in capsys.readouterr().out
    assert not (run / "checkpoints").exists() and (run / "mesh.ply").is_file()


def test_a_kind_that_does_not_exist_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["clean", f"outputs={tmp_path}", "clean.what=[meshes]"]) == 2
    assert status_of(["clean", f"outputs={tmp_path}", f"work={tmp_path}", "clean.what=caches"]) == 0
    assert "choose from caches, prepared, checkpoints, jobs, partial" in capsys.readouterr().err
