"""How good a mesh is: against the truth where it is known, and against held-out views where it is not."""

from o2recon.evaluate.batched import batched_distance_values, batched_nearest
from o2recon.evaluate.contact import center_of_mass, floor_gap_cm, is_stable
from o2recon.evaluate.distances import Nearest, nearest, nearest_both
from o2recon.evaluate.evaluator import Evaluation, Evaluator
from o2recon.evaluate.intersections import self_intersections
from o2recon.evaluate.metrics import score
from o2recon.evaluate.protocol import protocol_values, voxel_average
from o2recon.evaluate.sampling import Samples, sample_surface
from o2recon.evaluate.seen import seen_points
from o2recon.evaluate.truth import Truth, find_truth, load_truth, truth_fingerprint
from o2recon.evaluate.verdict import HeldOut, Limits, failed_verdict, held_out_agreement, verdict
from o2recon.evaluate.volume import volume_iou

__all__ = [
    "Evaluation",
    "Evaluator",
    "HeldOut",
    "Limits",
    "Nearest",
    "Samples",
    "Truth",
    "batched_distance_values",
    "batched_nearest",
    "center_of_mass",
    "failed_verdict",
    "find_truth",
    "floor_gap_cm",
    "held_out_agreement",
    "is_stable",
    "load_truth",
    "nearest",
    "nearest_both",
    "protocol_values",
    "sample_surface",
    "score",
    "seen_points",
    "self_intersections",
    "truth_fingerprint",
    "verdict",
    "volume_iou",
    "voxel_average",
]
