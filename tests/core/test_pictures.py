import numpy as np
import pytest

from metroem_core.pictures import (
    certainty,
    field_colours,
    heat,
    overlay,
    pair_panels,
    sheet,
    stretched,
    with_bar,
    with_wheel,
)
from metroem_core.pictures.sheet import scale_of


def test_pictures_that_agree_are_grey():
    picture = np.random.default_rng(0).uniform(0.1, 1, (20, 30))
    colours = overlay(picture, picture)
    assert colours.shape == (20, 30, 3)
    assert (colours[..., 0] == colours[..., 1]).all()


def test_the_source_is_red_and_the_target_cyan():
    one, other = np.zeros((1, 4)), np.zeros((1, 4))
    one[0, :2], other[0, 1:3] = [0.5, 1.0], [0.5, 1.0]
    one[0, 1], other[0, 2] = 1.0, 1.0
    colours = overlay(one, other)
    assert colours[0, 1, 0] > colours[0, 1, 1]
    assert colours[0, 2, 1] > colours[0, 2, 0]


def test_no_data_stays_black():
    assert (stretched(np.zeros((3, 3))) == 0).all()
    picture = np.array([[0.0, 0.2, 0.4, 0.6]])
    assert stretched(picture)[0, 0] == 0


@pytest.mark.parametrize(
    ("vector", "colour"), [((1, 0), (255, 0, 0)), ((-1, 0), (0, 255, 255)), ((0, 0), (255,) * 3)]
)
def test_the_hue_is_the_direction_and_the_strength_the_length(vector, colour):
    field = np.tile(np.array(vector, float)[:, None, None], (1, 2, 2))
    assert np.abs(field_colours(field, 1)[0, 0].astype(int) - colour).max() <= 6


def test_invalid_vectors_are_black():
    field = np.full((2, 2, 2), np.nan)
    assert (field_colours(field, 1) == 0).all()


def test_the_legend_covers_a_corner_only():
    colours = field_colours(np.zeros((2, 512, 600)), 1)
    shown = with_wheel(colours, 7.25)
    assert (shown[:300] == colours[:300]).all()
    assert (shown != colours).any()


def test_a_map_goes_from_black_to_white_and_marks_what_is_not_known():
    shown = heat(np.array([[0.0, 2.0, np.nan]]), 2)
    assert shown[0].tolist() == [[0, 0, 0], [255, 255, 255], [25, 25, 89]]


def test_a_sheet_holds_every_panel_under_its_caption():
    panels = {name: np.full((512, 600, 3), 9, np.uint8) for name in "abc"}
    page = np.asarray(sheet(panels))
    assert (page == 9).all(axis=-1).sum() == 3 * 512 * 600


def test_a_small_panel_is_enlarged_and_a_large_one_made_smaller():
    small, large = (np.full(shape, 9, np.uint8) for shape in ((40, 60, 3), (1000, 3000, 3)))
    assert sheet({"a": small}).size[0] >= 540
    assert sheet({"a": large}).size[0] == 1024 + 32


def test_a_bar_stands_in_a_corner_of_its_map():
    values = np.zeros((512, 600))
    shown = with_bar(certainty(values), certainty(np.linspace(0, 1, 256)), "0 to 1")
    assert (shown[:300, :300] == certainty(values)[0, 0]).all()
    yellow = certainty(np.ones((1, 1)))[0, 0].astype(int)
    assert np.abs(shown[-60:, -200:] - yellow).max(axis=-1).min() < 8


def test_a_pair_is_shown_with_its_error_or_else_its_confidence():
    grey, field = np.random.default_rng(0).uniform(0.1, 1, (40, 60)), np.ones((2, 40, 60))
    shown = [
        list(pair_panels(grey, grey, grey, field, **more))
        for more in ({}, {"confidence": grey}, {"confidence": grey, "error": grey})
    ]
    assert [len(names) for names in shown] == [3, 4, 4]
    assert shown[1][-1].startswith("confidence")
    assert shown[2][-1].startswith("error")


def test_a_field_without_any_vector_can_be_shown():
    grey = np.full((40, 60), 0.5)
    pair_panels(grey, grey, grey, np.full((2, 40, 60), np.nan))


@pytest.mark.parametrize(
    ("typical", "scale"), [(0.3, 1), (1.5, 2), (7, 10), (400, 50), (np.nan, 1)]
)
def test_a_map_of_errors_has_a_scale_that_shows_nearly_all(typical, scale):
    error = np.full((20, 20), typical)
    error[0, :10] = 1000
    if np.isnan(typical):
        error[:] = np.nan
    assert scale_of(error) == scale
