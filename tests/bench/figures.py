"""What benchmarks measure, how it is kept and how it is shown."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        value: what was measured, in ``unit``.
        baseline: what it is compared with, measured in the same run, in the same unit.
        ratio: value over baseline; None where there is no baseline.
        goal: in words, for example ``ratio >= 0.70``.
        met: whether the goal was reached.
    """

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    goal: str
    met: bool


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """Returns a figure that must not exceed a limit."""
    return Figure(
        name=name,
        value=round(value, 2),
        unit=unit,
        baseline=None,
        ratio=None,
        goal=f"<= {limit:g} {unit}",
        met=value <= limit,
    )


def at_most_of(name: str, value: float, baseline: float, unit: str, share: float) -> Figure:
    """Returns a figure that must not exceed a share of its baseline."""
    ratio = value / baseline
    return Figure(
        name=name,
        value=round(value, 2),
        unit=unit,
        baseline=round(baseline, 2),
        ratio=round(ratio, 3),
        goal=f"ratio <= {share:g}",
        met=ratio <= share,
    )


def shown(name: str, value: float, unit: str) -> Figure:
    """Returns a figure that says how much others are about, and has no goal."""
    return Figure(
        name=name,
        value=round(value, 2),
        unit=unit,
        baseline=None,
        ratio=None,
        goal="none",
        met=True,
    )


def at_least_of(name: str, value: float, baseline: float, unit: str, share: float) -> Figure:
    """Returns a figure that must reach a share of its baseline."""
    ratio = value / baseline
    return Figure(
        name=name,
        value=round(value, 1),
        unit=unit,
        baseline=round(baseline, 1),
        ratio=round(ratio, 3),
        goal=f"ratio >= {share:g}",
        met=ratio >= share,
    )


def keep(figures: Iterable[Figure], path: Path) -> None:
    """Writes figures to the file of all figures, in place of older ones of the same names."""
    known: dict[str, Any] = {}
    if path.exists():
        known = {one["name"]: one for one in json.loads(path.read_text())}
    known |= {one.name: asdict(one) for one in figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(known.values()), indent=2) + "\n")


def table(figures: Iterable[Figure]) -> str:
    """Returns the figures as a table."""
    head = ("figure", "value", "baseline", "ratio", "goal", "met")
    rows: list[tuple[str, ...]] = [head]
    for one in figures:
        baseline = "" if one.baseline is None else f"{one.baseline:g}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        met = "yes" if one.met else "NO"
        rows.append((one.name, f"{one.value:g} {one.unit}", baseline, ratio, one.goal, met))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
