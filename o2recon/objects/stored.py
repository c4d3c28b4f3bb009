"""View scores from a file, such as those of O2-Recon's authors."""

import hashlib
import json
import math
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from o2recon.types import Frame

LAST = -1.0
"""Of views that the file does not name: no similarity is below."""


class StoredScores:
    """`file`: JSON with a number for every frame, {"0": 0.27, "1": 0.31}; higher is better.

    Frames that it does not name are chosen last.
    """

    def __init__(self, *, file: str | Path) -> None:
        self.file = Path(file)

    def __call__(self, frame: Frame, mask: Bool[np.ndarray, "height width"], category: str) -> float:
        """ValueError when the file is missing or holds anything else."""
        return self._scores.get(frame.index, LAST)

    @property
    def identity(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()[:16] if self.file.is_file() else "no file"

    @cached_property
    def _scores(self) -> dict[int, float]:
        try:
            scores = {int(Path(name).stem): float(score) for name, score in json.loads(self.file.read_text()).items()}
        except OSError as error:
            raise ValueError(f"{self.file} cannot be read ({error.strerror}): name the file of view scores") from error
        except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f'{self.file} is no list of view scores such as {{"0": 0.27}}: copy it again') from error
        if not all(math.isfinite(score) for score in scores.values()):
            raise ValueError(f"{self.file} holds scores that are no finite numbers: copy it again")
        return scores
