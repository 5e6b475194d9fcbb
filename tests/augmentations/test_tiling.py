import pytest
import torch

from metroem_augmentations.tiling import Tiling
from metroem_core.batch import pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestTiling(AugmentationConformance):
    component = Tiling()
    inputs_only = True


def walls(tiling, count=200, size=64):
    """What was added to the sources, (N, H, W)."""
    grey = torch.full((count, 1, size, size), 0.25)
    after = tiling(pair(grey, grey), torch.Generator().manual_seed(0))
    return after["src_input"].tensor[:, 0] - 0.25


def test_every_tile_has_the_same_ramp_and_every_row_its_own_shift():
    tiling = Tiling(smallest=7 / 64, largest=7 / 64, tilt=0, stretch=0)
    wall = next(each for each in walls(tiling) if each.max() > 0.1)
    torch.testing.assert_close(wall[:, 8:], wall[:, :-8], atol=1e-5, rtol=0)
    falls = (wall.diff(dim=1) < 0).sum(1)
    assert (falls >= 7).all()
    changes = (wall[1:] != wall[:-1]).any(1)
    assert changes.nonzero().flatten().diff().unique().tolist() == [8]


def test_ramps_are_up_to_a_half_high():
    assert 0.45 < walls(Tiling()).max() <= 0.5


def test_half_of_the_sections_have_tiles():
    touched = (walls(Tiling()) != 0).flatten(1).any(1)
    assert touched.float().mean() == pytest.approx(0.5, abs=0.1)


def test_tiles_are_from_a_32nd_to_a_sixth_of_the_side():
    found = walls(Tiling(tilt=0, stretch=0), size=96)
    found = found[found.flatten(1).amax(1) > 0.05]
    falls = (found[:, 48].diff(dim=1) < 0).sum(1)
    assert 4 <= falls.min() <= 6
    assert 20 <= falls.max() <= 24
