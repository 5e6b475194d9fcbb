import pytest
import torch

from metroem_augmentations.random_transpose import RandomTranspose
from metroem_core.batch import Array, pair, turned
from metroem_core.testing.augmentation import AugmentationConformance


class TestRandomTranspose(AugmentationConformance):
    component = RandomTranspose()
    moves = True


def batch_of(height=6, width=6, count=1):
    pictures = torch.rand(2, count, 1, height, width)
    return pair(*pictures).put(src_field=Array(torch.randn(count, 2, height, width), "field"))


def test_pictures_are_transposed_and_components_exchanged():
    batch = batch_of()
    after = RandomTranspose(prob=1)(batch, torch.Generator())
    assert after["src"].tensor.equal(batch["src"].tensor.mT)
    before, field = batch["src_field"].tensor, after["src_field"].tensor
    assert field[0, 0, 2, 5] == before[0, 1, 5, 2]
    assert field[0, 1, 2, 5] == before[0, 0, 5, 2]


def test_fields_turn_as_those_of_sets_do():
    batch = batch_of()
    after = RandomTranspose(prob=1)(batch, torch.Generator())
    assert after["src_field"].tensor.equal(turned(batch["src_field"].tensor))


def test_twice_is_nothing():
    batch, transpose = batch_of(), RandomTranspose(prob=1)
    after = transpose(transpose(batch, torch.Generator()), torch.Generator())
    assert all(after[name].tensor.equal(batch[name].tensor) for name in batch)


def test_each_sample_is_transposed_with_the_probability():
    batch = batch_of(count=400)
    after = RandomTranspose(prob=0.3)(batch, torch.Generator().manual_seed(0))
    transposed = (after["src"].tensor != batch["src"].tensor).flatten(1).any(1)
    assert transposed.float().mean() == pytest.approx(0.3, abs=0.07)
    assert transposed.equal((after["tgt"].tensor != batch["tgt"].tensor).flatten(1).any(1))


def test_pictures_that_are_not_square_are_transposed_all_or_none():
    batch = batch_of(4, 6, count=8)
    shapes = {
        tuple(RandomTranspose()(batch, torch.Generator().manual_seed(s))["src"].tensor.shape)
        for s in range(20)
    }
    assert shapes == {(8, 1, 4, 6), (8, 1, 6, 4)}


def test_a_probability_above_1_is_refused():
    with pytest.raises(ValueError, match="'prob' must be <= 1: 1.5"):
        RandomTranspose(prob=1.5)
