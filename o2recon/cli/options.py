"""What can be overridden: the config groups with their choices, and every single key."""

from functools import cache
from importlib.resources import files

from omegaconf import DictConfig, OmegaConf

from o2recon.cli.table import STAGES


def groups() -> dict[str, list[str]]:
    """Config group -> its choices, from the installed yaml files."""
    root = files("o2recon.conf")
    return {
        folder.name: sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
        for folder in sorted(root.iterdir(), key=lambda f: f.name)
        if folder.is_dir() and folder.name not in ("hydra", "__pycache__")
    }


def nested() -> dict[str, list[str]]:
    """Config group inside a group, such as cues/normal -> its choices."""
    root = files("o2recon.conf")
    folders = {f"{group}/{f.name}": f for group in groups() for f in (root / group).iterdir() if f.is_dir()}
    found = {
        name: sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
        for name, folder in sorted(folders.items())
    }
    return {name: choices for name, choices in found.items() if choices}


def describe(stage: str) -> str:
    """Help of one stage: its config groups, their choices and the values they have by default."""
    available = groups()
    config = composed(stage, with_hydra=True)
    inner = {name: found for name, found in nested().items() if name in config.hydra.runtime.choices}
    lines = [f"o2recon {stage}: {STAGES[stage].summary}", "", "general:"]
    lines += [f"  {k}={v}" for k, v in plain(config).items() if not isinstance(v, dict) and k != "stage"]
    for group in STAGES[stage].groups:
        if group not in available:
            continue
        lines += ["", f"{group}: {', '.join(available[group])}"]
        lines += [f"{name}: {', '.join(found)}" for name, found in inner.items() if name.startswith(f"{group}/")]
        value = config.get(group)
        if isinstance(value, DictConfig):
            lines += [f"  {group}.{key}={shown}" for key, shown in _flat(value) if "_target_" not in key]
    return "\n".join(lines)


@cache
def all_keys() -> tuple[str, ...]:
    """Every key and config group that the default config knows, dotted."""
    keys = [*groups(), *nested()]
    for key, _ in _flat(composed("run")):
        parts = key.split(".")
        keys += [".".join(parts[: i + 1]) for i in range(len(parts))]
    return tuple(dict.fromkeys(keys))


def composed(stage: str, overrides: tuple[str, ...] = (), *, with_hydra: bool = False) -> DictConfig:
    """The config of a stage, composed but not resolved; `with_hydra` with Hydra's own part, which knows the choices."""
    from hydra import compose, initialize_config_module

    from o2recon.cli.launch import with_defaults

    with initialize_config_module("o2recon.conf", version_base="1.3"):
        return compose("config", overrides=with_defaults(stage, overrides), return_hydra_config=with_hydra)


def plain(config: DictConfig) -> dict[str, object]:
    """As plain containers, unresolved."""
    content = OmegaConf.to_container(config)
    assert isinstance(content, dict)
    return {str(k): v for k, v in content.items()}


def _flat(config: DictConfig, prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in plain(config).items():
        pairs += _flattened(f"{prefix}{key}", value)
    return pairs


def _flattened(key: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [pair for k, v in value.items() for pair in _flattened(f"{key}.{k}", v)]
    return [(key, value)]
