"""The table that the demo ends with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

PAIRS = {
    "quality/stage 0": "the network of the coarse mip",
    "quality/stage 1": "and that of the fine one",
    "quality/refined": "and then optimise",
    "quality/untrained": "without any training",
}
COLUMNS = {"epe_median": "error px", "ncc": "ncc", "cpc": "cpc"}

Row = tuple[str, dict[str, float]]


def table(folder: Path) -> str:
    """Every stage with its numbers, on pairs that the training did not see; then the volume."""
    known = {name for _, numbers in pairs(folder) for name in numbers}
    rows = [*pairs(folder), *volume(folder)]
    shown = {name: title for name, title in COLUMNS.items() if name in known}
    lines = [f"{'':<32}" + "".join(f"{title:>10}" for title in shown.values())]
    for title, numbers in rows:
        cells = (f"{numbers[name]:>10.2f}" if name in numbers else f"{'-':>10}" for name in shown)
        lines.append(f"{title:<32}" + "".join(cells))
    return "\n".join(lines)


def pairs(folder: Path) -> Iterator[Row]:
    """The pairs as they are, and by every way of aligning them."""
    for index, (name, title) in enumerate(PAIRS.items()):
        numbers = read(folder / name / "numbers.json")
        if not index:
            yield "pairs, not aligned", single(numbers["before"])
        yield title, single(numbers["after"])


def volume(folder: Path) -> Iterator[Row]:
    """The whole volume, before and after."""
    found = read(folder / "total.report.json")["all"]
    yield "volume, not aligned", found["before"]
    yield "volume, aligned", {"epe_median": found["residual"]["median"], **found["after"]}


def single(numbers: dict[str, float]) -> dict[str, float]:
    """Numbers in which the correlation of tiles has one name, whenever it was measured."""
    return {**numbers, **({"cpc": numbers["cpc_after"]} if "cpc_after" in numbers else {})}


def read(path: Path) -> Any:
    """What is in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def next_steps(out: Path, page: Path) -> list[str]:
    """What to look at, and what to type next."""
    here = quote(str(out))
    softer = "'steps[9].refine.stiffness=1000'"
    return [
        f"Look at  {page}",
        "Try next:",
        f"  metroem view {here}/aligned",
        f"  metroem run {here}/demo.yaml --out {here} --set {softer} --dry-run",
        f"  metroem history {here}/model",
    ]
