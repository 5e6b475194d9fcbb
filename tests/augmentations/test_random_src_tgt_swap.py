import attrs
import pytest
import torch

from metroem_augmentations.random_src_tgt_swap import RandomSrcTgtSwap
from metroem_core.batch import Array, Place, pair
from metroem_core.geometry import Box
from metroem_core.testing.augmentation import AugmentationConformance


class TestRandomSrcTgtSwap(AugmentationConformance):
    component = RandomSrcTgtSwap()
    layouts = ("pair",)
    moves = True


def batch_of(count=1):
    batch = pair(*torch.rand(2, count, 1, 5, 6))
    masks = torch.rand(2, count, 1, 5, 6) > 0.5
    return batch.put(src_zeros=Array(masks[0], "mask"), tgt_zeros=Array(masks[1], "mask"))


def field():
    return Array(torch.randn(1, 2, 5, 6), "field")


def test_everything_with_a_counterpart_is_exchanged():
    batch = batch_of().put(src_field=field(), tgt_field=field())
    after = RandomSrcTgtSwap(prob=1)(batch, torch.Generator())
    for end in ("", "_zeros", "_field"):
        assert after["src" + end].tensor.equal(batch["tgt" + end].tensor)
        assert after["tgt" + end].tensor.equal(batch["src" + end].tensor)


@pytest.mark.parametrize("name", ["src_field", "tgt_field"])
def test_one_field_alone_keeps_everything_as_it_is(name):
    batch = batch_of().put(**{name: field()})
    assert RandomSrcTgtSwap(prob=1)(batch, torch.Generator()) is batch


def test_what_belongs_to_neither_side_stays():
    batch = batch_of().put(weight=Array(torch.rand(1, 1, 5, 6), "mask"))
    after = RandomSrcTgtSwap(prob=1)(batch, torch.Generator())
    assert after["weight"] is batch["weight"]
    assert after["src"].tensor.equal(batch["tgt"].tensor)


def test_what_is_swapped_lies_where_the_other_one_lay():
    here, there = (Place(Box((0, 0, z), (6, 5, z + 1)), 0) for z in (0, 1))
    batch = batch_of(2)
    src, tgt = (attrs.evolve(batch[n], place=p) for n, p in (("src", here), ("tgt", there)))
    batch = batch.put(src=src, tgt=tgt)
    swap = RandomSrcTgtSwap(prob=0.5)
    found = {swap(batch, torch.Generator().manual_seed(n))["src"].place for n in range(20)}
    assert found == {here, there, None}


def test_each_sample_is_swapped_with_the_probability():
    batch = batch_of(400)
    after = RandomSrcTgtSwap(prob=0.3)(batch, torch.Generator().manual_seed(0))
    swapped = (after["src"].tensor == batch["tgt"].tensor).flatten(1).all(1)
    assert swapped.float().mean() == pytest.approx(0.3, abs=0.07)
