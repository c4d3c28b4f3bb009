"""Which objects of a scene, seen from which views, and the box that each is reconstructed in."""

from o2recon.objects.cloud import VisibleCloud
from o2recon.objects.frame import ObjectBox
from o2recon.objects.objects import Objects, visible_mask
from o2recon.objects.select import Selector, opened
from o2recon.objects.similarity import ClipSimilarity, reference_view, similarity_scores, square_crop
from o2recon.objects.stored import StoredScores
from o2recon.objects.training import TrainingBox
from o2recon.objects.views import AreaSharpness, Views

__all__ = [
    "AreaSharpness",
    "ClipSimilarity",
    "ObjectBox",
    "Objects",
    "Selector",
    "StoredScores",
    "TrainingBox",
    "Views",
    "VisibleCloud",
    "opened",
    "reference_view",
    "similarity_scores",
    "square_crop",
    "visible_mask",
]
