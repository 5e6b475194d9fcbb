"""Pairs that a spec lists one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
from attrs.validators import min_len

from metroem_core.geometry import Triple
from metroem_core.kinds import PairPlace

AXES = ("x", "y", "z")
STARTS = ("x_start", "y_start", "z_start")

Pair = tuple[Triple, Triple]


def as_pairs(value: Any) -> tuple[Pair, ...]:
    """Pairs in any of their spellings.

    :raises ValueError: naming the one that is none.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"'pairs' must be a list of pairs, not {value!r}")
    return tuple(as_pair(each, f"'pairs[{index}]'") for index, each in enumerate(value))


def as_pair(value: Any, where: str) -> Pair:
    """A pair, from ``{"src": place, "tgt": place}`` or ``[place, place]``."""
    if isinstance(value, PairPlace):
        return value.src, value.tgt
    if isinstance(value, dict) and sorted(value) == ["src", "tgt"]:
        value = [value["src"], value["tgt"]]
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"{where} must be {{src, tgt}} or a list of the two, not {value!r}")
    src, tgt = (
        as_place(each, f"{where} {name}") for each, name in zip(value, ("src", "tgt"), strict=True)
    )
    return src, tgt


def as_place(value: Any, where: str) -> Triple:
    """A place, from ``{"x": 1, "y": 2, "z": 3}`` or ``[1, 2, 3]``."""
    if isinstance(value, dict) and any(name in value for name in STARTS):
        raise ValueError(
            f"{where} gives the corner of a picture (x_start, ...). Add half of its size in MIP0 "
            "voxels and call it x, y, z"
        )
    if isinstance(value, dict) and sorted(value) == list(AXES):
        value = [value[axis] for axis in AXES]
    if not isinstance(value, (list, tuple)) or [type(each) for each in value] != [int] * 3:
        raise ValueError(f"{where} must be {{x, y, z}}, whole numbers, not {value!r}")
    x, y, z = value
    return x, y, z


@attrs.frozen
class Listed:
    """The pairs of a list, in MIP0 voxels.

    :param pairs: the middles of source and target of each, as ``{"src": {"x": 1, "y": 2, "z": 3},
        "tgt": {...}}``, or as a list of source and target, or both mixed.
    """

    pairs: tuple[Any, ...] = attrs.field(converter=as_pairs, validator=min_len(1))

    def places(self) -> Iterator[PairPlace]:
        """The places, in the order of the list."""
        return (PairPlace(src, tgt) for src, tgt in self.pairs)
