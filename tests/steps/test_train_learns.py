"""A short training that makes fields better of pairs that it has not seen."""

import sys
from pathlib import Path

import torch

from metroem_core.batch import pair
from metroem_core.plugins import components
from metroem_core.sets import read_set

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]
sys.path.insert(0, str(TOY.parent))
from toy_network import network  # noqa: E402

NETWORK = network(features=4, width=16, levels=3, k=3)

PLAIN = {"type": "plain", "similarity": "mse", "smoothness": "rigidity", "weight": 0.3, "crop": 4}
PHASE = {"objective": PLAIN, "lr": 4e-3, "epochs": 20, "clip": 1.0}


def errors(folder, data):
    """The mean distance in pixels from the true field of every pair that validates."""
    pairs, truth = read_set(data), torch.load(data / "truth.pt")
    align = components().get("aligner", "pyramid")(path=str(folder)).build()
    found = []
    for index in pairs.split()[1]:
        sample = pairs.read(index, 0)
        src, tgt = (torch.from_numpy(each)[None, None] for each in (sample.src, sample.tgt))
        distance = (align(pair(src, tgt)).field - truth[index]).norm(dim=1)
        found.append(distance[..., 6:-6, 6:-6].mean())
    return torch.stack(found)


def test_held_out_fields_become_better(tmp_path):
    data = toy.write_set(tmp_path / "set", pairs=40, size=(48, 48), validate=8, shift=2.0)
    pyramid = toy.write_pyramid(tmp_path / "pyramid", network=NETWORK)
    settings = {"phases": [PHASE], "crop": 48, "batch_size": 8, "validate_every": 10}
    model = toy.train(tmp_path / "run", data, pyramid, **settings)
    before, after = errors(pyramid, data), errors(model, data)
    assert after.mean() < 0.6 * before.mean()
    assert (after < before).all()
