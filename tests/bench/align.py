"""How well and how fast pictures are aligned without training.

Synthetic neighbouring sections, whose true field is known, and where METROEM_TEST_DATA names a
folder of real ones, sections of ISBI 2012 against themselves, warped, with other noise. Errors are
distances from the true field in pixels, where both pictures have data.
"""

import os
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch

from metroem_aligners.block_match import BlockMatch
from metroem_aligners.chain import Chain
from metroem_aligners.optimise import Optimise
from metroem_core.batch import pair, picture, turned
from metroem_core.field import fold_mask, length, random_smooth, sample
from metroem_core.geometry import Box
from metroem_core.mask import has_data
from metroem_volumes.hdf5 import HDF5
from metroem_volumes.synthetic import Synthetic

DATA = os.environ.get("METROEM_TEST_DATA")
CHAIN = Chain((BlockMatch(), Optimise()))
ALIGNERS = {
    "block_match": BlockMatch(),
    "block_match, tiles": BlockMatch(method="tiles"),
    "block_match + optimise": CHAIN,
}
SIZES = (512, 1024, 2048)
RUNS = 5


def read(source, z, size):
    """Voxels (C, 1, Y, X) of a section."""
    return source.open().read(Box((0, 0, z), (size, size, z + 1)), 0)


def synthetic(size, **faults):
    """A pair of neighbouring sections and its true field."""
    choices = {"seed": 5, "size": (size, size, 3), "deformation": 8.0, "jitter": 6, **faults}
    src, tgt = (picture(read(Synthetic(**choices), z, size)) for z in (1, 0))
    field = read(Synthetic(layer="field", offset=-1, **choices), 1, size)
    return src, tgt, turned(torch.from_numpy(field).movedim(1, 0))


def real(z, magnitude):
    """A section against itself warped by up to a number of pixels, and its true field."""
    volume = HDF5(str(Path(DATA) / "isbi2012_train.h5"), "volumes/raw")
    src = picture(read(volume, z, 512))
    generator = torch.Generator().manual_seed(z)
    truth = random_smooth(src.shape[-2:], magnitude, 96, generator)
    tgt = sample(src, truth)
    src, tgt = (
        torch.where(x > 0, (x + 0.03 * torch.randn(x.shape, generator=generator)).clamp(1e-3, 1), 0)
        for x in (src, 0.9 * tgt)
    )
    return src, tgt, truth


def cases():
    yield "synthetic 512", synthetic(512)
    yield "synthetic 512, folds and cracks", synthetic(512, folds=1, cracks=1)
    for z, magnitude in ((3, 4), (5, 12), (7, 30)) if DATA else ():
        yield f"real 512, self, {magnitude} px", real(z, magnitude)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def judged(aligner, src, tgt, truth):
    """Median and p95 of the error, p95 of the surest 80 %, share of folds, seconds."""
    align, found = aligner.build(), []
    took = min(seconds(lambda: found.append(align(pair(src, tgt)))) for _ in range(RUNS))
    field, sure = found[0].field, found[0].confidence
    known = (truth.isfinite().all(dim=1, keepdim=True) & has_data(tgt))[:, 0]
    known &= (sample(has_data(src).float(), truth.nan_to_num()) > 0.95)[:, 0]
    error, sure = length(field - truth)[:, 0][known], sure[:, 0][known]
    best = error[sure >= sure.quantile(0.2)]
    return (
        *(error.quantile(q).item() for q in (0.5, 0.95)),
        best.quantile(0.95).item(),
        fold_mask(field).float().mean().item(),
        took,
    )


def compare_accuracy():
    for name, (src, tgt, truth) in cases():
        for label, aligner in ALIGNERS.items():
            median, p95, best, folds, took = judged(aligner, src, tgt, truth)
            print(
                f"{name}, {label}: median {median:.3f} px, p95 {p95:.2f} px, "
                f"of the surest 80 % {best:.2f} px, folds {folds:.5f}, {took:.3f} s"
            )


def compare_growth():
    """Sizes in turn, so that a change of the machine's speed meets all alike."""
    pairs = {n: synthetic(n)[:2] for n in SIZES}
    for label, aligner in (("block_match", BlockMatch()), ("both", CHAIN)):
        align = aligner.build()
        took = {n: [] for n in SIZES}
        for n in SIZES * RUNS:
            took[n].append(seconds(partial(align, pair(*pairs[n]))))
        least = [min(took[n]) for n in SIZES]
        first, second = (b / a for a, b in pairwise(least))
        print(
            f"{label}: {', '.join(f'{s:.3f}' for s in least)} s at {SIZES} px; "
            f"{first:.2f} and {second:.2f} times for four times the pixels; at most 4.4 wanted"
        )


def compare_with_adam():
    """From zero, on a pair that is close already, as the older procedure wants it."""
    generator = torch.Generator().manual_seed(1)
    src = synthetic(512)[0]
    truth = random_smooth((512, 512), 3, 96, generator)
    tgt = sample(src, truth)
    adam, newton = (
        judged(Optimise(method=method), src, tgt, truth) for method in ("adam", "gauss_newton")
    )
    print(
        f"from zero: gauss_newton {newton[0]:.3f} px in {newton[-1]:.3f} s, "
        f"adam {adam[0]:.3f} px in {adam[-1]:.2f} s, {adam[-1] / newton[-1]:.0f} times as long"
    )


if __name__ == "__main__":
    compare_accuracy()
    compare_growth()
    compare_with_adam()
