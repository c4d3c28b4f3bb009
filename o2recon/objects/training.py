"""The object frame that O2-Recon's training data bring with them."""

import logging
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.objects.cloud import without_outliers
from o2recon.objects.frame import ObjectBox
from o2recon.scene import Scene, TrainingFolder
from o2recon.scene.training_folder import CLOUD
from o2recon.types import ObjectFrame

log = logging.getLogger(__name__)


class TrainingBox(ObjectBox):
    """The box of `point_cloud_scan_norm.ply` without outliers, `cloud_inflation` times as large, in the world by
    `trans_n2w.txt`: where the original extracts its mesh. Grown to hold what was seen, where that reaches further.

    `ordinary`: of ObjectBox, which stands in where the folder has no such cloud, and whose `cloud` says what an outlier
    is.
    """

    def __init__(self, *, folder: TrainingFolder, cloud_inflation: float, **ordinary: Any) -> None:
        super().__init__(**ordinary)
        self.folder, self.cloud_inflation = folder, cloud_inflation

    def __call__(
        self, scene: Scene, object_id: int, points: Float[np.ndarray, "points 3"], floor: float | None
    ) -> ObjectFrame:
        """See ObjectBox. ValueError when the cloud is damaged."""
        if self.folder.points is None:
            log.info("%s has no %s: the object's box is found as for any scan", self.folder.root, CLOUD)
            return super().__call__(scene, object_id, points, floor)
        limits = self.cloud(object_id=object_id)
        cloud = without_outliers(self.folder.points, neighbors=limits.neighbors, deviations=limits.deviations)
        low, high = cloud.min(0), cloud.max(0)
        margin = (self.cloud_inflation - 1) / 2 * (high - low)
        low, high = np.minimum(low - margin, points.min(0)), np.maximum(high + margin, points.max(0))
        return ObjectFrame((low + high) / 2, np.eye(3), np.maximum((high - low) / 2, 1e-3))
