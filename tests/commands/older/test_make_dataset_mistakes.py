"""Specs that `metroem make-dataset` refuses."""

import json
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x_sise": 3}, "no such parameter; did you mean 'x_size'?"),
        ({"dst_mip": "5"}, "spec.dst_mip: expected int, got '5'"),
        ({"dst_mip": -1}, "'dst_mip' must be >= 0: -1"),
        ({"pairs": []}, "there are no pairs. Make some with `metroem create-spec`"),
        ({"pairs": [[{"x": 1, "y": 2, "z": 3}]]}, "'pairs[0]' must be {src, tgt}"),
        ({"dst_mip": 9}, "a field must not be finer than the set"),
    ],
)
def test_a_wrong_spec_is_refused_in_a_line(spec, metroem, changes, said):
    Path("wrong.json").write_text(json.dumps({**spec(), **changes}))
    output = metroem("make-dataset --spec_path wrong.json --dst_path data", 1)
    assert said in output
    assert "wrong.json" in output
    assert not list(Path().glob("data*"))


def test_starts_of_boxes_are_not_taken_for_middles(spec, metroem):
    old = {"x_start": 1, "y_start": 2, "z_start": 3}
    Path("old.json").write_text(json.dumps({**spec(), "pairs": [[old, old]]}))
    said = metroem("make-dataset --spec_path old.json --dst_path data", 1)
    assert "gives the corner of a picture (x_start, ...). Add half of its size" in said


def test_a_pair_outside_of_the_volume_is_named_and_nothing_is_written(spec, metroem):
    far = [[{"x": 256, "y": 256, "z": 3}, {"x": 256, "y": 256, "z": 2}]]
    Path("far.json").write_text(json.dumps({**spec(), "pairs": far}))
    said = metroem("make-dataset --spec_path far.json --dst_path data", 1)
    assert "pair 0: its source at (256, 256, 3) lies outside of the image" in said
    assert not list(Path().glob("data*"))


def test_a_set_is_not_made_twice(spec, metroem):
    spec()
    metroem("make-dataset --spec_path made/spec.json --dst_path data")
    before = {path: path.read_bytes() for path in Path("data").iterdir()}
    assert "exists already" in metroem("make-dataset --spec_path made/spec.json --dst_path data", 1)
    assert {path: path.read_bytes() for path in Path("data").iterdir()} == before
