"""What can be overridden: the config groups with their choices, and every single key."""

from functools import cache
from importlib.resources import files

from omegaconf import DictConfig, OmegaConf

from o2recon.cli.comments import key_comments, summary
from o2recon.cli.overrides import with_defaults
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
    """Help of one stage: its keys with their values and meaning, then its config groups with what each choice is."""
    available = groups()
    config = composed(stage, with_hydra=True)
    chosen = config.hydra.runtime.choices
    meanings = key_comments((files("o2recon.conf") / "config.yaml").read_text(encoding="utf-8"))
    lines = [f"o2recon {stage}: {STAGES[stage].summary}", ""]
    values = {k: v for k, v in plain(config).items() if not isinstance(v, dict) and k != "stage"}
    lines += [_option(key, values[key], meanings) for key in STAGES[stage].keys]
    for group in STAGES[stage].groups:
        if group not in available:
            continue
        inner = {name: found for name, found in nested().items() if name.startswith(f"{group}/") and name in chosen}
        for name, choices in {group: available[group], **inner}.items():
            lines += ["", *_choices(name, choices, str(chosen.get(name)))]
        value = config.get(group)
        if isinstance(value, DictConfig):
            meanings = _meanings(group, str(chosen.get(group)))
            lines += [_option(key, shown, meanings, group) for key, shown in _flat(value) if not _hidden(key)]
    return "\n".join(lines)


def _choices(group: str, choices: list[str], chosen: str) -> list[str]:
    """The group and, a line each, its choices, the default one marked."""
    folder = files("o2recon.conf").joinpath(*group.split("/"))
    told = {c: summary((folder / f"{c}.yaml").read_text(encoding="utf-8")) for c in choices}
    width = max(len(c) for c in choices)
    return [f"{group}:", *(f"  {'*' if c == chosen else ' '} {c:{width}}  {told[c]}".rstrip() for c in choices)]


def _meanings(group: str, chosen: str) -> dict[str, str]:
    """What the group's files say of its keys; the chosen one has the last word."""
    folder = files("o2recon.conf") / group
    texts = [f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".yaml")]
    own = folder / f"{chosen}.yaml"
    texts += [own.read_text(encoding="utf-8")] if own.is_file() else []
    return {key: told for text in texts for key, told in key_comments(text).items()}


def _option(key: str, value: object, meanings: dict[str, str], group: str | None = None) -> str:
    shown = f"  {key}={value}" if group is None else f"  {group}.{key}={value}"
    shown = shown.replace("=None", "=null").replace("=True", "=true").replace("=False", "=false")
    return f"{shown:40}  # {meanings[key]}" if key in meanings else shown


def _hidden(key: str) -> bool:
    """Whether the key says how an object is built (_target_, _partial_, _convert_), which nobody overrides."""
    return key.rpartition(".")[2].startswith("_")


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
