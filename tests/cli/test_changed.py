"""What is said about a run that is done again."""

from typing import Any

import pytest

from o2recon.cli.changed import changed
from o2recon.manifest import package_version

SOURCES = {
    "objects": {"scene": "a1", "object": "1 chair"},
    "masks": {"sketches": "b1"},
    "inpaint": {"painter": "telea"},
}
CONFIG = {"scene": {"root": "/a", "frame_skip": 1}, "masks": {"mode": "auto"}, "depth": {"_target_": "x.GivenDepth"}}


def told(
    *, config: dict[str, Any] | None = None, sources: dict[str, dict[str, str]] | None = None, **inputs: str
) -> str:
    now = CONFIG | (config or {})
    known = {"prepared": "p1", "groundtruth": "g1"}
    before = {"inputs": known, "sources": SOURCES, "versions": {"o2recon": package_version()}}
    deciding = {"scene": {"frame_skip": now["scene"]["frame_skip"]}, "masks": now["masks"]}
    identity = {"config": deciding, "inputs": known | inputs, "sources": SOURCES | (sources or {})}
    return changed(before, CONFIG, identity, now)


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        ({"objects": {"scene": "a2", "object": "1 chair"}}, "files of the scan"),
        ({"masks": {"sketches": "b2"}}, "painted sketches"),
        ({"masks": {}}, "painted sketches"),
        ({"inpaint": {"painter": "diffusion"}}, "painter of inpaint: telea -> diffusion"),
        ({"objects": {"scene": "a1", "object": "1 sofa"}}, "object of objects: 1 chair -> 1 sofa"),
    ],
)
def test_sources_of_prepared_data_are_named(sources: dict[str, dict[str, str]], line: str) -> None:
    assert told(sources=sources, prepared="p2") == line


def test_options_are_named_and_hashes_never() -> None:
    assert told(config={"masks": {"mode": "carve"}}, prepared="p2") == "masks.mode: auto -> carve"
    assert told(groundtruth="g2") == "the ground truth"


def test_a_scan_that_is_read_in_another_way_has_not_changed() -> None:
    anew = {"objects": {"scene": "a2", "object": "1 chair"}}
    skip = {"scene": {"root": "/b", "frame_skip": 2}}
    assert told(config=skip, sources=anew, prepared="p2") == "scene.frame_skip: 1 -> 2"
    network = {"depth": {"_target_": "x.NetworkDepth"}}
    assert told(config=network, sources=anew, prepared="p2") == "depth: GivenDepth -> NetworkDepth"


def test_of_an_earlier_result_without_sources_not_more_is_said_than_is_known() -> None:
    before = {"inputs": {"prepared": "p1", "groundtruth": "g1"}, "versions": {"o2recon": package_version()}}
    identity = {"config": {}, "inputs": {"prepared": "p2", "groundtruth": "g1"}, "sources": SOURCES}
    assert changed(before, {}, identity, CONFIG).startswith("its prepared data")
