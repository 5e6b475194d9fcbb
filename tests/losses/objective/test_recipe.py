import pytest
import torch

from metroem_core.batch import Array, Batch, pair
from metroem_core.errors import UserError
from metroem_core.spec import SpecError, build
from metroem_losses.objective.binarization import Binarization
from metroem_losses.objective.recipe import Recipe, Setting, grown, lowered
from metroem_registry import Registry

PRESET = {
    "src": [
        {
            "name": "src",
            "fm": 0,
            "mask_value": 1e-5,
            "coarsen_ranges": [[1, 0.0]],
            "binarization": {"strat": "neq", "value": 0},
        }
    ],
    "tgt": [
        {
            "name": "tgt",
            "binarization": {"strat": "neq", "value": 0},
            "coarsen_ranges": [[1, 0.0]],
            "fm": 0,
        }
    ],
}


def grey(height=16, width=20):
    generator = torch.Generator().manual_seed(0)
    return 0.1 + 0.9 * torch.rand(1, 1, height, width, generator=generator)


def with_mask(mask, name="folds"):
    return pair(grey(*mask.shape[-2:]), grey(*mask.shape[-2:])).put(**{name: Array(mask, "mask")})


def good_but(*bad, height=16, width=20):
    """A mask of ones with zeros at the places (slices or numbers) that are bad."""
    mask = torch.ones(1, 1, height, width)
    for row, column in bad:
        mask[..., row, column] = 0
    return mask


def rows(*numbers):
    return [round(x, 6) for x in numbers]


# What is good


@pytest.mark.parametrize(
    ("binarization", "good"),
    [
        (Binarization("eq", 2), [2]),
        (Binarization("neq", 2), [0, 1, 3, 4]),
        (Binarization("lt", 2), [0, 1]),
        (Binarization("gt", 2), [3, 4]),
        (Binarization("between", range=(0, 3)), [1, 2]),
        (Binarization("not_between", range=(1, 3)), [0, 4]),
    ],
)
def test_strategies(binarization, good):
    assert binarization.good(torch.arange(5.0)).nonzero().flatten().tolist() == good


@pytest.mark.parametrize(("strat", "needed"), [("eq", "value"), ("between", "range")])
def test_a_strategy_without_its_number_is_refused(strat, needed):
    with pytest.raises(ValueError, match=f"the strategy '{strat}' needs '{needed}'"):
        Binarization(strat)


# How bad areas grow


def test_a_lone_bad_pixel_vanishes_and_two_become_six():
    bad = torch.zeros(1, 1, 9, 12, dtype=torch.bool)
    bad[..., 2, 2] = bad[..., 5, 7:9] = True
    grew = grown(bad, 1)
    assert grew.sum() == 6
    assert grew[..., 4:7, 7:9].all()


def test_a_bad_pixel_at_the_edge_is_as_lone_as_any():
    bad = torch.zeros(1, 1, 5, 5, dtype=torch.bool)
    bad[..., 0, 0] = True
    assert not grown(bad, 1).any()


def test_no_steps_change_nothing():
    bad = grey() > 0.5
    assert grown(bad, 0).equal(bad)


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_the_straight_edge_of_an_area_moves_by_a_pixel_each_step(steps):
    bad = torch.zeros(1, 1, 30, 30, dtype=torch.bool)
    bad[..., :12] = True
    grew = grown(bad, steps)[0, 0, 15]
    assert grew.nonzero().max() == 11 + steps


# Settings


def test_what_is_not_one_gets_the_mask_value():
    weights = lowered(with_mask(good_but((3, 4))), (Setting("folds", mask_value=0.2),))
    assert weights[0, 0, 3, 4] == pytest.approx(0.2)
    assert (weights == 1).sum() == 16 * 20 - 1


def test_rings_are_cumulative():
    """Ring 0 to 1 has the weight 0, ring 1 to 11 the weight 2, and beyond it is 1."""
    mask = good_but((slice(None), slice(0, 5)), width=30)
    settings = (Setting("folds", mask_value=0.5, coarsen_ranges=((1, 0.0), (10, 2.0))),)
    row = lowered(with_mask(mask), settings)[0, 0, 8].tolist()
    assert row == [0.5] * 5 + [0.0] + [2.0] * 10 + [1.0] * 14


def test_a_lone_pixel_keeps_its_mask_value_but_gets_no_ring():
    settings = (Setting("folds", mask_value=0.5, coarsen_ranges=((1, 0.0), (3, 2.0))),)
    weights = lowered(with_mask(good_but((8, 9))), settings)
    assert weights[0, 0, 8, 9] == 0.5
    assert (weights == 1).sum() == 16 * 20 - 1


def test_a_later_setting_overwrites_bad_pixels_and_rings_only_what_is_still_one():
    batch = with_mask(good_but((slice(None), slice(0, 4)))).put(
        cracks=Array(good_but((slice(None), slice(2, 6))), "mask")
    )
    settings = (
        Setting("folds", mask_value=0.5, coarsen_ranges=((2, 0.3),)),
        Setting("cracks", mask_value=0.1, coarsen_ranges=((1, 0.2),)),
    )
    row = lowered(batch, settings)[0, 0, 8].tolist()
    assert rows(*row) == [0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.2] + [1.0] * 13


def test_the_channel_is_chosen_where_there_are_several():
    mask = torch.cat([good_but(), good_but((3, 4))], dim=1)
    assert lowered(with_mask(mask), (Setting("folds"),)).min() == 1
    assert lowered(with_mask(mask), (Setting("folds", fm=1),)).min() == 0
    assert lowered(with_mask(mask[:, :1]), (Setting("folds", fm=1),)).min() == 1
    with pytest.raises(UserError, match="'folds' has 2 channels, so no 'fm' 2"):
        lowered(with_mask(mask), (Setting("folds", fm=2),))


def test_a_mask_that_is_missing_has_no_effect():
    assert lowered(with_mask(good_but((3, 4))), (Setting("cracks"),)).min() == 1


def test_zeros_of_a_picture_are_known_without_a_mask_of_them():
    src = grey()
    src[..., :4] = 0
    settings = (Setting("src_zeros", binarization=Binarization("eq", 0)),)
    weights = lowered(pair(src, grey()), settings)
    assert weights[0, 0, 8].tolist() == [0.0] * 4 + [1.0] * 16


# Recipes


def shifted_by(dx, height=16, width=20):
    return torch.tensor([dx, 0.0]).view(1, 2, 1, 1).expand(1, 2, height, width)


def test_weights_of_the_source_move_and_go_on_beyond_the_edge():
    recipe = Recipe(src=(Setting("folds", mask_value=0.5),))
    mask = good_but((slice(None), slice(14, 20)))
    row = recipe.weight(with_mask(mask), shifted_by(3.0))[0, 0, 8].tolist()
    assert rows(*row) == [1.0] * 11 + [0.5] * 9


def test_between_pixels_weights_of_the_source_are_interpolated():
    recipe = Recipe(src=(Setting("folds"),))
    mask = good_but((slice(None), slice(10, 20)))
    row = recipe.weight(with_mask(mask), shifted_by(0.25))[0, 0, 8, 8:11].tolist()
    assert row == pytest.approx([1, 0.75, 0])


def test_weights_of_the_target_stay_and_multiply():
    recipe = Recipe(
        src=(Setting("folds", mask_value=0.5),), tgt=(Setting("folds", mask_value=0.1),)
    )
    mask = good_but((slice(None), slice(14, 20)))
    row = recipe.weight(with_mask(mask), shifted_by(3.0))[0, 0, 8].tolist()
    assert rows(*row) == [1.0] * 11 + [0.5] * 3 + [0.05] * 6


def test_of_a_combination_one_side_is_enough():
    batch = with_mask(good_but((slice(None), slice(0, 8)))).put(
        cracks=Array(good_but((slice(None), slice(4, 12))), "mask")
    )
    recipe = built(
        {"src_tgt_comb": {"src": [{"name": "folds"}], "tgt": [{"name": "cracks"}]}}, Recipe
    )
    row = recipe.weight(batch, shifted_by(3.0))[0, 0, 8].tolist()
    assert row == pytest.approx([1.0] * 4 + [0.0] * 4 + [1.0] * 12)


def test_no_gradient_reaches_the_field():
    field = shifted_by(0.3).clone().requires_grad_()
    recipe = Recipe(src=(Setting("folds"),))
    assert not recipe.weight(with_mask(good_but((3, slice(None)))), field).requires_grad


# As parameter files write them


def built(value, annotation):
    return build(value, annotation, Registry())


def test_recipes_of_older_parameter_files_are_read_as_they_are():
    recipe = built(PRESET, Recipe)
    tissue = Binarization("neq", 0)
    assert recipe == Recipe(
        src=(Setting("src", 0, tissue, 1e-5, ((1, 0.0),)),),
        tgt=(Setting("tgt", 0, tissue, 0.0, ((1, 0.0),)),),
    )


def test_the_preset_leaves_out_no_data_and_a_pixel_around():
    src = grey()
    src[..., :5] = 0
    batch = Batch({"src": Array(src), "tgt": Array(grey())})
    row = built(PRESET, Recipe).weight(batch, 0 * shifted_by(0.0))[0, 0, 8].tolist()
    assert row == pytest.approx([1e-5] * 5 + [0.0] + [1.0] * 14, abs=1e-7)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"name": "src", "inv": True}, "Setting has no such parameter"),
        ({"name": "src", "binarization": {"strat": "equals"}}, "strat"),
        ({"name": "src", "coarsen_ranges": [[-1, 0]]}, "'coarsen_ranges' must be >= 0: -1"),
        ({"name": "src", "mask_value": -1}, "'mask_value' must be >= 0: -1"),
    ],
)
def test_mistakes_in_a_setting_are_told(setting, why):
    with pytest.raises(SpecError, match=why):
        built({"src": [setting]}, Recipe)
