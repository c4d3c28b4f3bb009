"""docs/captures.md lists every layout there is."""

import re
from pathlib import Path

from o2recon.cli.options import groups

TEXT = (Path(__file__).parents[2] / "docs" / "captures.md").read_text()
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells]
    for cells in (line.strip("|").split("|") for line in TEXT.splitlines() if re.match(r"\| `\w+` ", line))
}


def test_every_layout_that_is_read_has_a_row_and_every_writer_is_named() -> None:
    assert set(ROWS) == set(groups()["scene"])
    assert {name for name, row in ROWS.items() if row[3].startswith("yes")} == set(groups()["convert"])


def test_options_and_files_that_are_named_exist() -> None:
    from omegaconf import OmegaConf

    import o2recon

    root = Path(o2recon.__file__).parents[1]
    keys = OmegaConf.load(root / "o2recon/conf/scene/scannet.yaml").keys()
    assert {key for key in re.findall(r"`scene\.(\w+)", TEXT) if key not in keys} == set()
    assert [file for file in re.findall(r"`(o2recon/[\w/.]+)`", TEXT) if not (root / file).exists()] == []
