"""Arrays that TensorStore reads and writes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Triple, VolumeInfo

from .boxes import Slices
from .places import Spec, context, finished
from .stored import Reading

if TYPE_CHECKING:
    import tensorstore as ts

Axes = tuple[int | None, int | None, int | None, int | None]
KEEP_ALL = {"fill_missing_data_reads": False, "store_data_equal_to_fill_value": True}


class Tensor:
    """An array in a store, opened when it is first used, and once more in another process.

    :param where: its path, for messages.
    :param spec: what TensorStore must know.
    :param axes: the axes of the array that are c, z, y and x, or None where there is none. Others
        must have the length 1.
    """

    def __init__(self, where: str, spec: Spec, axes: Axes) -> None:
        self.where, self.spec, self.axes = where, spec, axes

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (self.where, self.spec, self.axes)

    @cached_property
    def store(self) -> ts.TensorStore:
        """The array as it is."""
        return opened(self.where, self.spec)

    @cached_property
    def view(self) -> ts.TensorStore:
        """The array as (C, Z, Y, X), which begins at 0."""
        return turned(self.store, self.axes)

    @property
    def chunk(self) -> Triple:
        """Voxels z, y, x that are read together."""
        return of_three(self.view.chunk_layout.read_chunk.shape, 1)

    @property
    def piece(self) -> Triple:
        """Voxels z, y, x that are written together."""
        return of_three(self.view.chunk_layout.write_chunk.shape, 1)

    @property
    def origin(self) -> Triple:
        """Where a chunk begins, along z, y, x."""
        return of_three(self.view.chunk_layout.grid_origin, 0)

    def begin(self, part: Slices) -> Reading:
        """Start to read a part (C, Z, Y, X)."""
        future = self.view[(slice(None), *part)].read()
        return lambda: finished(lambda: future, self.where)

    def write(self, part: Slices, voxels: np.ndarray) -> None:
        """Store a part (C, Z, Y, X)."""
        finished(lambda: self.view[(slice(None), *part)].write(voxels), self.where)


def opened(where: str, spec: Spec) -> ts.TensorStore:
    """An array in a store."""
    import tensorstore as ts

    return finished(lambda: ts.open({**spec, **KEEP_ALL}, context=context()), where)


def turned(store: ts.TensorStore, axes: Axes) -> ts.TensorStore:
    """An array as (C, Z, Y, X), which begins at 0."""
    import tensorstore as ts

    store = store[ts.d[:].translate_to[0]]
    order = [axis for axis in axes if axis is not None]
    for axis in sorted(set(range(store.rank)) - set(order), reverse=True):
        store = store[ts.d[axis][0]]
        order = [each - (each > axis) for each in order]
    store = store.transpose(order)
    lacking = [n for n, axis in enumerate(axes) if axis is None]
    return store[ts.d[lacking][ts.newaxis]] if lacking else store


def order_of(axes: str) -> Axes:
    """Where c, z, y and x are in the names of axes."""
    c, z, y, x = (axes.index(each) if each in axes else None for each in "czyx")
    return c, z, y, x


def of_three(values: Any, default: int) -> Triple:
    """The last three values, along z, y, x, where TensorStore knows them."""
    z, y, x = (int(value or default) for value in tuple(values)[-3:])
    return z, y, x


def numbers(where: str, dtype: str) -> str:
    """The name of a type, if it is one of numbers.

    :raises UserError: when it is not.
    """
    try:
        if np.dtype(dtype).kind in "buif":
            return str(np.dtype(dtype).name)
    except TypeError:
        pass
    raise UserError(f"{where}: holds {dtype}, which are not numbers that can be read")


def marked(info: VolumeInfo, units: str | None, components: str | None) -> VolumeInfo:
    """The same, with what is known of the vectors of a field."""
    known = {"units": units, "components": components}
    given = {name: value for name, value in known.items() if value is not None}
    return attrs.evolve(info, attributes={**info.attributes, **given})


def rehearse(
    where: str, files: dict[str, Any], arrays: Iterable[tuple[str, Spec]]
) -> dict[str, bytes]:
    """The small files of a volume, after opening its arrays in a store in memory.

    :param files: those that are written first, as JSON.
    :param arrays: the folder of each array, and what TensorStore must know to open or make it.
    :raises UserError: when the format cannot hold them.
    """
    import tensorstore as ts

    memory, own = {"driver": "memory"}, ts.Context()
    store = finished(lambda: ts.KvStore.open(memory, context=own), where)
    for name, value in files.items():
        store[name] = json.dumps(value, indent=1)
    for path, spec in arrays:
        whole = {**spec, "kvstore": {**memory, "path": path}}
        finished(partial(ts.open, whole, context=own), where)
    names = [key.decode() for key in finished(lambda: store.list(), where)]
    return {name: store[name] for name in names}
