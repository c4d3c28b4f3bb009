import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_up_study import write_prepared

from o2recon.report.colors import INPAINTED, rgb
from o2recon.report.figures import hidden_share, spread, thumbnail, view_figure


def decoded(url: str) -> np.ndarray:
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(float)


def test_a_view_is_cropped_to_its_object_and_shows_the_claimed_part(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 2))
    figure = view_figure(folder, folder.read_record().views[0], height=240, quality=95)
    assert figure is not None and figure.inpainted is not None and figure.confidence is not None
    pictures = [decoded(url) for url in (figure.overlay, figure.inpainted, figure.confidence)]
    assert {p.shape for p in pictures} == {(240, 320, 3)}
    assert (np.abs(pictures[0] - rgb(INPAINTED)).max(-1) < 30).sum() > 50
    assert abs(figure.width / figure.height - 4 / 3) < 0.02


def test_missing_files_cost_their_panel_only(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 2))
    views = folder.read_record().views
    folder.image("inpainted/image", views[0].index).unlink()
    folder.image("masks/possible", views[0].index).unlink()
    folder.image("inpainted/confidence", views[0].index).write_bytes(b"no picture")
    figure = view_figure(folder, views[0], height=100, quality=80)
    assert figure is not None and figure.inpainted is None and figure.confidence is None
    folder.image("images", views[0].index).unlink()
    assert view_figure(folder, views[0], height=100, quality=80) is None


def test_the_hidden_share_is_that_of_the_masks(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 2))
    views = folder.read_record().views[:1]
    hidden = np.count_nonzero(folder.read_mask("masks/hidden", 0))
    visible = np.count_nonzero(folder.read_mask("masks/visible", 0))
    share = hidden_share(folder, views)
    assert share is not None and share.mean == pytest.approx(hidden / (hidden + visible)) and share.views == 1


def test_views_are_spread_and_the_thumbnail_exists(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path, ("room", 2))
    views = folder.read_record().views
    assert [v.index for v in spread(views, 3)] == [0, 40, 80] and len(spread(views, 99)) == len(views)
    assert thumbnail(folder, views, height=96, quality=80) is not None
    assert thumbnail(folder, (), height=96, quality=80) is None
