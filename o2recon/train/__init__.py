"""Field, renderer, losses and data joined: training of one object (Lightning lives here and in data/)."""

from o2recon.train.callbacks import Watch
from o2recon.train.checkpoint import build_field, load_field, read_checkpoint
from o2recon.train.ddp import Ddp
from o2recon.train.early_stop import EarlyStop
from o2recon.train.fit import Fit
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.poses import PoseRefinement
from o2recon.train.reconstruction import Reconstruction, TrainingDiverged
from o2recon.train.search import SurfaceSearch
from o2recon.train.semantic import NovelViews, Semantic
from o2recon.train.semantic_pose import NovelPose, PoseSampler
from o2recon.train.stages import Stages
from o2recon.train.validation import HeldOut
from o2recon.train.warm_start import WarmStart

__all__ = [
    "Ddp",
    "EarlyStop",
    "Fit",
    "GroupedAdam",
    "HeldOut",
    "NovelPose",
    "NovelViews",
    "PoseRefinement",
    "PoseSampler",
    "Reconstruction",
    "Semantic",
    "Stages",
    "SurfaceSearch",
    "TrainingDiverged",
    "WarmStart",
    "Watch",
    "build_field",
    "load_field",
    "read_checkpoint",
]
