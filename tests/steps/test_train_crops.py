"""Crops as augmentations leave them, and pictures as fields are found for them."""

import sys
from pathlib import Path

import attrs
import h5py
import numpy as np
import pytest
import torch

from metroem_core.batch import Prediction
from metroem_core.plugins import components
from metroem_core.sets import read_set
from metroem_steps.generating.set_fields import write_fields
from metroem_steps.training.crops import Crops
from metroem_steps.training.samples import read

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]

KEYS = [(epoch, pair, 0) for epoch in range(4) for pair in range(2)]
WARP = ("warp", {"max_disp": 4, "min_disp": -4})
TURN = ("rotation", {"whole_prob": 1.0})
SCALE = ("scaling", {"std": 0.1})
TRANSPOSE = ("random_transpose", {"prob": 1.0})
PAD = ("padding", {"total": 16})
ELASTIC = ("elastic", {"control_point_spacing": (1, 8, 8), "jitter_sigma": (0, 0.1, 0.1),
                       "rotation_interval": (0, 0.7)})  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Pictures in which hardly any crop lies at an edge; none of their pixels is 0."""
    folder = toy.write_set(tmp_path_factory.mktemp("large") / "set", pairs=2, size=(256, 256))
    return read_set(folder)


def crops(pairs, crop, augmentations, **settings):
    registry = components()
    made = [registry.get("augmentation", name)(**given) for name, given in augmentations]
    found = Crops(pairs, 0, None, crop, tuple(made), **settings)
    return [found[key]["tgt"].tensor for key in KEYS]


@pytest.mark.parametrize("augmentations", [[WARP], [TURN], [SCALE], [ELASTIC], [TURN, SCALE, WARP]])
def test_nothing_moves_in_from_outside_in_the_midst_of_tissue(large, augmentations):
    found = crops(large, 32, augmentations)
    assert {each.shape[-2:] for each in found} == {(32, 32)}
    assert sum(bool((each == 0).any()) for each in found) <= 2


@pytest.mark.parametrize("augmentations", [[PAD, WARP], [WARP, PAD], [TURN, PAD]])
def test_what_is_enlarged_stays_enlarged(large, augmentations):
    assert {each.shape[-2:] for each in crops(large, 32, augmentations)} == {(48, 48)}


@pytest.mark.parametrize("augmentations", [[TRANSPOSE, WARP], [WARP, TRANSPOSE]])
def test_narrow_pictures_lose_nothing_when_they_are_transposed(tmp_path, augmentations):
    pairs = read_set(toy.write_set(tmp_path / "set", pairs=2, size=(24, 40)))
    for tgt in crops(pairs, 64, augmentations):
        assert tgt.shape[-2:] == (40, 24)
        assert (tgt != 0)[..., 4:-4, 4:-4].all()


def test_narrow_pictures_share_a_batch_as_squares(tmp_path, caplog):
    data = toy.write_set(tmp_path / "set", size=(16, 24))
    pyramid = toy.write_pyramid(tmp_path / "pyramid")
    settings = {"crop": 32, "phases": [{**toy.PHASE, "augmentations": ["random_transpose"]}]}
    model = toy.train(tmp_path / "run", data, pyramid, **settings)
    assert [line["samples"] for line in toy.lines(model / "0_mip0in_toy")] == [0, 4, 4]
    assert "pictures of mip 0 are 16 x 24, smaller than a crop of 32: 16 x 16" in caplog.text


def test_narrow_pictures_are_used_whole_when_they_are_alone(tmp_path):
    pairs = read_set(toy.write_set(tmp_path / "set", pairs=2, size=(16, 24)))
    assert {each.shape[-2:] for each in crops(pairs, 32, [])} == {(16, 24)}
    assert {each.shape[-2:] for each in crops(pairs, 32, [], square=True)} == {(16, 16)}


@attrs.frozen
class Target:
    """The target as a field, to see what it looks like."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        return Prediction(batch["tgt"].tensor.expand(-1, 2, -1, -1))


def test_fields_are_found_for_the_pictures_that_are_learnt_from(tmp_path):
    data = toy.write_set(tmp_path / "set", pairs=2)
    with h5py.File(next(data.glob("*.h5")), "r+") as file:
        (images,) = file.values()
        images[:, :, 3:6] = -5
    pairs = read_set(data)
    (path,) = write_fields(pairs, 0, Target(), 0, "t", lossless=True)
    with h5py.File(path) as file:
        (fields,) = file.values()
        seen = read(pairs, 1, 0, None)["tgt"].tensor
        np.testing.assert_array_equal(fields[1, :1], seen[0])
    assert torch.equal(seen[..., 3:6, :], torch.zeros(1, 1, 3, 32))
