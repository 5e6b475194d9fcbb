import logging

import numpy as np
import pytest
import torch
from torch import nn

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.module_folder import save_module
from metroem_core.plugins import components
from metroem_core.testing import MaskConformance
from metroem_masks.detection import Tiles, defects
from metroem_masks.detector import Detector
from metroem_masks.ternary import Ternary

Array = components().get("source", "array")
UNet2D = components().get("network", "unet2d")
GREY = np.random.default_rng(0).integers(1, 256, (2, 40, 48), dtype=np.uint8)


class TestDetector(MaskConformance):
    component = Detector(Array(GREY), None, mip=0)


@pytest.fixture
def dark(tmp_path):
    """A module that says of every pixel how dark it is."""
    network = UNet2D(out_channels=1, features=(1,), convolutions=1)
    layers = network.build()
    with torch.no_grad():
        for layer, weight, bias in zip(layers_of(layers), (1, -20), (0, 10), strict=True):
            layer.weight.zero_()[..., 1, 1] = weight
            layer.bias.fill_(bias)
    save_module(tmp_path / "dark", network, layers, {})
    return tmp_path / "dark"


def layers_of(network):
    return [each for each in network.modules() if isinstance(each, nn.Conv2d)]


def whole(mask, mip=0):
    volume = mask.open()
    return volume.read(volume.info.scales[mip].box, mip)[0, 0]


def odds(*rows):
    """Maps of odds: certain where there is no dot."""
    return torch.tensor([[9.0 if each != "." else -9.0 for each in row] for row in rows])[
        None, None
    ]


def test_the_largest_of_several_maps_counts():
    maps = torch.cat([odds("#.."), odds("..#")], dim=1)
    assert defects(maps, 0.5, 0, 1)[0, 0, 0].tolist() == [True, False, True]


def test_tips_are_grown_and_then_averaged_without_the_border():
    found = defects(odds("......", "......", "#.....", "......", "......"), 0.5, 1, 1)[0, 0]
    assert found[2].tolist() == [True, True, False, False, False, False]
    column = defects(odds("#....", "#....", "#...."), 0.9, 1, 1)[0, 0]
    assert column[1].tolist() == [True, False, False, False, False]
    grown_by_two = defects(odds("....", "#...", "...."), 0.3, 1, 1)[0, 0, 1]
    assert grown_by_two.tolist() == [True, True, True, False]


def test_small_parts_are_dropped_and_corners_hold_together():
    found = defects(odds("#....#", ".#....", "..#..."), 0.5, 0, 3)[0, 0]
    assert found.sum() == 3
    assert found[0, 5] == 0


def test_a_batch_of_pictures_is_what_each_is_alone():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 2, 20, 30, generator=generator)
    together = defects(maps, 0.6, 1, 9)
    for index in range(3):
        assert together[index].equal(defects(maps[index : index + 1], 0.6, 1, 9)[0])


def test_a_network_finds_dark_tissue(dark):
    grey = np.full((1, 32, 32), 200, np.uint8)
    grey[0, 10:14] = 20
    found = whole(Detector(Array(grey), str(dark), mip=0, radius=0, smallest=1))
    assert found[10:14].all()
    assert found.sum() == 4 * 32


def test_ternary_labels_are_made_of_it(dark):
    grey = np.full((1, 32, 32), 200, np.uint8)
    grey[0, 10:14] = 20
    detector = Detector(Array(grey), str(dark), mip=0, radius=0, smallest=1)
    labels = whole(Ternary(detector, 2))
    assert labels[:, 0].tolist() == [0] * 8 + [1, 1, 2, 2, 2, 2, 1, 1] + [0] * 16


def test_a_place_has_the_same_answer_however_it_is_read(dark):
    detector = Detector(Array(GREY), str(dark), mip=0, threshold=0.6, smallest=12, tile=16, halo=12)
    everything = detector.open().read(Box((0, 0, 0), (48, 40, 2)), 0)
    assert 0 < everything.mean() < 1
    for box in (Box((3, 7, 1), (20, 38, 2)), Box((15, 0, 0), (17, 40, 2))):
        part = everything[(slice(None), *box.slices(Box((0, 0, 0), (48, 40, 2))))]
        np.testing.assert_array_equal(detector.open().read(box, 0), part)


def test_with_enough_around_tiles_show_what_the_whole_shows(dark):
    one = Detector(Array(GREY), str(dark), mip=0, threshold=0.6, smallest=9, tile=64, halo=0)
    many = Detector(Array(GREY), str(dark), mip=0, threshold=0.6, smallest=9, tile=8, halo=12)
    np.testing.assert_array_equal(whole(many), whole(one))


def test_at_other_mips_a_pixel_is_set_where_any_is(dark):
    detector = Detector(Array(GREY), str(dark), mip=0, threshold=0.9, smallest=1)
    fine, coarse = whole(detector), whole(detector, 1)
    np.testing.assert_array_equal(coarse, fine.reshape(20, 2, 24, 2).any(axis=(1, 3)))
    assert 0 < coarse.mean() < 1


def test_at_finer_mips_every_pixel_becomes_several():
    seen = Tiles(Array(GREY).open(), 0, lambda x: x > 0.5, 16, 0)
    own = seen.read(Box((2, 3, 0), (8, 9, 1)), 0)
    fine = seen.read(Box((5, 7, 0), (15, 17, 1)), -1)
    np.testing.assert_array_equal(
        fine, own.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., 1:-1, 1:-1]
    )


def test_each_tile_is_looked_at_once(dark):
    looks = []

    def find(pictures):
        looks.append(pictures.shape)
        return torch.zeros_like(pictures)

    tiles = Tiles(Array(GREY).open(), 0, find, 16, 4)
    for _ in range(3):
        tiles.read(Box((0, 0, 0), (48, 40, 1)), 0)
    assert len(looks) == 9


def test_a_section_without_data_has_no_defects(dark):
    assert not whole(Detector(Array(np.zeros_like(GREY)), str(dark), mip=0, smallest=0)).any()


def test_without_a_model_nothing_is_a_defect_and_that_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        assert not whole(Detector(Array(GREY), None, mip=0)).any()
    assert "no model" in caplog.text


def test_pictures_have_one_channel():
    with pytest.raises(UserError, match="1 channel, not 2"):
        Detector(Array(np.stack([GREY, GREY])), None, mip=0).open()


def test_a_mip_that_is_not_there_is_told():
    with pytest.raises(UserError, match="no mip 3"):
        Detector(Array(GREY), None, mip=3).open()
