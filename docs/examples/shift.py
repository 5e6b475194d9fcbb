"""An aligner that shifts whole pictures, for `--plugin shift.py`."""

import attrs
import torch

import metroem_core
from metroem_core.batch import Prediction
from metroem_core.field import compose
from metroem_core.mask import has_data, warp


@attrs.frozen
class Shift:
    """Shift the whole picture to where it correlates best, by whole pixels."""

    def build(self):
        """The aligner itself."""
        return align


def align(batch, report=None):
    """The total field of the pairs in a batch."""
    src, tgt = batch["src"].tensor, batch["tgt"].tensor
    start = batch["src_field"].tensor if "src_field" in batch else torch.zeros_like(src[:, :1])
    start = start.expand(-1, 2, -1, -1)
    found = torch.zeros_like(start)
    for n, (moved, still) in enumerate(zip(warp(src, start), tgt, strict=True)):
        found[n] += best_shift(moved.mean(0), still.mean(0)).view(2, 1, 1)
    known = has_data(src).any((1, 2, 3)) & has_data(tgt).any((1, 2, 3))
    return Prediction(torch.where(known.view(-1, 1, 1, 1), compose(found, start), start))


def best_shift(moved, still):
    """The x, y by which ``moved`` (H, W) must be read to look like ``still``."""
    spectra = [torch.fft.rfft2(each - each.mean()) for each in (moved, still)]
    correlation = torch.fft.irfft2(spectra[0] * spectra[1].conj(), s=moved.shape)
    y, x = divmod(int(correlation.argmax()), moved.shape[1])
    wrapped = [a if a <= n // 2 else a - n for a, n in ((x, moved.shape[1]), (y, moved.shape[0]))]
    return moved.new_tensor(wrapped)


@metroem_core.hookimpl
def metroem_register_components(registry):
    registry.add("aligner", "shift", Shift)
