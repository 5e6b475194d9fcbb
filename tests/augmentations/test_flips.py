import pytest
import torch

from metroem_augmentations.flips import Flips
from metroem_core.batch import Array, Batch
from metroem_core.testing.augmentation import AugmentationConformance


class TestFlips(AugmentationConformance):
    component = Flips()
    moves = True


def stack(count=1):
    raw, field = torch.rand(count, 1, 3, 4, 4), torch.randn(count, 2, 3, 4, 4)
    return Batch({"raw": Array(raw), "field": Array(field, "field")})


def flipped(batch, **chosen):
    """The batch after flips that are certain, and no others."""
    never = {"z": 0, "rows": 0, "columns": 0, "transpose": 0}
    after = Flips(**{**never, **chosen})(batch, torch.Generator())
    return after["raw"].tensor, after["field"].tensor


@pytest.mark.parametrize(
    ("name", "axis", "signs"), [("z", 2, (1, 1)), ("rows", 3, (1, -1)), ("columns", 4, (-1, 1))]
)
def test_an_axis_is_reversed_and_with_it_the_vectors_along_it(name, axis, signs):
    batch = stack()
    raw, field = flipped(batch, **{name: 1})
    assert raw.equal(batch["raw"].tensor.flip(axis))
    signs = torch.tensor(signs).view(1, 2, 1, 1, 1)
    assert field.equal(signs * batch["field"].tensor.flip(axis))


def test_transposing_exchanges_x_and_y():
    batch = stack()
    raw, field = flipped(batch, transpose=1)
    assert raw.equal(batch["raw"].tensor.mT)
    assert field.equal(batch["field"].tensor.mT.flip(1))


def test_transposing_and_reversing_is_a_quarter_turn():
    batch = stack()
    raw, _ = flipped(batch, transpose=1, rows=1)
    assert raw.equal(batch["raw"].tensor.rot90(dims=(-2, -1)))


def test_all_sixteen_ways_are_equally_likely():
    batch = stack()
    copies = Batch({"raw": Array(batch["raw"].tensor.expand(1600, -1, -1, -1, -1))})
    after = Flips()(copies, torch.Generator().manual_seed(0))["raw"].tensor
    _, counts = after.flatten(1).unique(dim=0, return_counts=True)
    assert len(counts) == 16
    assert counts.min() > 60
