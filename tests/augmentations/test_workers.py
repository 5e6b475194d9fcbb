"""The same seed leads to the same batch on any worker."""

import hashlib
import json
import subprocess
import sys

import torch

from metroem_core.batch import Array
from metroem_core.errors import UserError
from metroem_core.testing.batches import LAYOUTS, blank
from metroem_registry import installed

SIDE = 128  # pixels, enough for several threads to share the work
PARAMETERS = {
    "edge_cuts": {"min_depth": 3},
    "elastic": {
        "control_point_spacing": (1, 20, 20),
        "jitter_sigma": (0, 2, 2),
        "rotation_interval": (0, 1.5),
        "prob_slip": 0.2,
        "prob_shift": 0.2,
        "max_misalign": 4,
    },
    "intensity": {"scale_min": 0.9, "scale_max": 1.1, "shift_min": -0.1, "shift_max": 0.1},
    "warp": {"max_disp": 5.0},
}
WORKER = """
import json, runpy, sys, torch
torch.set_num_threads(3)
torch.manual_seed(99)
print(json.dumps(runpy.run_path(sys.argv[1])["batches"]()))
"""


def batches():
    """What every augmentation makes of every layout with a seed, as digests by name."""
    registry = installed()
    return {
        f"{name}({layout})": digest(augmentation, layout)
        for name in registry.names("augmentation")
        for augmentation in [registry.get("augmentation", name)(**PARAMETERS.get(name, {}))]
        for layout in LAYOUTS
    }


def digest(augmentation, layout):
    """A number for all that is in a batch, or None where the layout is not for it."""
    try:
        changed = augmentation(textured(layout), torch.Generator().manual_seed(5))
    except UserError:
        return None
    parts = [a.tensor.contiguous().view(torch.uint8).numpy().tobytes() for a in changed.values()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def textured(layout):
    """Images of many grey values, with labels of their pixels."""
    batch, ramp = blank(layout, SIDE), torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    grey = {name: Array(array.tensor * (1 + ramp % 251 / 251)) for name, array in batch.items()}
    shape = next(iter(grey.values())).tensor.shape
    return batch.put(**grey, labels=Array(ramp.expand(shape), "labels"))


def test_the_same_seed_gives_the_same_batches_on_any_worker():
    run = subprocess.run([sys.executable, "-c", WORKER, __file__], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == batches()
