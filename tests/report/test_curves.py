from pathlib import Path

from o2recon.report.curves import read_curves


def test_validation_comes_first_and_gaps_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "step,epoch,train/loss,val/psnr_db\n0,0,1.0,\n10,0,0.5,20\n20,1,,nan\n30,1,0.25,25\n"
    )
    curves = read_curves(tmp_path / "metrics.csv", 8)
    assert [(c.name, c.first, c.last, c.steps) for c in curves] == [
        ("val/psnr_db", "20", "25", 30),
        ("train/loss", "1", "0.25", 30),
    ]
    assert curves[1].points == "0.0,2.0 33.3,20.7 100.0,30.0"


def test_no_file_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "metrics.csv", 8) == []
