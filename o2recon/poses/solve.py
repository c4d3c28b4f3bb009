"""Joint alignment of the poses of all frames: robust Gauss-Newton on pairs of frames (as in Chen and Medioni's and
Rusinkiewicz's point-to-plane ICP, over all pairs at once), held by the given poses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from o2recon.poses.motion import Motion
from o2recon.poses.pairs import Kind, Residuals, residuals
from o2recon.poses.sights import Sight


@dataclass(frozen=True)
class Agreement:
    """`distance_mm`: mean distance between the surfaces that pairs of frames measure, where they mean the same one.
    `contradicted`: share of the object's points, seen from elsewhere, that lie before something else there.
    `contrast`: mean difference of what is painted there, in standard deviations; None where nothing is."""

    distance_mm: float
    contradicted: float
    contrast: float | None


class Adjustment:
    """Moves the frames so that points lie on each other's planes and silhouettes hold each other's points.

    Surfaces farther apart than a gate (metres) are not matched; each of `gates` holds for `iterations` steps. Residuals
    count by 1 / (1 + (r / (2 scale))^2)^2 with their median as scale (Geman-McClure). One pair counts as
    `pair_points` independent measurements, since the errors of depth are not independent from pixel to pixel;
    silhouettes with `outline_weight`. Where depth lets views slide along planes, what is painted on them does not:
    their contrast, blurred by each of `blurs` (pixels) with its gate, counts `color_weight` times as much. Given poses
    of cameras are held with standard deviations `absolute` (degrees, cm), the motion between neighbouring frames with
    `relative`. `margin`: metres from which something is seen past.
    """

    def __init__(
        self,
        *,
        gates: Sequence[float],
        iterations: int,
        pair_points: float,
        outline_weight: float,
        color_weight: float,
        blurs: Sequence[float],
        absolute: Sequence[float],
        relative: Sequence[float],
        margin: float,
    ) -> None:
        if not gates or min(gates) <= 0 or iterations < 1:
            raise ValueError(
                f"poses.adjustment has gates={list(gates)}, iterations={iterations}; metres above 0 and at least one"
                " iteration are needed"
            )
        if len(absolute) != 2 or len(relative) != 2 or min(*absolute, *relative) <= 0:
            raise ValueError(
                f"poses.adjustment has absolute={list(absolute)}, relative={list(relative)}; each is [degrees, cm],"
                " above 0"
            )
        self.gates, self.iterations = [float(g) for g in gates], iterations
        if len(blurs) != len(gates) or min(blurs) <= 0 or color_weight < 0:
            raise ValueError(
                f"poses.adjustment has blurs={list(blurs)}, color_weight={color_weight}; one blur (pixels, above 0) for"
                " each gate and a weight of at least 0 are needed"
            )
        self.pair_points, self.outline_weight, self.margin = pair_points, outline_weight, margin
        self.color_weight, self.blurs = color_weight, [float(b) for b in blurs]
        self.absolute, self.relative = [float(x) for x in absolute], [float(x) for x in relative]

    def __call__(
        self, sights: Sequence[Sight], pairs: Sequence[tuple[int, int]], center: Float[np.ndarray, "3"]
    ) -> list[Motion]:
        """The correction of every frame, about `center`."""
        motions = [Motion(np.zeros(3), np.zeros(3), center) for _ in sights]
        for level, gate in enumerate(self.gates):
            for _ in range(self.iterations):
                poses = [m(s.given) for m, s in zip(motions, sights, strict=True)]
                step = self._step(sights, pairs, poses, motions, center, level, gate)
                motions = [m.then(x[:3], x[3:]) for m, x in zip(motions, step, strict=True)]
                if np.abs(step).max() < 1e-4:
                    break
        return motions

    def agreement(
        self, sights: Sequence[Sight], pairs: Sequence[tuple[int, int]], poses: Sequence[np.ndarray]
    ) -> Agreement:
        """How well pairs of frames agree; distances count up to the last gate."""
        total, count, past, judged = 0.0, 0, 0, 0
        contrasts: list[np.ndarray] = []
        widest, cut = max(self.gates), min(self.gates)
        blur = len(self.blurs) - 1 if self.color_weight else None
        for i, j in pairs:
            found = residuals(sights[i], sights[j], poses[i], poses[j], gate=widest, margin=self.margin, blur=blur)
            depth, painted = found.distances[found.kind == Kind.DEPTH], found.kind == Kind.COLOR
            contrasts.append(np.minimum(np.abs(found.distances[painted] / found.sigma[painted]), 1))
            total, count = total + float(np.minimum(np.abs(depth), cut).sum()), count + len(depth)
            outline = int((found.kind == Kind.OUTLINE).sum())
            past, judged = past + outline, judged + outline + found.num_judged
        contrast = float(np.concatenate(contrasts).mean()) if any(map(len, contrasts)) else None
        return Agreement(1000 * total / max(count, 1), past / max(judged, 1), contrast)

    def _step(
        self,
        sights: Sequence[Sight],
        pairs: Sequence[tuple[int, int]],
        poses: list[np.ndarray],
        motions: list[Motion],
        center: np.ndarray,
        level: int,
        gate: float,
    ) -> Float[np.ndarray, "frames 6"]:
        blur = level if self.color_weight else None
        found = [
            residuals(sights[i], sights[j], poses[i], poses[j], gate=gate, margin=self.margin, blur=blur)
            for i, j in pairs
        ]
        surface = _median([np.abs(f.distances / f.sigma)[f.kind != Kind.COLOR] for f in found])
        color = _median([np.abs(f.distances / f.sigma)[f.kind == Kind.COLOR] for f in found])
        scale = max(surface, 0.3), max(color, 0.02)
        n = len(sights)
        matrix, right = np.zeros((n, 6, n, 6)), np.zeros((n, 6))
        for (i, j), pair in zip(pairs, found, strict=True):
            block, vector = self._normal_equations(pair, center, scale)
            matrix[i, :, i] += block
            matrix[j, :, j] += block
            matrix[i, :, j] -= block
            matrix[j, :, i] -= block
            right[i] -= vector
            right[j] += vector
        self._hold(matrix, right, sights, motions)
        return np.linalg.solve(matrix.reshape(6 * n, 6 * n), right.ravel()).reshape(n, 6)

    def _normal_equations(
        self, pair: Residuals, center: np.ndarray, scales: tuple[float, float]
    ) -> tuple[Float[np.ndarray, "6 6"], Float[np.ndarray, "6"]]:
        """J^T W J and J^T W r of moving the first frame; the second one's are the same with the other sign."""
        if len(pair.distances) == 0:
            return np.zeros((6, 6)), np.zeros(6)
        jacobian = np.concatenate([np.cross(pair.points - center, pair.directions), pair.directions], 1)
        of_color = pair.kind == Kind.COLOR
        sigma = pair.sigma * 1.4826 * np.where(of_color, scales[1], scales[0])
        weight = 1 / (1 + (pair.distances / sigma / 2) ** 2) ** 2 / sigma**2
        weight *= np.choose(pair.kind, (1.0, self.outline_weight, self.color_weight))
        for same in (of_color, ~of_color):
            weight[same] *= min(self.pair_points / max(same.sum(), 1), 1.0)
        weighted = jacobian * weight[:, None]
        return jacobian.T @ weighted, weighted.T @ pair.distances

    def _hold(self, matrix: np.ndarray, right: np.ndarray, sights: Sequence[Sight], motions: list[Motion]) -> None:
        """The given poses, and the motion from each frame to the next, as they are: both as the cameras move, since
        that is what drifts. So a common motion of all frames, which no depth can see, is what makes them move least."""
        absolute, relative = (np.diag(_precision(*deviations)) for deviations in (self.absolute, self.relative))
        now = [np.concatenate([m.turn, m.shift]) for m in motions]
        cameras = [_at_camera(s.given[:3, 3] - m.center) for s, m in zip(sights, motions, strict=True)]
        for i, at in enumerate(cameras):
            matrix[i, :, i] += at.T @ absolute @ at
            right[i] -= at.T @ absolute @ at @ now[i]
        for i, (at, following) in enumerate(pairwise(cameras)):
            difference = relative @ (at @ now[i] - following @ now[i + 1])
            matrix[i, :, i] += at.T @ relative @ at
            matrix[i + 1, :, i + 1] += following.T @ relative @ following
            matrix[i, :, i + 1] -= at.T @ relative @ following
            matrix[i + 1, :, i] -= following.T @ relative @ at
            right[i] -= at.T @ difference
            right[i + 1] += following.T @ difference


def _median(parts: Sequence[np.ndarray]) -> float:
    """1 of nothing."""
    return float(np.median(np.concatenate(parts))) if any(map(len, parts)) else 1.0


def _at_camera(lever: Float[np.ndarray, "3"]) -> Float[np.ndarray, "6 6"]:
    """(turn, shift) about the centre -> about the camera, which lies at `lever` from there."""
    x, y, z = lever
    matrix = np.eye(6)
    matrix[3:, :3] = -np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return matrix


def _precision(degrees: float, cm: float) -> Float[np.ndarray, "6"]:
    """1 / variance of (turn, shift), in radians and metres."""
    return 1 / np.repeat([np.radians(degrees), cm / 100], 3) ** 2
