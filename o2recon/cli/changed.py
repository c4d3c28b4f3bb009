"""Why a run is done again, in words: what its result was made from, and what it would be made from now."""

from collections.abc import Iterator
from typing import Any

from o2recon.manifest import package_version
from o2recon.sweep import changes, deciding, with_network

SCAN = ("scene", "depth", "instances", "outlines", "poses")
"""Groups of the config that decide what is prepared, whatever they are called there."""
HASHED = {
    "scene": "files of the scan",
    "sketches": "painted sketches",
    "given": "the given masks",
    "poses": "how poses are refined",
    "depth files": "files of precomputed depth",
    "normal files": "files of precomputed normals",
}
"""Sources of prepared data that are known by a hash, by what people call them."""
SHOWN = 5


def changed(
    before: dict[str, Any], config_before: dict[str, Any], identity: dict[str, Any], config: dict[str, Any]
) -> str:
    """What differs, as a list for one line.

    `before`: result.json; `config_before`: its config, {} when there is none; `identity`: `config`, `inputs` and
    `sources` of the run as it would be now; `config`: all options of it.
    """
    told = list(_options(before, config_before, identity, config))
    inputs = before.get("inputs") or {}
    if inputs.get("groundtruth") != identity["inputs"]["groundtruth"]:
        told.append("the ground truth")
    if inputs.get("prepared") != identity["inputs"]["prepared"]:
        is_read_anew = any(one.startswith(group) and one[len(group)] in ".:" for one in told for group in SCAN[:-1])
        found = _sources(before.get("sources") or {}, identity["sources"])
        told += [one for one in found if one != HASHED["scene"] or not is_read_anew]
    if not told:
        told = ["its prepared data, of which that result does not say more"]
    return "; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else "")


def _options(
    before: dict[str, Any], config_before: dict[str, Any], identity: dict[str, Any], config: dict[str, Any]
) -> Iterator[str]:
    version = (before.get("versions") or {}).get("o2recon")
    yield from changes({"version": version}, {"version": package_version()})
    if config_before:
        old = deciding(with_network(config_before, before.get("semantic")))
        known = [group for group in SCAN if group not in old and group in config_before]
        old |= {group: _without_root(config_before[group]) for group in known}
        yield from changes(old, identity["config"] | {group: _without_root(config[group]) for group in known})


def _without_root(group: Any) -> Any:
    return {k: v for k, v in group.items() if k != "root"} if isinstance(group, dict) else group


def _sources(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[str]:
    """What stages read beside their options, where it is another one now."""
    for stage in [*new, *(s for s in old if s not in new)] if old else ():
        before, now = old.get(stage, {}), new.get(stage, {})
        for name in [*before, *(n for n in now if n not in before)]:
            if before.get(name) != now.get(name):
                shown = f"{name} of {stage}: {before.get(name, 'none')} -> {now.get(name, 'none')}"
                yield HASHED.get(name, shown)
