"""The field of a pair by an aligner that is built once in a worker, where it shall compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.device import chosen
from metroem_core.kinds import Align, Aligner

from .devices import claimed


@attrs.define(eq=False)
class Finder:
    """Finds fields. It is sent to workers as it was described, and each builds its own.

    Whatever an aligner draws at random is drawn alike for every pair, in any worker.

    :param refine: what makes the field of the aligner better.
    :param devices: one of them is taken; without any, the processor.
    """

    aligner: Aligner
    refine: Aligner | None = None
    devices: tuple[str, ...] = ()
    _built: tuple[torch.device, list[Align]] | None = attrs.field(default=None, init=False)

    def __getstate__(self) -> tuple[Aligner, Aligner | None, tuple[str, ...]]:
        return self.aligner, self.refine, self.devices

    def __setstate__(self, state: tuple[Aligner, Aligner | None, tuple[str, ...]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __call__(self, batch: Batch) -> Tensor:
        """The field (N, 2, H, W) of ``src`` and ``tgt``, (N, C, H, W) each, on the processor."""
        if self._built is None:
            self._built = self._build()
        device, aligns = self._built
        arrays = batch.items()
        batch = Batch({n: attrs.evolve(a, tensor=a.tensor.to(device)) for n, a in arrays})
        with torch.no_grad(), drawn_alike(device):
            for align in aligns:
                found = Array(align(batch).field, "field", batch["src"].place)
                batch = batch.put(src_field=found)
        return found.tensor.float().cpu()

    def _build(self) -> tuple[torch.device, list[Align]]:
        device = chosen(claimed(self.devices) if self.devices else "cpu")
        wanted = [self.aligner, *([self.refine] if self.refine is not None else [])]
        with device, drawn_alike(device):
            return device, [each.build() for each in wanted]


@contextmanager
def drawn_alike(device: torch.device) -> Iterator[None]:
    """Have torch draw the same numbers each time, and go on afterwards where it was."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield
