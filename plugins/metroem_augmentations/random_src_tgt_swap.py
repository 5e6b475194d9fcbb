"""Random source target swap: align the other way round."""

from __future__ import annotations

from typing import ClassVar

import attrs
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch

from .chance import coin
from .geometry.frames import require_pair, sample_count
from .sections import where


@attrs.frozen
class RandomSrcTgtSwap:
    """Exchange source and target, with everything whose name tells that it belongs to one.

    A batch in which something has no counterpart stays as it is: a ``src_field`` without a
    ``tgt_field`` would lead the other way.

    :param prob: how likely a sample is swapped.
    """

    prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The pairs with some of them swapped."""
        require_pair(batch, "random_src_tgt_swap")
        swapped = coin(self.prob, (sample_count(batch),), generator)
        others = {name: other for name in batch if (other := counterpart(name)) != name}
        if any(other not in batch for other in others.values()):
            return batch
        return batch.put(
            **{
                name: exchanged(batch[name], batch[other], swapped)
                for name, other in others.items()
            }
        )


def exchanged(array: Array, other: Array, swapped: Tensor) -> Array:
    """An array with some samples (N,) of another one. It has no place if they lie elsewhere."""
    places = {True: other.place, False: array.place}
    found = {places[each] for each in swapped.tolist()}
    place = found.pop() if len(found) == 1 else None
    tensor = where(swapped, other.tensor, array.tensor)
    return attrs.evolve(array, tensor=tensor, place=place)


def counterpart(name: str) -> str:
    """What a name would be on the other side."""
    return "tgt".join(part.replace("tgt", "src") for part in name.split("src"))
