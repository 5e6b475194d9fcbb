import math

import pytest
import torch

from metroem_augmentations.elastic import Elastic
from metroem_augmentations.geometry.splines import splined
from metroem_core.batch import Array, Batch, Place
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.mask import warp
from metroem_core.testing.augmentation import AugmentationConformance


class TestElastic(AugmentationConformance):
    component = Elastic(
        control_point_spacing=(2, 16, 16),
        jitter_sigma=(0, 1.5, 1.5),
        rotation_interval=(-math.pi, math.pi),
        scale_interval=(0.9, 1.1),
        prob_slip=0.2,
        prob_shift=0.2,
        max_misalign=3,
        p=0.9,
    )
    moves = True


def elastic(**changes):
    """One that does nothing but what is asked for."""
    still = {
        "control_point_spacing": (4, 10, 10),
        "jitter_sigma": (0, 0, 0),
        "rotation_interval": (0, 0),
    }
    return Elastic(**{**still, **changes})


def coordinates(count=1, depth=6, size=41, margin=100):
    """Stacks of three channels: x, y, z about the centre, and 100 more."""
    axes = [torch.arange(n, dtype=torch.float64) - n // 2 + margin for n in (depth, size, size)]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return Batch({"raw": Array(torch.stack([x, y, z]).expand(count, -1, -1, -1, -1))})


def origins(augmentation, batch, seed=0):
    """Where every voxel came from along x, y, z, (N, 3, Z, H, W); NaN from outside."""
    after = augmentation(batch, torch.Generator().manual_seed(seed))["raw"].tensor
    return torch.where(after == 0, math.nan, after - 100)


def moves(augmentation, batch, seed=0):
    """By how much every voxel was displaced."""
    return origins(augmentation, batch, seed) - (batch["raw"].tensor - 100)


def close(found, expected, atol=1e-3):
    return torch.testing.assert_close(found, expected, atol=atol, rtol=0)


def test_it_can_do_nothing():
    assert moves(elastic(), coordinates()).abs().max() < 1e-3


def test_a_rotation_by_the_convention_of_requests():
    found = origins(elastic(rotation_interval=(0.3, 0.3)), coordinates())[0, :2, 2]
    c, s, dy, dx = math.cos(0.3), math.sin(0.3), 5, 8
    expected = torch.tensor([-s * dy + c * dx, c * dy + s * dx], dtype=torch.float64)
    close(found[:, 20 + dy, 20 + dx], expected)


def test_a_magnified_stack_comes_from_less_of_it():
    found = origins(elastic(scale_interval=(2, 2)), coordinates())[0, :2, 2]
    close(found[:, 20 + 6, 20 + 10], torch.tensor([5.0, 3.0]).double())


def test_control_points_are_displaced_by_the_deviation():
    jitter = elastic(control_point_spacing=(1, 8, 8), jitter_sigma=(0, 1, 2))
    found = moves(jitter, coordinates(8, 4, 41))[:, :2, :, 10:-10, 10:-10]
    x, y = (each[each.isfinite()].std().item() for each in found.unbind(1))
    assert x == pytest.approx(2, rel=0.2)
    assert y == pytest.approx(1, rel=0.2)


def test_no_voxel_moves_farther_than_three_deviations():
    jitter = elastic(jitter_sigma=(0, 2, 2))
    found = moves(jitter, coordinates(20))
    assert found[found.isfinite()].abs().max() <= 6 + 1e-3


def test_splines_go_through_their_points():
    points = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    whole = splined(points, (5, 10, 13))
    torch.testing.assert_close(whole[:, ::2, ::3, ::3], points)


def test_a_straight_line_stays_straight_within():
    line = splined(torch.arange(9.0).double(), (81,))
    close(line[30:51], torch.linspace(3, 5, 21).double(), atol=0.01)


def test_one_point_is_spread_over_all():
    assert (splined(torch.full((1, 1, 1), 3.0), (2, 3, 4)) == 3).all()


def test_a_slip_moves_a_section_alone():
    found = moves(elastic(prob_slip=0.3, max_misalign=5), coordinates(depth=60))[0, :2, :, 20, 20]
    slipped = found.abs().amax(0) > 0.5
    assert slipped.double().mean().item() == pytest.approx(0.3, abs=0.15)
    close(found, found.round())
    assert found.abs().max().round() == 5


def test_a_shift_moves_all_that_follow():
    found = moves(elastic(prob_shift=0.3, max_misalign=2), coordinates(depth=60))[0, :2, :, 20, 20]
    steps = found.diff(dim=1).abs()
    assert (steps.amax(0) < 0.5).double().mean().item() == pytest.approx(0.7, abs=0.15)
    assert steps.max().round() == 2
    assert found.abs().max().round() > 2


def test_a_slip_adds_to_the_shift_of_its_section():
    both = elastic(prob_slip=0.5, prob_shift=0.5, max_misalign=2)
    found = moves(both, coordinates(depth=40, size=101), seed=2)[0, :2, :, 50, 50].round()
    far = found.abs().amax(0) > 4
    assert far.any(), "sections have shifted further than any slip"
    assert far[far.nonzero().min() :].double().mean() > 0.5


def test_arrays_that_lie_beside_each_other_are_moved_as_one():
    raw = coordinates(depth=6, size=40)["raw"].tensor[:, :1]
    inside = (..., slice(1, 5), slice(10, 30), slice(8, 32))
    batch = Batch(
        {
            "raw": Array(raw, "image", Place(Box((0, 0, 0), (40, 40, 6)), 3)),
            "part": Array(raw[inside], "image", Place(Box((8, 10, 1), (32, 30, 5)), 3)),
        }
    )
    deform = elastic(
        jitter_sigma=(0, 1, 1), rotation_interval=(0.1, 0.1), prob_slip=0.5, max_misalign=2
    )
    after = deform(batch, torch.Generator().manual_seed(0))
    part, whole = after["part"].tensor, after["raw"].tensor[inside]
    middle = (..., slice(6, -6), slice(6, -6))
    assert (part[middle] != 0).all()
    close(part[middle], whole[middle])


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ((None, None), "must be stacks with a place"),
        (((4, 4, 2), (4, 4, 1)), r"'raw' has \(2, 6, 6\) voxels along z, y, x, but its place"),
        (((6, 6, 2), (4, 4, 1)), "must be of one mip"),
    ],
)
def test_arrays_of_unlike_size_must_say_where_they_lie(places, said):
    sizes = (2, 6, 6), (1, 4, 4)
    arrays = {
        name: Array(torch.ones(1, 1, *size), "image", at and Place(Box((0, 0, 0), at), mip))
        for mip, (name, size, at) in enumerate(zip(("raw", "gt"), sizes, places, strict=True))
    }
    with pytest.raises(UserError, match=said):
        elastic()(Batch(arrays), torch.Generator())


@pytest.mark.parametrize("turn", [(0.2, 0.9), (0, math.pi / 2), (3, 4)])
def test_within_its_context_nothing_comes_from_outside(turn):
    deform = elastic(
        jitter_sigma=(0, 2, 1),
        rotation_interval=turn,
        scale_interval=(0.9, 1.2),
        prob_slip=0.2,
        prob_shift=0.2,
        max_misalign=2,
    )
    c = deform.context_for((3, 16, 30))
    size = (16 + 2 * c, 30 + 2 * c)
    for seed in range(6):
        batch = Batch({"raw": Array(torch.ones(2, 1, 3, *size))})
        after = deform(batch, torch.Generator().manual_seed(seed))["raw"].tensor
        assert (after[..., c:-c, c:-c] != 0).all()


def test_what_it_needs_for_one_section_that_is_not_turned():
    assert elastic(jitter_sigma=(0, 2, 2), prob_slip=0.1, max_misalign=25).context == 6 + 25
    assert elastic(max_misalign=25).context == 0
    turned = elastic(jitter_sigma=(0, 2, 2), rotation_interval=(0, 1))
    assert turned.context == math.ceil(6 * math.sqrt(2))
    assert elastic(rotation_interval=(0, math.pi / 4)).context_for((1, 100, 100)) == 21


def test_fields_stay_true_where_they_are_long_and_the_deformation_is_steep():
    batch = coordinates(depth=2, size=61)
    raw = batch["raw"].tensor
    field = torch.tensor([7.0, -5.0], dtype=torch.float64).view(1, 2, 1, 1, 1)
    batch = batch.put(
        field=Array(field.expand(1, 2, 2, 61, 61), "field"),
        warped=Array(raw + torch.tensor([7.0, -5.0, 0.0]).view(1, 3, 1, 1, 1)),
    )
    deform = elastic(jitter_sigma=(0, 1.5, 1.5), rotation_interval=(0.5, 0.5))
    after = deform(batch, torch.Generator().manual_seed(0))
    images, fields, expected = (
        after[name].tensor.transpose(1, 2)[0] for name in ("raw", "field", "warped")
    )
    off = (warp(images, fields) - expected)[:, :2, 20:-20, 20:-20]
    assert off.abs().mean() < 0.05


def test_sections_can_be_deformed_along_z():
    deform = elastic(control_point_spacing=(2, 10, 10), jitter_sigma=(0.4, 0, 0))
    batch = coordinates(depth=8)
    found = moves(deform, batch)
    inside = found[:, :, 2:-2, 5:-5, 5:-5]
    assert inside[:, :2].abs().max() < 1e-3
    assert 0.15 < inside[:, 2].std() < 0.5
    labels = batch["raw"].tensor[:, 2:].long()
    after = deform(batch.put(labels=Array(labels, "labels")), torch.Generator().manual_seed(0))[
        "labels"
    ].tensor
    z = origins(deform, batch)[:, 2:] + 100
    inside = (..., slice(2, -2), slice(5, -5), slice(5, -5))
    assert (after[inside] - z[inside]).abs().max() <= 0.5 + 1e-3


def test_fields_are_not_deformed_along_z():
    batch = Batch({"field": Array(torch.zeros(1, 2, 4, 8, 8), "field")})
    with pytest.raises(UserError, match="'field' cannot be moved along z"):
        elastic(jitter_sigma=(1, 0, 0))(batch, torch.Generator())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16])
def test_images_of_integers_stay_so(dtype):
    raw = torch.randint(100, 200, (1, 1, 3, 20, 20)).to(dtype)
    deform = elastic(jitter_sigma=(0, 1, 1), control_point_spacing=(2, 8, 8))
    after = deform(Batch({"raw": Array(raw)}), torch.Generator())["raw"].tensor
    assert after.dtype == dtype
    assert set(after.flatten().tolist()) <= {0, *range(100, 200)}


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64])
def test_labels_may_be_unsigned(dtype):
    largest = torch.iinfo(dtype).max
    labels = torch.full((1, 1, 2, 20, 20), largest, dtype=dtype)
    deform = elastic(rotation_interval=(1, 1))
    after = deform(Batch({"labels": Array(labels, "labels")}), torch.Generator())["labels"].tensor
    assert after.dtype == dtype
    assert set(after.flatten().tolist()) == {0, largest}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rotation_interval": (1, 0)}, "'rotation_interval' must be a lower and an upper end: "),
        ({"scale_interval": (0, 1)}, "'scale_interval' must be a lower and an upper end above 0: "),
        ({"jitter_sigma": (0, -1, 0)}, "'jitter_sigma' must be >= 0: -1"),
        ({"control_point_spacing": (4, 0, 10)}, "'control_point_spacing' must be > 0: 0"),
        ({"jitter_sigma": (1, 1)}, "Length of 'jitter_sigma' must be >= 3: 2"),
    ],
)
def test_nonsense_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        elastic(**changes)
