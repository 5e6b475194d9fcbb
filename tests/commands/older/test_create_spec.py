"""`metroem create-spec`: from points to a spec."""

import json
from pathlib import Path

from volumes_of_guides import X, Y, Z


def test_points_are_rounded_down_to_the_coarsest_mip(spec):
    for pair in spec()["pairs"]:
        assert pair["src"]["x"] % 256 == pair["tgt"]["y"] % 256 == 0
        assert pair["tgt"]["z"] == pair["src"]["z"] - 1


def test_the_documented_offsets_give_five_pairs_of_a_point(spec):
    sources = [pair["src"]["z"] for pair in spec("--offsets -1 -5 -10 -15")["pairs"]]
    assert sources[:5] == [8180, 8179, 8175, 8170, 8165]


def test_exchanged_pairs_follow_and_existing_pairs_stay_first(spec):
    old = [{"x": 1, "y": 2, "z": 3}, {"x": 1, "y": 2, "z": 2}]
    made = spec("--permute_pairs --pair_style list", pairs=[old])["pairs"]
    assert made[0] == old
    assert made[1] == made[2][::-1]
    assert json.loads(Path("spec_template.json").read_text())["pairs"] == [old]


def test_corners_become_middles_only_when_the_flag_says_so(spec, metroem):
    middle = spec()
    metroem(
        "create-spec --src-spec-path spec_template.json --dst-spec-path corner.json "
        "--points-path points.csv --point-is corner"
    )
    corner = json.loads(Path("corner.json").read_text())
    moved = [
        b["src"]["x"] - a["src"]["x"] for a, b in zip(middle["pairs"], corner["pairs"], strict=True)
    ]
    assert moved == [512, 512]


def test_a_state_of_the_viewer_serves_as_well(spec, metroem):
    spec()
    layer = {"type": "annotation", "name": "a"}
    layer["annotations"] = [{"type": "point", "point": [X / 2, Y / 2, Z + 1]}]
    dimensions = {"x": [8e-9, "m"], "y": [8e-9, "m"], "z": [4e-8, "m"]}
    Path("state.json").write_text(json.dumps({"dimensions": dimensions, "layers": [layer]}))
    metroem(
        "create-spec --src_spec_path spec_template.json --dst_spec_path s.json "
        "--points_path state.json --voxel_size 4 4 40"
    )
    (pair,) = json.loads(Path("s.json").read_text())["pairs"]
    assert pair["src"] == {"x": X, "y": Y, "z": Z + 1}


def test_a_broken_line_of_points_is_named(spec, metroem):
    spec()
    Path("points.csv").write_text('Coordinate 1\n"(1, 2, 3)"\n"(1, x, 3)"\n')
    command = "create-spec --src_spec_path spec_template.json --dst_spec_path a.json "
    assert "points.csv, line 3: " in metroem(f"{command}--points_path points.csv", 1)
    assert not Path("a.json").exists()


def test_specs_are_not_overwritten(spec, metroem):
    spec()
    command = "create-spec --src_spec_path spec_template.json --points_path points.csv "
    assert "exists already" in metroem(f"{command}--dst_spec_path made/spec.json", 1)
    said = metroem(f"{command}--dst_spec_path spec_template.json", 1)
    assert "is the spec to begin with" in said
