import json
import logging

import pytest

from metroem_core.errors import UserError
from metroem_core.kinds import PairPlace
from metroem_core.testing import PairsConformance
from metroem_pairs.points import Points

EXPORT = (
    "Coordinate 1,Coordinate 2,Ellipsoid Dimensions,Tags,Description,Segment IDs,Parent ID,Type,ID"
)


@pytest.fixture
def points(tmp_path):
    """A function that writes a file of points and makes the pairs of it."""

    def points(text, name="points.csv", **parameters):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return Points(path=str(tmp_path / name), **parameters)

    return points


def sections(component):
    return [(place.src[2], place.tgt[2]) for place in component.places()]


def sources(component):
    return [place.src for place in component.places()]


class TestPoints(PairsConformance):
    @pytest.fixture(autouse=True)
    def make(self, points):
        self.component = points("x,y,z\n1,2,30\n4,5,60\n", offsets=(-1, -5), permute=True)


def test_the_documented_offsets_give_five_pairs(points):
    pairs = points("x,y,z\n8,8,100\n", offsets=(-1, -5, -10, -15))
    assert sections(pairs) == [(100, 99), (99, 98), (95, 94), (90, 89), (85, 84)]


def test_without_offsets_there_is_the_pair_with_the_section_before(points):
    assert sections(points("x,y,z\n8,8,100\n")) == [(100, 99)]


def test_no_pair_is_given_twice(points):
    assert sections(points("x,y,z\n8,8,100\n", offsets=(0, -1, -1))) == [(100, 99), (99, 98)]


def test_a_count_goes_upwards_in_steps_of_one(points):
    assert sections(points("x,y,z\n8,8,100\n", count=3)) == [(101, 100), (102, 101), (103, 102)]


def test_exchanged_pairs_follow_their_originals(points):
    pairs = points("x,y,z\n8,8,100\n", offsets=(-5,), permute=True)
    assert sections(pairs) == [(100, 99), (99, 100), (95, 94), (94, 95)]


def test_points_come_in_the_order_of_the_file_each_with_all_offsets(points):
    pairs = points("x,y,z\n8,8,100\n0,0,50\n", offsets=(-1,))
    assert sections(pairs) == [(100, 99), (99, 98), (50, 49), (49, 48)]


def test_x_and_y_are_rounded_down_to_whole_pixels_and_z_is_not(points):
    assert sources(points("x,y,z\n1023,-1,101\n", max_mip=8)) == [(768, -256, 101)]


def test_half_of_the_size_is_added_to_a_corner_before_rounding(points):
    pairs = points("x,y,z\n100,200,5\n", max_mip=4, corner_of=(64, 40))
    assert sources(pairs) == [(128, 208, 5)]


def test_the_export_of_a_viewer_is_read(points):
    text = f'\ufeff{EXPORT}\n"(1024, 2048, 30)",,,,,,,Point,abc\n\n"(1, 2, 3)",,,,,,,Point,d\n'
    assert sources(points(text)) == [(1024, 2048, 30), (1, 2, 3)]


@pytest.mark.parametrize("header", ["Coordinates", "Coordinate 1,Coordinate 2 (if applicable)"])
def test_headers_of_older_exports_are_known(points, header):
    assert sources(points(f'{header}\n"(1, 2, 3)",\n')) == [(1, 2, 3)]


@pytest.mark.parametrize("cell", ["(7.9,8.2,9.0)", "[7, 8, 9]", "7 8 9", " ( 7,8 , 9 ) "])
def test_brackets_blanks_and_fractions_do_not_matter(points, cell):
    assert sources(points(f'Coordinate 1\n"{cell}"\n')) == [(7, 8, 9)]


def test_fractions_are_rounded_down_below_zero_too(points):
    assert sources(points("x0,y0,z0\n-0.5,1e3,7\n")) == [(-1, 1000, 7)]


def test_a_line_or_a_box_gives_its_first_point_and_a_warning(points, caplog):
    text = f'{EXPORT}\n"(1, 2, 3)","(4, 5, 6)",,,,,,AABB,abc\n'
    assert sources(points(text)) == [(1, 2, 3)]
    assert "line 2: of a AABB only the first point is used" in caplog.text


def test_points_are_no_cause_for_warnings(points, caplog):
    with caplog.at_level(logging.WARNING):
        sources(points(f'{EXPORT}\n"(1, 2, 3)",,,,,,,Point,a\n'))
    assert not caplog.records


@pytest.mark.parametrize(
    "line", ["1,two,3", "1,2", "1,nan,3", '1,2,"3,4"'], ids=["word", "short", "nan", "four"]
)
def test_a_broken_line_is_named_by_its_number(points, line):
    with pytest.raises(UserError, match=r"points.csv, line 3: "):
        sources(points(f"x,y,z\n1,2,3\n{line}\n"))


@pytest.mark.parametrize("text", ["x,y,z\n", "x,y,z\n\n\n"])
def test_a_file_without_points_is_refused(points, text):
    with pytest.raises(UserError, match="holds no points"):
        sources(points(text))


def test_other_columns_are_refused_by_name(points):
    with pytest.raises(UserError, match="no column 'Coordinate 1'.*but a, b"):
        sources(points("a,b\n1,2\n"))


def state(**layer):
    """A state of the viewer with one layer of annotations, in voxels of 8 x 8 x 40 nm."""
    layer = {
        "type": "annotation",
        "name": "marks",
        "annotations": [
            {"type": "point", "point": [10.5, 20, 3]},
            {"type": "line", "pointA": [1, 2, 3], "pointB": [4, 5, 6]},
            {"type": "ellipsoid", "center": [7, 8, 9], "radii": [1, 1, 1]},
            {"type": "axis_aligned_bounding_box", "pointA": [4, 4, 4], "pointB": [5, 5, 5]},
        ],
        **layer,
    }
    dimensions = {"x": [8e-9, "m"], "y": [8e-9, "m"], "z": [4e-8, "m"]}
    return {"dimensions": dimensions, "layers": [{"type": "image", "name": "em"}, layer]}


def test_a_state_of_the_viewer_is_read_in_mip0_voxels(points):
    pairs = points(json.dumps(state()), "state.json", voxel_size=(4, 4, 40))
    assert sources(pairs) == [(21, 40, 3), (2, 4, 3), (14, 16, 9), (8, 8, 4)]


def test_a_layer_has_dimensions_of_its_own(points):
    source = {
        "url": "local://annotations",
        "transform": {"outputDimensions": {"x": [16, "nm"], "y": [16, "nm"], "z": [0.04, "um"]}},
    }
    pairs = points(json.dumps(state(source=source)), "state.json", voxel_size=(4, 4, 40))
    assert sources(pairs)[0] == (42, 80, 3)


def test_rounding_errors_of_units_lose_no_voxel(points):
    dimensions = {"x": [3e-9, "m"], "y": [3e-9, "m"], "z": [3e-9, "m"]}
    text = json.dumps({**state(), "dimensions": dimensions})
    assert sources(points(text, "s.json", voxel_size=(3, 3, 3)))[1] == (1, 2, 3)


def test_a_layer_alone_is_taken_as_it_is(points):
    text = json.dumps(state()["layers"][1])
    assert sources(points(text, "layer.json"))[1] == (1, 2, 3)


def test_the_size_of_a_voxel_must_be_known_for_a_state(points):
    with pytest.raises(UserError, match="in units of 8 x 8 x 40 nm. Say with voxel_size"):
        sources(points(json.dumps(state()), "state.json"))


def test_one_of_several_layers_must_be_named(points):
    two = state()
    two["layers"].append({**two["layers"][1], "name": "others", "annotations": []})
    with pytest.raises(UserError, match="name one of marks, others"):
        sources(points(json.dumps(two), "state.json", voxel_size=(4, 4, 40)))
    chosen = points(json.dumps(two), "state.json", voxel_size=(4, 4, 40), layer="marks")
    assert len(sources(chosen)) == 4
    with pytest.raises(UserError, match="no layer called 'mark' .*It has: marks, others"):
        sources(points(json.dumps(two), "s.json", voxel_size=(4, 4, 40), layer="mark"))


def test_a_broken_annotation_is_named(points):
    text = json.dumps(state(annotations=[{"type": "point", "point": [1, 2]}]))
    with pytest.raises(UserError, match="annotation 0 of layer 'marks' has no point x, y, z"):
        sources(points(text, "state.json", voxel_size=(4, 4, 40)))


def test_broken_json_is_told_as_such(points):
    with pytest.raises(UserError, match="not JSON"):
        sources(points("{", "state.json"))


def test_offsets_and_a_count_exclude_each_other(points):
    with pytest.raises(ValueError, match="'offsets' or 'count', not both"):
        points("", offsets=(1,), count=2)


def test_places_are_pairs_of_places(points):
    assert next(points("x,y,z\n1,2,3\n").places()) == PairPlace((1, 2, 3), (1, 2, 2))
