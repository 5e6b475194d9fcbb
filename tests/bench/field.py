"""What operations on fields cost, as multiples of what they cannot do without.

Warping and composing are compared with bilinear sampling by a grid that is ready, alternating, so
that a change of the machine's speed meets both alike; the least time of each counts, which other
work on the machine disturbs least. The inverse is compared with that of
torchfields, if METROEM_TORCHFIELDS names a Python that has it.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from metroem_core.field import compose, left_inverse, random_smooth, round_trip, sample
from metroem_core.mask import warp

RUNS = 25
TORCHFIELDS = os.environ.get("METROEM_TORCHFIELDS")
THEIRS = """
import sys, time, torch, torchfields
torch.set_num_threads(int(sys.argv[2]))
field = torch.load(sys.argv[1]).field().from_pixels()
for _ in range(3):
    start = time.perf_counter()
    inverse = ~field
    print(time.perf_counter() - start)
print(inverse(field).pixels()[..., 32:-32, 32:-32].norm(dim=1).max().item())
"""


def smooth_field(size):
    """Vectors of up to 12 pixels, of which one is like the next within 64."""
    return random_smooth((size, size), 12, 64, torch.Generator().manual_seed(0))


def grid_of(field):
    """Where a field points to, as grid_sample wants it."""
    shape = [1, 1, *field.shape[-2:]]
    grid = F.affine_grid(torch.eye(2, 3)[None], shape, align_corners=False)
    return grid + field.permute(0, 2, 3, 1) * (2 / field.new_tensor(shape[:1:-1]))


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name, ours, bare, wanted):
    pairs = [(seconds(ours), seconds(bare)) for _ in range(RUNS)]
    a, b = (min(each) * 1e3 for each in zip(*pairs, strict=True))
    print(f"{name}: {a / b:.2f} x grid_sample ({a:.0f} / {b:.0f} ms); at most {wanted} wanted")


def compare_inverses(field):
    ours = min(seconds(lambda: left_inverse(field)) for _ in range(5))
    error = round_trip(left_inverse(field), field)[..., 32:-32, 32:-32].max().item()
    print(f"inverse: {ours:.3f} s, round-trip error {error:.1e} px")
    if TORCHFIELDS is None:
        print("METROEM_TORCHFIELDS is not set: torchfields is left out")
        return
    *times, their_error = inverted_by_torchfields(field)
    print(f"torchfields: {min(times):.3f} s, round-trip error {their_error:.1e} px")
    print(f"inverse: {min(times) / ours:.0f} x faster than torchfields; at least 10 wanted")


def inverted_by_torchfields(field):
    """Its seconds, and its round-trip error in pixels away from the edges."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.pt"
        torch.save(field, path)
        command = [TORCHFIELDS, "-W", "ignore", "-c", THEIRS, path, str(torch.get_num_threads())]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


with torch.no_grad():
    field, image = smooth_field(2048), torch.rand(1, 1, 2048, 2048)
    grid = grid_of(field)
    compare(
        "warp",
        lambda: sample(image, field),
        lambda: F.grid_sample(image, grid, align_corners=False),
        1.6,
    )
    compare(
        "compose",
        lambda: compose(field, field),
        lambda: F.grid_sample(field, grid, padding_mode="border", align_corners=False),
        1.8,
    )
    compare(
        "warp with no-data kept",
        lambda: warp(image, field),
        lambda: F.grid_sample(image, grid, align_corners=False),
        3,
    )
    compare_inverses(smooth_field(1024))
