import math

import pytest
import torch

from metroem_augmentations.rotation import Rotation
from metroem_core.batch import Array, Batch
from metroem_core.testing.augmentation import AugmentationConformance


class TestRotation(AugmentationConformance):
    component = Rotation(std=0.1)
    moves = True


def coordinates(count=1, depth=1, size=41):
    """Stacks of two channels: 100 + x and 100 + y, about the centre."""
    axis = torch.arange(size, dtype=torch.float64) - size // 2 + 100
    x, y = axis.expand(size, size), axis[:, None].expand(size, size)
    stack = torch.stack([x, y])[:, None].expand(count, 2, depth, size, size)
    return Batch({"raw": Array(stack)})


def angles(rotation, batch, seed=0):
    """The angle by which each section was turned, (N, Z)."""
    after = rotation(batch, torch.Generator().manual_seed(seed))["raw"].tensor - 100
    size = after.shape[-1]
    x, y = after[..., size // 2, size // 2 + 10].unbind(1)
    return torch.atan2(y, x)


def test_a_pixel_right_of_the_centre_comes_from_below_it():
    batch = coordinates()
    rotation = Rotation(std=0, whole_prob=1)
    angle = angles(rotation, batch)
    after = rotation(batch, torch.Generator().manual_seed(0))["raw"].tensor[0, :, 0] - 100
    c, s = angle.cos().item(), angle.sin().item()
    dy, dx = 5, 7
    expected = torch.tensor([c * dx - s * dy, s * dx + c * dy], dtype=torch.float64)
    torch.testing.assert_close(after[:, 20 + dy, 20 + dx], expected, atol=1e-3, rtol=0)


def test_sections_are_turned_a_little_each():
    found = angles(Rotation(whole_prob=0), coordinates(depth=400))
    assert found.std().item() == pytest.approx(0.004, rel=0.15)
    assert abs(found.mean()) < 0.001


def test_half_of_the_samples_are_turned_as_a_whole_by_any_angle():
    found = angles(Rotation(std=0), coordinates(400, 2))
    torch.testing.assert_close(found[:, 0], found[:, 1])
    turned = found[:, 0].abs() > 1e-3
    assert turned.double().mean().item() == pytest.approx(0.5, abs=0.08)
    assert found[turned].std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.1)


def test_no_rotation_changes_nothing():
    batch = coordinates()
    after = Rotation(std=0, whole_prob=0)(batch, torch.Generator())["raw"].tensor
    torch.testing.assert_close(after, batch["raw"].tensor, atol=1e-4, rtol=0)
