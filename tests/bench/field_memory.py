"""How much memory operations on a field of 4096 x 4096 hold on the way.

Everything held at the peak besides the input counts, the result too, in multiples of the field, or
of the result where that is larger: so five are four on the way. Each operation has a process of
its own, on Linux, which gives back at once what is free.
"""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import torch

from metroem_core import field as f

SIZE = 4096
KINDS = "finite", "holes"
GIVES_BACK = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}

OPERATIONS = {
    "sample": lambda u: f.sample(u, u),
    "sample, border": lambda u: f.sample(u, u, "border"),
    "sample_valid": lambda u: f.sample_valid(u[:, :1], u[:, 1:] > 0, u),
    "compose": lambda u: f.compose(u, u),
    "up": f.up,
    "down": f.down,
    "to_half_images": f.to_half_images,
    "from_half_images": f.from_half_images,
    "to_corner_units": f.to_corner_units,
    "from_corner_units": f.from_corner_units,
    "to_corner_grid": f.to_corner_grid,
    "from_corner_grid": lambda u: f.from_corner_grid(u.movedim(1, -1)),
    "length": f.length,
    "mean_vector": f.mean_vector,
    "min_vector": f.min_vector,
    "max_vector": f.max_vector,
    "left_inverse": f.left_inverse,
    "right_inverse": f.right_inverse,
    "round_trip": lambda u: f.round_trip(u, u),
    "affine": lambda u: f.affine(torch.eye(2, 3), (SIZE, SIZE)),
    "jacobian_determinant": f.jacobian_determinant,
    "least_area": f.least_area,
    "fold_mask": f.fold_mask,
    "vote of 3": lambda u: f.vote([u, u, u]),
    "vote of 5": lambda u: f.vote([u] * 5),
    "vote of 9": lambda u: f.vote([u] * 9),
    "priority_vote of 3": lambda u: f.priority_vote([u] * 3, [u[:, :1]] * 3),
    "priority_vote of 9": lambda u: f.priority_vote([u] * 9, [u[:, :1]] * 9),
    "random_smooth": lambda u: f.random_smooth((SIZE, SIZE), 12, 64, torch.Generator()),
    "pack": f.pack,
    "unpack": lambda u: f.unpack(u.to(torch.int16), f.pack(u[..., :1, :1])[1]),
}


def smooth_field(holes):
    """Vectors of up to 12 pixels (1, 2, 4096, 4096), some of them invalid."""
    field = f.random_smooth((SIZE, SIZE), 12, 64, torch.Generator().manual_seed(0))
    if holes:
        field[..., 100:200, 300:400] = math.nan
    return field


def resident(line):
    """Bytes of memory: VmRSS for now, VmHWM for the most since the last reset."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{line}:\s+(\d+)", status)[1])


def measure(name, holes):
    """The multiple for one operation."""
    field = smooth_field(holes)
    with torch.no_grad():
        OPERATIONS[name](field[..., :64, :64].contiguous())  # loads what it needs
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        result = OPERATIONS[name](field)
    held = resident("VmHWM") - before
    results = result if isinstance(result, tuple) else (result,)
    sizes = [each.nbytes for each in (field, *results) if isinstance(each, torch.Tensor)]
    return held / max(sizes)


if sys.argv[-1] in KINDS:
    name, kind = sys.argv[1:]
    print(measure(name, kind == "holes"))
else:
    print(f"{'multiples, at most 5 wanted':30} finite   with invalid vectors")
    for name in sys.argv[1:] or OPERATIONS:
        multiples = []
        for kind in KINDS:
            command = [sys.executable, __file__, name, kind]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=GIVES_BACK
            )
            multiples.append(float(done.stdout))
        print("{:30} {:6.2f}   {:6.2f}".format(name, *multiples), flush=True)
