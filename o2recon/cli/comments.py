"""What the comments in the yaml files say: of a choice, and of each of its keys."""

import re

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[\w ]+):(?: (?P<value>.*?))??(?:\s+# (?P<comment>.*))?$")


def summary(text: str) -> str:
    """The first sentence of the comment that a file begins with; '' without one."""
    lines = []
    for line in text.splitlines():
        if line.startswith("# @package"):
            continue
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return re.split(r"(?<=[.?])\s", " ".join(lines), maxsplit=1)[0].rstrip(".")


def key_comments(text: str) -> dict[str, str]:
    """Dotted key -> the comment on its line."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = _KEY.match(line)
        if match is None:
            continue
        indent = len(match["indent"])
        path = [p for p in path if p[0] < indent] + [(indent, match["key"])]
        if match["comment"]:
            found[".".join(key for _, key in path)] = match["comment"].strip()
    return found
