"""How near the methods of ``optimise`` come to a known field, from zero, and how fast.

Run with METROEM_TEST_DATA to add a real section. All methods run in turn, so that a change of the
machine's speed meets them alike; times are the least of several runs.
"""

import os
import time
from pathlib import Path

import torch

from metroem_aligners.optimise import Optimise
from metroem_core.batch import pair
from metroem_core.field import random_smooth, sample
from metroem_core.geometry import Box
from metroem_registry import installed

SIZE = 384
LONGEST = 6  # pixels of the longest vector, so near that descent from zero has a chance
RUNS = 3
METHODS = {
    "adam (the older procedure)": Optimise("adam"),
    "lbfgs": Optimise("lbfgs"),
    "gauss_newton": Optimise(),
}


def section(name, **parameters):
    """A section (1, 1, H, W) of a source."""
    volume = installed().get("source", name)(**parameters).open()
    voxels = volume.read(Box.of((256, 256, 5), (SIZE, SIZE, 1)), 0)
    return (torch.from_numpy(voxels).float() / 255).clamp(min=1 / 255)


def self_pair(src):
    """A section and the same one, deformed and with other noise; and the field between them."""
    generator = torch.Generator().manual_seed(0)
    truth = random_smooth((SIZE, SIZE), LONGEST, 96, generator)
    noise = 0.03 * torch.randn(src.shape, generator=generator)
    return pair(src, (sample(src, truth, "border") + noise).clamp(min=1 / 255)), truth


def timed(align, batch):
    """The time that it takes, and the field."""
    start = time.perf_counter()
    field = align(batch).field
    return time.perf_counter() - start, field


sections = {"synthetic": section("synthetic", seed=3)}
if "METROEM_TEST_DATA" in os.environ:
    path = Path(os.environ["METROEM_TEST_DATA"]) / "vnc_stack1_dev.h5"
    sections["real"] = section("hdf5", path=str(path), zero_is_data=True)

for name, src in sections.items():
    batch, truth = self_pair(src)
    seconds = {method: [] for method in METHODS}
    errors = {}
    for run in range(RUNS):
        for method, aligner in METHODS.items():
            if run and method.startswith("adam") and min(seconds[method]) > 10:
                continue
            spent, field = timed(aligner.build(), batch)
            seconds[method].append(spent)
            errors[method] = (field - truth).norm(dim=1)[..., 16:-16, 16:-16].flatten()
    slowest = min(seconds["adam (the older procedure)"])
    for method, error in errors.items():
        least = min(seconds[method])
        print(
            f"{name:<10} {method:<27} median {error.median():.3f} px, p95 "
            f"{error.quantile(0.95):.3f} px, {least:.2f} s, {least / slowest:.3f} x adam"
        )
print("wanted: gauss_newton no worse than adam, in at most 0.1 x its time")
