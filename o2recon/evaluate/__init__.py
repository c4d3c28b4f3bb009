"""How good a mesh is: against the truth where it is known, and against held-out views where it is not."""

from o2recon.evaluate.metrics import score
from o2recon.evaluate.sampling import Samples, sample_surface
from o2recon.evaluate.truth import Truth, find_truth, load_truth
from o2recon.evaluate.volume import volume_iou

__all__ = ["Samples", "Truth", "find_truth", "load_truth", "sample_surface", "score", "volume_iou"]
