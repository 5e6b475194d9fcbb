import attrs
import pytest
import torch

from metroem_augmentations.simple import Simple
from metroem_core.batch import Array, Batch, Place
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.testing.augmentation import AugmentationConformance


class TestSimple(AugmentationConformance):
    component = Simple()
    moves = True


def stack(count=1, size=(4, 4, 4)):
    raw = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    return Batch({"raw": Array(raw.expand(count, -1, -1, -1, -1))})


def ways(simple, batch):
    """All different samples that it makes of many equal ones, and how many there are of each."""
    after = simple(batch, torch.Generator().manual_seed(0))["raw"].tensor
    return after.flatten(1).unique(dim=0, return_counts=True)


def test_by_default_y_and_x_are_exchanged_and_all_three_are_reversed():
    samples, counts = ways(Simple(), stack(1600))
    assert len(samples) == 16
    assert counts.min() > 60


def test_only_the_given_axes_are_touched():
    batch = stack()
    after = Simple(mirror_only=[1], transpose_only=[], mirror_probs=[1])(batch, torch.Generator())
    assert after["raw"].tensor.equal(batch["raw"].tensor.flip(3))


def test_with_equal_voxels_all_orders_are_equally_likely():
    simple = Simple(mirror_only=[], transpose_only=[0, 1, 2], voxel_size=[8, 8, 8])
    samples, counts = ways(simple, stack(1200))
    assert len(samples) == 6
    assert counts.min() > 150


def test_orders_can_have_probabilities():
    simple = Simple(mirror_only=[], transpose_probs=[0.25, 0.75])
    samples, counts = ways(simple, stack(800))
    assert len(samples) == 2
    assert counts.max() / 800 == pytest.approx(0.75, abs=0.05)


def test_most_samples_stay_as_they_are_if_told_so():
    samples, counts = ways(Simple(p=0.1), stack(800))
    assert counts.max() / 800 > 0.85
    assert len(samples) > 1


def test_labels_inside_the_raw_data_are_turned_about_the_same_centre():
    raw = torch.arange(1, 6 * 8 * 8 + 1).view(1, 1, 6, 8, 8)
    batch = Batch(
        {
            "raw": Array(raw.float(), "image", Place(Box((0, 0, 0), (8, 8, 6)), 0)),
            "labels": Array(raw[..., 1:5, 2:6, 2:6], "labels", Place(Box((2, 2, 1), (6, 6, 5)), 0)),
        }
    )
    for seed in range(8):
        after = Simple()(batch, torch.Generator().manual_seed(seed))
        inside = after["raw"].tensor[..., 1:5, 2:6, 2:6].long()
        assert after["labels"].tensor.equal(inside)
        assert after["labels"].place == batch["labels"].place


def test_arrays_with_unlike_centres_are_refused():
    batch = Batch(
        {
            "raw": Array(torch.ones(1, 1, 4, 8, 8), "image", Place(Box((0, 0, 0), (8, 8, 4)), 0)),
            "gt": Array(torch.ones(1, 1, 4, 6, 8), "labels", Place(Box((0, 0, 0), (8, 6, 4)), 0)),
        }
    )
    with pytest.raises(UserError, match="'gt' does not lie in the middle of the batch"):
        Simple()(batch, torch.Generator())


def test_axes_of_unlike_voxel_size_are_not_exchanged():
    with pytest.raises(ValueError, match="'transpose_only' must be axes of equal voxel size"):
        Simple(transpose_only=[0, 1, 2], voxel_size=[40, 4, 4])
    Simple(transpose_only=[1, 2], voxel_size=[40, 4, 4])


def test_the_voxel_size_of_a_place_is_what_counts():
    def placed(voxel_size):
        place = Place(Box((0, 0, 0), (4, 4, 4)), 0, voxel_size)
        return Batch({"raw": attrs.evolve(stack(64)["raw"], place=place)})

    simple = Simple(mirror_only=[], transpose_only=[0, 1, 2])
    assert len(ways(simple, placed((8.0, 8.0, 8.0)))[0]) == 6
    with pytest.raises(UserError, match=r"that of 'raw' is \(40.0, 4.0, 4.0\) along z, y, x"):
        simple(placed((4.0, 4.0, 40.0)), torch.Generator())
    with pytest.raises(UserError, match="that of 'raw' of z is not known"):
        simple(placed(None), torch.Generator())
    with pytest.raises(UserError, match=r"that of 'raw' is \(4.0, 8.0, 4.0\) along z, y, x"):
        Simple()(placed((4.0, 8.0, 4.0)), torch.Generator())


def test_vectors_of_x_and_y_do_not_take_z():
    batch = Batch({"field": Array(torch.ones(8, 2, 4, 4, 4), "field")})
    simple = Simple(transpose_only=[0, 1, 2], voxel_size=[4, 4, 4])
    with pytest.raises(UserError, match="'field' cannot exchange z with another axis"):
        simple(batch, torch.Generator().manual_seed(0))


def test_there_must_be_a_probability_for_every_axis_and_order():
    with pytest.raises(ValueError, match="'mirror_probs' must have one number for each"):
        Simple(mirror_only=[1, 2], mirror_probs=[0.5])
    with pytest.raises(ValueError, match="'transpose_probs' must be 2 numbers with the sum 1"):
        Simple(transpose_probs=[0.5, 0.6])


def test_a_fourth_axis_is_refused():
    with pytest.raises(ValueError, match="'mirror_only' must be in"):
        Simple(mirror_only=[3])
