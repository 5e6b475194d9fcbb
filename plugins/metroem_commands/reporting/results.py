"""What a step leaves for the report in the folder that it writes.

``numbers.json`` holds how good things were ``before`` the step and ``after`` it, by name. PNG files
are shown, ``NAME_before.png`` and ``NAME_after.png`` in turn. NPY files are drawn: a field
(2, H, W), or a map (H, W) whose name says what it is. ``training/log.jsonl`` in the folder of a
module holds a line for every epoch. ``numbers.json`` may have such numbers of all ``pairs`` too,
and ``<folder>.report.json`` those of all ``sections``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from .log import lines

PLACES = ("", "maps", "pictures")  # folders that are looked through

Numbers = dict[str, float]


@attrs.frozen(eq=False)
class Result:
    """A file or folder that a step wrote.

    :param path: where it is.
    :param before: numbers before the step, by name, and ``after`` likewise.
    :param pictures: files to show.
    :param flickers: files to show in turn, before and after, by name.
    :param arrays: files to draw.
    :param pairs: numbers of each pair of a set, ``before`` and ``after``, and ``sections`` likewise
        of a volume.
    :param trainings: the epochs of each module that was trained, by the name of its folder.
    :param notes: what the step noted about what it made.
    """

    path: Path
    before: Numbers = attrs.field(factory=dict)
    after: Numbers = attrs.field(factory=dict)
    pictures: tuple[Path, ...] = ()
    flickers: dict[str, tuple[Path, Path]] = attrs.field(factory=dict)
    arrays: tuple[Path, ...] = ()
    pairs: tuple[dict[str, Any], ...] = ()
    sections: tuple[dict[str, Any], ...] = ()
    trainings: dict[str, list[dict[str, Any]]] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()


def results_of(outputs: list[Path]) -> tuple[Result, ...]:
    """What there is in the outputs of a step."""
    return tuple(result_of(path) for path in outputs)


def result_of(path: Path) -> Result:
    """What there is in an output, and beside it."""
    if not path.is_dir():
        return of_report(Result(path))
    numbers = read_json(path / "numbers.json")
    shown = [each for place in PLACES for each in sorted((path / place).glob("*.png"))]
    flickers = dict(turns(shown))
    in_turn = {each for pair in flickers.values() for each in pair}
    found = Result(
        path,
        finite(numbers.get("before")),
        finite(numbers.get("after")),
        tuple(each for each in shown if each not in in_turn),
        flickers,
        tuple(each for place in PLACES for each in sorted((path / place).glob("*.npy"))),
        objects(numbers.get("pairs")),
        (),
        {each.parents[1].name: list(lines(each)) for each in logs_of_training(path)},
        tuple(notes_of_set(read_json(path / "set.json"))),
    )
    return of_report(found)


def of_report(found: Result) -> Result:
    """A result with what stands in the report beside a volume, if there is one."""
    report = read_json(found.path.with_name(f"{found.path.name}.report.json"))
    whole = report.get("all")
    if not isinstance(whole, dict):
        return found
    residual = finite(whole.get("residual"))
    after = {
        **finite(whole.get("after")),
        **{f"residual_{name}": value for name, value in residual.items()},
        **finite({"largest_drift": whole.get("largest_drift")}),
    }
    return attrs.evolve(
        found,
        before={**found.before, **finite(whole.get("before"))},
        after={**found.after, **after},
        sections=objects(report.get("sections")),
    )


def objects(value: Any) -> tuple[dict[str, Any], ...]:
    """The objects in a list."""
    return (
        tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
    )


def turns(shown: list[Path]) -> Iterator[tuple[str, tuple[Path, Path]]]:
    """Pictures before and after, by what they have in common."""
    known = set(shown)
    for after in shown:
        if after.stem == "after" or after.stem.endswith("_after"):
            head = after.stem.removesuffix("after")
            before = after.with_name(f"{head}before.png")
            if before in known:
                yield head.rstrip("_"), (before, after)


def logs_of_training(folder: Path) -> list[Path]:
    """The logs of the modules in a folder, which may be one itself."""
    found = [*folder.glob("training/log.jsonl"), *folder.glob("*/training/log.jsonl")]
    return sorted(found)


def notes_of_set(about: dict[str, Any]) -> Iterator[str]:
    """What was noted about the pairs of a set."""
    for name, series in (about.get("series") or {}).items():
        for mip, each in (series.get("mips") or {}).items():
            for pair, notes in (each.get("notes") or {}).items():
                yield from (f"{name}, mip {mip}, pair {pair}: {note}" for note in notes)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def finite(value: Any) -> Numbers:
    """The numbers of an object."""
    if not isinstance(value, dict):
        return {}
    return {
        str(name): float(each)
        for name, each in value.items()
        if isinstance(each, (int, float)) and math.isfinite(each)
    }
