"""A detector that is trained on a synthetic volume finds cracks and folds of other sections."""

import numpy as np
import pytest

from metroem_core.geometry import Box
from metroem_core.kinds import Mask
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_core.spec import build

DEEP, HELD = 56, 8  # sections, and how many of them are not learnt from
IMAGE = {
    "type": "synthetic", "size": [256, 256, DEEP], "seed": 3, "mips": 2, "folds": 2, "cracks": 1.5,
    "brightness": 10, "contrast": 0.1,
}  # fmt: skip
NETWORK = {"type": "unet2d", "features": [8, 16, 32], "convolutions": 2, "standardise": True}
PHASE = {
    "objective": "segmentation", "augmentations": ["flips"], "lr": 4e-3, "clip": 1.0, "epochs": 6,
    "schedule": {"shape": "cosine", "warm_up": 0.1},
}  # fmt: skip


def defect(layer):
    return {"type": "threshold", "source": {**IMAGE, "layer": layer}, "value": 0.5, "mip": 1}


CHAIN = [
    {
        "type": "curate",
        "pairs": {"type": "box", "start": [0, 0, 1], "stop": [256, 256, DEEP], "targets": [-1]},
        "image": IMAGE,
        "labels": {"crack": defect("crack"), "fold": defect("fold")},
        "mips": [1],
        "size": [128, 128],
        "validation": {"z": [DEEP - HELD, DEEP]},
        "to": "pairs",
    },
    {
        "type": "train",
        "data": "pairs",
        "aligner": {"type": "module", "network": NETWORK},
        "phases": [PHASE],
        "crop": 128,
        "validate_every": 3,
        "workers": 0,
        "device": "cpu",
        "to": "detector",
    },
]


def f1(found, truth):
    """How well what is found agrees with the truth: 1 is all of it, and nothing else."""
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def masked(**mask):
    """A mask of all held-out sections."""
    volume = build(mask, Mask, components()).open()
    return volume.read(Box((0, 0, DEEP - HELD), volume.info.scales[1].box.stop), 1)


@pytest.mark.slow
def test_cracks_and_folds_of_held_out_sections_are_found(tmp_path):
    load({"steps": CHAIN}, out=tmp_path).run()
    assert read_set(tmp_path / "pairs").labels(1) == ("crack", "fold")
    truth = masked(**defect("crack")) | masked(**defect("fold"))
    settings = {"source": IMAGE, "model": str(tmp_path / "detector"), "mip": 1}
    found = f1(masked(type="detector", threshold=0.5, radius=0, smallest=25, **settings), truth)
    dark = [
        f1(masked(type="threshold", source=IMAGE, mip=1, comparator="lt", value=grey), truth)
        for grey in range(0, 128, 8)
    ]
    everywhere = f1(np.ones_like(truth), truth)
    print(f"F1: detector {found:.3f}, darkest {max(dark):.3f}, everywhere {everywhere:.3f}")
    assert found > 0.75
    assert found > max(dark) + 0.08
    assert found > 2 * everywhere
