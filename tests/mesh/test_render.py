"""Pictures show the whole mesh, where it is, in its colours."""

import numpy as np
import trimesh

from o2recon.mesh import colormap, contact_sheet, render_mesh, render_views


def ink(image: np.ndarray) -> np.ndarray:
    return (image < 250).any(-1)


def test_a_ball_is_a_centred_disc_from_everywhere():
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.2)
    mesh.apply_translation([30, -5, 1])
    for azimuth, elevation in ((0, 0), (70, 30), (200, -60), (0, 90)):
        shown = ink(render_mesh(mesh, width=80, height=60, azimuth=azimuth, elevation=elevation))
        v, u = np.nonzero(shown)
        assert abs(v.mean() - 29.5) < 0.6 and abs(u.mean() - 39.5) < 0.6
        assert 50 <= np.ptp(v) + 1 <= 58 and abs(np.ptp(v) - np.ptp(u)) <= 2


def test_up_is_up_and_front_is_front():
    mesh = trimesh.creation.box([0.2, 0.2, 0.2])
    red = trimesh.creation.box([0.1, 0.1, 0.1])
    red.apply_translation([0.05, -0.1, 0.3])
    both = trimesh.util.concatenate([mesh, red])
    colors = np.repeat([[90, 90, 90], [250, 0, 0]], 8, 0).astype(np.uint8)
    picture = render_mesh(both, width=100, height=100, azimuth=0, elevation=0, colors=colors).astype(int)
    v, u = np.nonzero((picture[..., 0] > 100) & (picture[..., 1] < 60))
    grey_v, grey_u = np.nonzero(ink(picture) & (np.ptp(picture, axis=-1) < 30))
    assert v.mean() < grey_v.mean() and u.mean() > grey_u.mean()


def test_colours_may_be_bytes_or_shares():
    mesh = trimesh.creation.icosphere(subdivisions=2)
    rgb = np.random.default_rng(0).integers(0, 256, (len(mesh.vertices), 3)).astype(np.uint8)
    view = {"width": 40, "height": 40, "azimuth": 20, "elevation": 10}
    a, b = render_mesh(mesh, colors=rgb, **view), render_mesh(mesh, colors=rgb / 255, **view)
    assert np.abs(a.astype(int) - b).max() <= 1


def test_an_empty_mesh_is_white():
    assert (render_mesh(trimesh.Trimesh(), width=8, height=6, azimuth=0, elevation=0) == 255).all()


def test_a_sheet_holds_every_picture():
    mesh = trimesh.creation.box([1, 1, 1])
    row = render_views(mesh, azimuths=[0, 90], elevation=20, size=32)
    sheet = contact_sheet([row, row[:1]], labels=["a", "b"])
    assert sheet.shape == (2 * 32 + 18, 2 * 32 + 18, 3)


def test_the_colormap_spans_its_range_and_greys_the_unknown():
    rgb = colormap(np.array([0.0, 5.0, 10.0, 99.0, np.nan]), low=0, high=10)
    assert (rgb[2] == rgb[3]).all() and (rgb[4] == 150).all() and (rgb[0] != rgb[2]).any()
