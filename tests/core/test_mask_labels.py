import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from metroem_core.errors import UserError
from metroem_core.mask import (
    closing,
    contraction,
    dilation,
    intersection,
    inversion,
    ternary,
    union,
    warp_labels,
)


def labels(height=13, width=17, count=2, dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(count, 1, height, width, generator=generator)
    return ((values > 0.8).int() + (values > 0.95).int()).to(dtype)


def moved_by(dx, dy, height=13, width=17):
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, height, width)


def warped(row, dx):
    return warp_labels(row, moved_by(dx, 0.0, 1, row.shape[-1])).flatten().tolist()


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 40])
def test_dilation_and_contraction_are_extremes_over_a_square(dtype, radius):
    mask = labels().to(dtype)
    size = (1, 1, 2 * radius + 1, 2 * radius + 1)
    largest = ndimage.maximum_filter(mask.numpy(), size, mode="nearest")
    smallest = ndimage.minimum_filter(mask.numpy(), size, mode="nearest")
    assert dilation(mask, radius).equal(torch.from_numpy(largest))
    assert contraction(mask, radius).equal(torch.from_numpy(smallest))


@pytest.mark.parametrize("operation", [dilation, contraction, closing])
def test_operations_leave_their_input_alone(operation):
    mask = labels()
    before = mask.clone()
    operation(mask, 2)
    assert mask.equal(before)


def test_the_border_of_the_picture_eats_nothing_away():
    assert contraction(torch.ones(1, 1, 5, 6, dtype=torch.bool), 3).all()


def test_a_hole_is_closed_if_it_is_not_too_wide():
    mask = torch.ones(1, 1, 12, 20, dtype=torch.bool)
    mask[..., 4:6, 3:5] = mask[..., 4:7, 12:15] = False
    closed = closing(mask, 1)
    assert closed[..., :9].all()
    assert closed[..., 9:].equal(mask[..., 9:])


@pytest.mark.parametrize("radius", [1, 3])
def test_closing_only_adds_and_a_second_time_adds_nothing(radius):
    mask = labels() > 0
    closed = closing(mask, radius)
    assert (closed >= mask).all()
    assert closing(closed, radius).equal(closed)


def test_a_contraction_is_the_dilation_of_the_rest():
    mask = labels()
    assert contraction(mask, 2).equal(2 - dilation(2 - mask, 2))


def test_union_and_intersection_take_the_larger_and_the_smaller_label():
    one, other = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 0, 2, 0])
    assert union(one, other).tolist() == [1, 1, 2, 2]
    assert intersection(one, other).tolist() == [0, 0, 2, 0]
    assert union(one > 0, other > 0, one > 1).tolist() == [True, True, True, True]
    assert intersection(one > 0, other > 0).tolist() == [False, False, True, False]


def test_inversion_is_from_the_largest_label_of_each_sample():
    mask = torch.tensor([[0, 1, 2], [0, 1, 1]], dtype=torch.uint8).view(2, 1, 1, 3)
    assert inversion(mask).flatten(1).tolist() == [[2, 1, 0], [1, 0, 0]]
    assert inversion(mask > 1).flatten(1).tolist() == [[True, True, False], [True] * 3]


def test_labels_tell_in_from_near():
    defect = torch.zeros(1, 1, 1, 9, dtype=torch.bool)
    defect[..., 4] = True
    assert ternary(defect, 2).flatten().tolist() == [0, 0, 1, 1, 2, 1, 1, 0, 0]
    assert ternary(defect, 2).dtype == torch.uint8


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 0), (-2, 1)])
def test_moving_by_whole_pixels_touches_no_others(dtype, dx, dy):
    mask = labels(count=1).to(dtype)
    found = warp_labels(mask, moved_by(float(dx), float(dy)))
    expected = ndimage.shift(mask.numpy().astype(np.uint8), (0, 0, -dy, -dx), order=0, cval=0)
    assert found.equal(torch.from_numpy(expected).to(dtype))
    assert found.dtype == dtype


def test_labels_between_pixels_are_rounded_up():
    mask = torch.tensor([0, 0, 2, 0, 1, 1, 2, 2], dtype=torch.uint8).view(1, 1, 1, 8)
    assert warped(mask, 0.1) == [0, 1, 2, 1, 1, 2, 2, 2]
    assert warped(mask, 0.6) == [0, 2, 1, 1, 1, 2, 2, 1]


def test_outside_and_by_an_invalid_vector_there_is_nothing():
    mask = torch.full((1, 1, 13, 17), 2, dtype=torch.uint8)
    assert warp_labels(mask, moved_by(100.0, 0.0)).max() == 0
    assert warp_labels(mask, moved_by(math.nan, 0.0)).max() == 0


def test_a_negative_radius_is_refused():
    with pytest.raises(UserError, match="a radius of -1: take 0 or more"):
        dilation(labels(), -1)
