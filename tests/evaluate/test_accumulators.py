"""The torchmetrics classes: failures count, and two processes know what one does."""

import json

import pytest
import torch
import torch.multiprocessing as multiprocessing
from gloo_objects import THRESHOLDS, fill, objects, report

from o2recon.evaluate.accumulators import ObjectMeans, SurfaceDistances
from o2recon.evaluate.batched import batched_distance_values


def test_failures_lower_shares_and_leave_distances_alone():
    whole, without = fill([0, 1, 2]).compute(), fill([0, 2]).compute()
    assert whole["failed"] == 1 and whole["objects"] == 3 and without["failed"] == 0
    torch.testing.assert_close(whole["f_score_2.5cm"], without["f_score_2.5cm"] * 2 / 3)
    torch.testing.assert_close(whole["chamfer_cm"], without["chamfer_cm"])


def test_the_mean_is_over_objects_not_over_points():
    values = [batched_distance_values(p, t)["accuracy_cm"].double() for p, t, _ in (objects()[0], objects()[4])]
    metric = SurfaceDistances(thresholds_cm=THRESHOLDS)
    for p, t, _ in (objects()[0], objects()[4]):
        metric.update(p, t)
    torch.testing.assert_close(metric.compute()["accuracy_cm"], torch.cat(values).mean())


def test_given_values_are_averaged_and_reset():
    metric = ObjectMeans(names=("f_score_5cm", "chamfer_cm"))
    metric.update({"f_score_5cm": 0.8, "chamfer_cm": 2.0, "more": 1}, failed=False)
    metric.update({"f_score_5cm": 0.0, "chamfer_cm": None}, failed=True)
    told = {key: float(value) for key, value in metric.compute().items()}
    assert told == {"f_score_5cm": 0.4, "chamfer_cm": 2.0, "objects": 2, "failed": 1}
    metric.reset()
    metric.update({"f_score_5cm": 0.5, "chamfer_cm": None}, failed=False)
    assert metric.compute()["f_score_5cm"] == 0.5 and metric.compute()["chamfer_cm"].isnan()
    with pytest.raises(ValueError, match="chamfer_cm"):
        metric.update({"f_score_5cm": 0.5}, failed=False)


def test_two_processes_compute_what_one_does(tmp_path):
    """Three objects and two; then all and none."""
    cases = [[[0, 1, 2], [3, 4]], [[0, 1, 2, 3, 4], []]]
    expected = {key: float(value) for key, value in fill([0, 1, 2, 3, 4]).compute().items()}
    multiprocessing.spawn(report, (str(tmp_path), cases), nprocs=2)
    for rank in range(2):
        for told in json.loads((tmp_path / f"{rank}.json").read_text()):
            assert told == pytest.approx(expected, abs=1e-12)
