import torch

from metroem_augmentations.padding import Padding
from metroem_core.batch import Array, Batch, Place
from metroem_core.geometry import Box
from metroem_core.testing.augmentation import AugmentationConformance


class TestPadding(AugmentationConformance):
    component = Padding(total=12)
    moves = True
    grows = 12


def test_pictures_grow_by_128_with_32_to_96_at_the_top_and_at_the_left():
    batch = Batch({"raw": Array(torch.ones(400, 1, 3, 4))})
    after = Padding()(batch, torch.Generator().manual_seed(0))["raw"].tensor[:, 0] != 0
    assert after.shape == (400, 131, 132)
    assert (after.sum(dim=(1, 2)) == 12).all()
    for axis in (1, 2):
        start = after.any(3 - axis).long().argmax(1)
        assert (start.min(), start.max()) == (32, 96)


def test_everything_in_a_sample_is_padded_alike():
    picture = torch.rand(2, 1, 5, 6, 7) + 0.1
    batch = Batch({"raw": Array(picture), "mask": Array(picture > 0, "mask")})
    after = Padding(20)(batch, torch.Generator().manual_seed(0))
    assert after["mask"].tensor.equal(after["raw"].tensor > 0)
    assert not after["mask"].tensor[0].equal(after["mask"].tensor[1])


def test_fields_go_on_as_at_their_edge():
    field = torch.randn(1, 2, 3, 3)
    after = Padding(8)(Batch({"field": Array(field, "field")}), torch.Generator())["field"].tensor
    assert after[0, :, 0, 0].equal(field[0, :, 0, 0])
    assert after[0, :, -1, -1].equal(field[0, :, -1, -1])


def test_the_result_has_no_place():
    place = Place(Box((0, 0, 0), (3, 3, 1)), 0)
    batch = Batch({"raw": Array(torch.ones(1, 1, 3, 3), "image", place)})
    assert Padding(4)(batch, torch.Generator())["raw"].place is None
