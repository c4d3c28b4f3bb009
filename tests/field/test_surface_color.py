import torch

from o2recon.field import SurfaceColor
from o2recon.tensors import FieldOutput


class Looking:
    """A field whose colour is the direction it is looked at along, moved into [0, 1]."""

    def sdf_and_gradient(self, points):
        return FieldOutput(points[:, 0], points, points[:, :1], points[:, 0])

    def color(self, points, directions, gradient, feature):
        return 0.5 + 0.5 * directions


ALONG = torch.eye(3)


def test_a_surface_that_one_camera_faces_has_the_colour_seen_from_there():
    rgb = SurfaceColor(Looking(), ALONG)(torch.zeros(3, 3), -torch.eye(3))
    expected = 0.5 + 0.5 * torch.eye(3)
    assert (rgb - expected).abs().max() < 0.03


def test_two_cameras_count_as_squarely_as_they_meet_the_surface():
    normal = -torch.tensor([[0.6, 0.8, 0.0]])
    rgb = SurfaceColor(Looking(), ALONG[:2])(torch.zeros(1, 3), normal)
    assert torch.allclose(rgb, 0.5 + 0.5 * torch.tensor([[0.6, 0.8, 0.0]]) / 1.4)


def test_what_no_camera_faces_has_the_mean_of_all():
    rgb = SurfaceColor(Looking(), ALONG)(torch.zeros(1, 3), torch.ones(1, 3) / 3**0.5)
    assert torch.allclose(rgb, 0.5 + 0.5 * torch.full((1, 3), 1 / 3))
