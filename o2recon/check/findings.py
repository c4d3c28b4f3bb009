"""What the check says: one line per finding, with the remedy, and all of it as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LEVELS = ("ok", "untested", "doubtful", "wrong")
"""From best to worst."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `name` is the mistake's name, 'none' when there is none."""

    about: str
    """poses and depth; poses and images, of captures without depth; colour and depth."""
    level: str
    name: str
    message: str
    remedy: str | None = None
    evidence: str | None = None
    """What the remedy would change."""
    numbers: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Message, remedy and evidence in one line."""
        remedy = "" if self.remedy is None else f": {self.remedy}"
        return self.message + remedy + ("" if self.evidence is None else f" ({self.evidence})")


@dataclass(frozen=True)
class Report:
    """All findings about one scan. `residuals`: counts of relative depth residuals between `edges`, percent."""

    findings: tuple[Finding, ...]
    frames: tuple[int, ...]
    pairs: int
    residuals: tuple[int, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def level(self) -> str:
        """The worst of the findings'."""
        return max((f.level for f in self.findings), key=LEVELS.index, default="untested")

    def worst(self) -> Sequence[Finding]:
        """The findings of that level."""
        return [f for f in self.findings if f.level == self.level]

    def to_json(self) -> dict[str, Any]:
        """Plain containers; `from_json` reads them."""
        return {
            "verdict": self.level,
            "findings": [vars(f) for f in self.findings],
            "frames": list(self.frames),
            "pairs": self.pairs,
            "residual_percent": {"counts": list(self.residuals), "edges": list(self.edges)},
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Report":
        histogram = content["residual_percent"]
        findings = tuple(Finding(**f) for f in content["findings"])
        counts, edges = tuple(histogram["counts"]), tuple(histogram["edges"])
        return Report(findings, tuple(content["frames"]), content["pairs"], counts, edges)
