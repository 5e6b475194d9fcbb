import numpy as np
import pytest

from metroem_steps.pictures import field_colours, heat, overlay, sheet, stretched, with_legend


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
    colours = field_colours(np.zeros((2, 200, 300)), 1)
    shown = with_legend(colours, 7.25)
    assert (shown[:100] == colours[:100]).all()
    assert (shown != colours).any()


def test_a_map_goes_from_black_to_white_and_marks_what_is_not_known():
    shown = heat(np.array([[0.0, 2.0, np.nan]]), 2)
    assert shown[0].tolist() == [[0, 0, 0], [255, 255, 255], [25, 25, 89]]


def test_a_sheet_holds_every_panel_under_its_caption():
    panels = {name: np.full((10, 20, 3), 9, np.uint8) for name in "abc"}
    page = np.asarray(sheet(panels))
    assert (page == 9).all(axis=-1).sum() == 3 * 10 * 20
