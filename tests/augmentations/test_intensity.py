import pytest
import torch

from metroem_augmentations.intensity import Intensity
from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.testing.augmentation import AugmentationConformance


class TestIntensity(AugmentationConformance):
    component = Intensity(0.9, 1.1, -0.1, 0.1, z_section_wise=True)


class TestIntensityOfSlabs(AugmentationConformance):
    component = Intensity(0.9, 1.1, -0.1, 0.1, slab=(2, -1, 24))


class TestIntensityOfWholeStacks(AugmentationConformance):
    component = Intensity(0.5, 2, -0.5, 0.5, clip=False, p=0.5)


def stack(depth=2):
    raw = torch.rand(1, 1, depth, 6, 7, dtype=torch.float64) * 0.5 + 0.25
    return Batch({"raw": Array(raw)})


def changed(intensity, batch, seed=0):
    return intensity(batch, torch.Generator().manual_seed(seed))["raw"].tensor


def test_it_is_the_formula():
    batch = stack()
    raw = batch["raw"].tensor
    expected = raw.mean() + (raw - raw.mean()) * 1.5 - 0.1
    torch.testing.assert_close(
        changed(Intensity(1.5, 1.5, -0.1, -0.1, clip=False), batch), expected
    )


def test_section_by_section_the_mean_is_that_of_the_section():
    batch = stack()
    raw = batch["raw"].tensor
    mean = raw.mean(dim=(-2, -1), keepdim=True)
    after = changed(Intensity(0.5, 0.5, 0.1, 0.1, z_section_wise=True), batch)
    torch.testing.assert_close(after, mean + (raw - mean) * 0.5 + 0.1)


def test_the_mean_is_that_of_the_tissue():
    raw = torch.tensor([0.2, 0.4, 0, 0], dtype=torch.float64).view(1, 1, 1, 4)
    after = changed(Intensity(2, 2, 0, 0), Batch({"raw": Array(raw)}))
    torch.testing.assert_close(after.flatten(), torch.tensor([0.1, 0.5, 0, 0]).double())


def test_scale_and_shift_are_drawn_once_or_for_every_section():
    batch = stack(depth=50)
    for section_wise, least in ((False, 0), (True, 20)):
        intensity = Intensity(1, 1, -0.1, 0.1, z_section_wise=section_wise)
        shift = (changed(intensity, batch) - batch["raw"].tensor).mean(dim=(-2, -1)).flatten()
        assert len((shift * 1e4).round().unique()) in (range(least, 51) if least else [1])
        assert shift.abs().max() <= 0.1 + 1e-6


@pytest.mark.parametrize(
    ("slab", "count"), [((-1, -1, -1), 1), ((2, -1, -1), 3), ((2, 3, 4), 12), ((1, 1, 1), 210)]
)
def test_every_slab_has_its_own_numbers(slab, count):
    batch = stack(depth=5)
    batch = batch.put(picture=Array(batch["raw"].tensor[:, :, 0]))
    intensity = Intensity(1, 1, -0.1, 0.1, slab=slab)
    shift = changed(intensity, batch) - batch["raw"].tensor
    assert len((shift * 1e5).round().unique()) == pytest.approx(count, abs=5 * (count > 100))


def test_in_a_slab_the_mean_is_that_of_the_slab():
    batch = stack(depth=4)
    raw = batch["raw"].tensor
    mean = raw.unflatten(2, (2, 2)).mean(dim=(3, 4, 5)).repeat_interleave(2, 2)[..., None, None]
    after = changed(Intensity(0.5, 0.5, 0, 0, slab=(2, -1, -1)), batch)
    torch.testing.assert_close(after, mean + (raw - mean) * 0.5)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"slab": (0, 1, 1)}, "'slab' must be three numbers of voxels, or -1"),
        ({"slab": (1, 1)}, "'slab' must be three numbers of voxels, or -1"),
        ({"slab": (2, 2, 2), "z_section_wise": True}, "exclude each other"),
    ],
)
def test_slabs_that_are_none_are_refused(parameters, said):
    with pytest.raises(ValueError, match=said):
        Intensity(1, 1, 0, 0, **parameters)


def test_what_is_clipped_at_the_bottom_is_still_tissue():
    after = changed(Intensity(1, 1, -0.9, -0.9), stack())
    assert 0 < after.min() <= after.max() < 1e-10


def test_what_is_clipped_must_be_from_0_to_1():
    batch = Batch({"raw": Array(torch.full((1, 1, 4, 4), 3.0))})
    with pytest.raises(UserError, match="intensity takes values from 0 to 1, but 'raw' has values"):
        changed(Intensity(1, 1, 0, 0), batch)
    changed(Intensity(1, 1, 0, 0, clip=False), batch)


def test_it_says_which_values_it_takes():
    assert Intensity(1, 1, 0, 0).value_range == (0, 1)
    assert Intensity(1, 1, 0, 0, clip=False).value_range is None


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="'scale_max' must be >= 'scale_min', 1.1: 0.9"):
        Intensity(1.1, 0.9, 0, 0)
    with pytest.raises(ValueError, match="'shift_max' must be >= 'shift_min', 0.1: -0.1"):
        Intensity(1, 1, 0.1, -0.1)
