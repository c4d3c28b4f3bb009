"""Point -> signed distance, gradient, feature, colour."""

from o2recon.field.cascade import Cascade
from o2recon.field.coordinate_cascade import CoordinateCascade
from o2recon.field.encoding import Encoded, Encoding
from o2recon.field.fourier import Fourier
from o2recon.field.hash_grid import HashGrid
from o2recon.field.mlp import Mlp
from o2recon.field.skip_mlp import SkipMlp
from o2recon.field.surface_color import SurfaceColor

__all__ = [
    "Cascade",
    "CoordinateCascade",
    "Encoded",
    "Encoding",
    "Fourier",
    "HashGrid",
    "Mlp",
    "SkipMlp",
    "SurfaceColor",
]
