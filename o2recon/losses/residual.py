"""The fine field stays silent where nothing was seen."""

from jaxtyping import Float
from torch import Tensor

from o2recon.losses.mean import weighted_mean
from o2recon.tensors import FieldPoints, RayBatch, RenderOutput


class ResidualLoss:
    """Mean |fine residual| over points of the box, weighted by 1 - evidence; object units."""

    def __call__(self, output: RenderOutput, rays: RayBatch, points: FieldPoints | None = None) -> Float[Tensor, ""]:
        if points is None:
            return output.sdf.new_zeros(())
        return weighted_mean(points.residual.abs(), 1 - points.evidence)
