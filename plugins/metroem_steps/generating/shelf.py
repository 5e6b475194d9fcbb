"""Where the fields of a set are put."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from metroem_core.sets import PairSet

LEDGER = "ledger"
"""The folder in a workshop that remembers which fields are found."""


class Shelf(Protocol):
    """Where found fields are put. It is sent to workers."""

    @property
    def workshop(self) -> Path:
        """A folder that is there as long as fields are found."""
        ...

    def open(self) -> None:
        """Make what has to be there before the first field comes."""
        ...

    def put(self, index: int, fields: Mapping[int, Tensor]) -> None:
        """Store the fields (1, 2, X, Y) of a pair, by mip. May be called again for a pair."""
        ...

    def publish(self, pairs: PairSet, made_from: Any) -> list[Path]:
        """Give the results their names when all fields are there, and clear up.

        :return: the files that there are now.
        """
        ...
