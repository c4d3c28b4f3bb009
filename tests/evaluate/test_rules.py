"""Both protocols against a second implementation, written from the definitions alone: all pairs, sums and solid angles.

Only the sampled points come from the package, since there the seed matters.
"""

import numpy as np
import pytest
import trimesh

from o2recon.evaluate import Truth, protocol_values, sample_surface, score, voxel_average

SAMPLES, TRUE_POINTS, IOU_POINTS = 900, 500, 1500


def random_mesh(kind: str, seed: int) -> trimesh.Trimesh:
    random = np.random.default_rng(seed)
    if kind == "hull":
        mesh = trimesh.convex.convex_hull(random.normal(size=(30, 3)) * 0.2)
    elif kind == "box":
        mesh = trimesh.creation.box(random.uniform(0.1, 0.7, 3))
    elif kind == "ball":
        mesh = trimesh.creation.icosphere(subdivisions=2, radius=random.uniform(0.2, 0.4))
        mesh.vertices *= random.uniform(0.9, 1.1, (len(mesh.vertices), 1))
    elif kind == "open":
        mesh = trimesh.convex.convex_hull(random.normal(size=(30, 3)) * 0.2)
        mesh.update_faces(mesh.triangles_center[:, 0] < 0.1)
        mesh.remove_unreferenced_vertices()
    else:
        parts = [trimesh.creation.icosphere(subdivisions=1, radius=0.2) for _ in range(2)]
        parts[1].apply_translation([0.35, 0.05, 0])
        mesh = trimesh.util.concatenate(parts)
    turn = trimesh.transformations.random_rotation_matrix(random.random(3))
    turn[:3, 3] = random.uniform(-0.05, 0.05, 3)
    return mesh.apply_transform(turn)


def all_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[np.sqrt(sum((p[k] - q[k]) ** 2 for k in range(3))) for q in b.tolist()] for p in a.tolist()])


def normals_at(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Normal of the face that every point lies on: the point splits it into three parts of its own area."""
    normals = []
    corners = mesh.vertices[mesh.faces]
    for point in points:
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        parts = [np.cross(corners[:, i] - point, corners[:, (i + 1) % 3] - point) for i in range(3)]
        excess = sum(np.linalg.norm(part, axis=1) for part in parts) - np.linalg.norm(cross, axis=1)
        face = cross[np.argmin(excess)]
        normals.append(face / np.sqrt(face @ face))
    return np.array(normals)


def inside(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Solid angle of the whole surface (van Oosterom and Strackee 1983): 4 pi per body around the point."""
    total = np.zeros(len(points))
    for corners in mesh.vertices[mesh.faces]:
        a, b, c = (corners[k] - points for k in range(3))
        la, lb, lc = (np.sqrt((v * v).sum(1)) for v in (a, b, c))
        above = (a * np.cross(b, c)).sum(1)
        below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        total += 2 * np.arctan2(above, below)
    return total > 2 * np.pi


def our_protocol(mesh: trimesh.Trimesh, truth: Truth, thresholds: tuple) -> dict:
    """The section 'Metrics' of the rules, word for word."""
    points = sample_surface(mesh, count=SAMPLES, seed=0).points
    normals = normals_at(mesh, points)
    table = all_distances(points, truth.points)
    parts = {"visible": truth.seen, "complete": truth.seen | ~truth.seen, "hidden": ~truth.seen}
    result = {}
    for part, true in parts.items():
        nearest_true, nearest_sample = table.argmin(1), table.argmin(0)
        to_truth = [table[i, j] for i, j in enumerate(nearest_true) if true[j]]
        to_prediction = [table[nearest_sample[j], j] for j in range(len(true)) if true[j]]
        accuracy, completeness = 100 * sum(to_truth) / len(to_truth), 100 * sum(to_prediction) / len(to_prediction)
        squares = sum(d * d for d in to_truth) / len(to_truth) + sum(d * d for d in to_prediction) / len(to_prediction)
        values = {
            "accuracy_cm": accuracy,
            "completeness_cm": completeness,
            "chamfer_cm": 0.5 * (accuracy + completeness),
            "chamfer_squared_cm2": 0.5 * squares * 100**2,
        }
        for t in thresholds:
            p = sum(100 * d < t for d in to_truth) / len(to_truth)
            r = sum(100 * d < t for d in to_prediction) / len(to_prediction)
            values |= {f"precision_{t}cm": p, f"recall_{t}cm": r, f"f_score_{t}cm": 2 * p * r / (p + r) if p + r else 0}
        cosines = [normals[nearest_sample[j]] @ truth.normals[j] for j in range(len(true)) if true[j]]
        values["normal_consistency"] = sum(abs(c) for c in cosines) / len(cosines)
        values["normal_consistency_signed"] = sum(cosines) / len(cosines)
        result[part] = values
    edges = [
        tuple(sorted(edge)) for face in mesh.faces.tolist() for edge in zip(face, face[1:] + face[:1], strict=True)
    ]
    closed = all(edges.count(edge) == 2 for edge in set(edges))
    corners = np.concatenate([mesh.vertices, truth.mesh.vertices])
    low, high = corners.min(0), corners.max(0)
    probes = low + (high - low) * np.random.default_rng(0).random((IOU_POINTS, 3))
    a, b = inside(mesh, probes), inside(truth.mesh, probes)
    result["complete"]["iou"] = (a & b).sum() / (a | b).sum() if closed else 0.0
    return result


def original_protocol(prediction: np.ndarray, truth: np.ndarray) -> dict:
    """The section 'Original protocol' of the rules."""
    table = all_distances(prediction, truth)
    to_truth, to_prediction = table.min(1), table.min(0)
    accuracy, completeness = (np.mean([d for d in distances if d < 10]) for distances in (to_truth, to_prediction))
    values = {"accuracy_m": accuracy, "completeness_m": completeness, "chamfer_m": (accuracy + completeness) / 2}
    for name, threshold in (("2cm", 0.02), ("5cm", 0.05), ("10cm", 0.10)):
        p, r = np.mean(to_truth < threshold), np.mean(to_prediction < threshold)
        values |= {f"precision_{name}": p, f"recall_{name}": r, f"f_score_{name}": 2 * p * r / (p + r + 1e-8)}
    return values


@pytest.mark.parametrize(
    ("predicted", "true", "seed"),
    [("hull", "hull", 0), ("box", "ball", 1), ("ball", "box", 2), ("open", "hull", 3), ("two pieces", "ball", 4)],
)
def test_our_protocol_is_what_the_rules_say(predicted, true, seed):
    mesh, reference = random_mesh(predicted, seed), random_mesh(true, seed + 100)
    points = sample_surface(reference, count=TRUE_POINTS, seed=1).points
    truth = Truth(1, points, normals_at(reference, points), points @ [1, 0.3, 0.2] > 0.02, reference)
    thresholds = (0.7, 1, 2.5, 5, 10)
    ours = score(mesh, truth, prediction_samples=SAMPLES, iou_samples=IOU_POINTS, thresholds_cm=thresholds)
    expected = our_protocol(mesh, truth, thresholds)
    assert set(ours) == set(expected)
    for part, values in expected.items():
        assert ours[part] == pytest.approx(values, abs=1e-6), part
    assert (expected["complete"]["iou"] > 0.1) == (predicted != "open")


@pytest.mark.parametrize("seed", range(3))
def test_the_original_protocol_is_what_the_rules_say(seed):
    prediction = random_mesh("ball", seed).vertices
    truth = np.concatenate([random_mesh("hull", seed).vertices, [[30, 0, 0], [0, 11, 0]]])
    assert protocol_values(prediction, truth) == pytest.approx(original_protocol(prediction, truth), abs=1e-9)


def test_voxel_averages_are_those_of_a_dictionary():
    points = np.random.default_rng(0).random((400, 3))
    cells: dict = {}
    for point in points:
        cells.setdefault(tuple(int((x - low) // 0.2) for x, low in zip(point, points.min(0), strict=True)), []).append(
            point
        )
    expected = np.array([np.mean(cells[key], axis=0) for key in sorted(cells)])
    np.testing.assert_allclose(voxel_average(points, size=0.2), expected, atol=1e-12)
