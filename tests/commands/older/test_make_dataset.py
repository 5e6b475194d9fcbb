"""`metroem make-dataset`: from a spec to a set."""

import json
from pathlib import Path

import numpy as np
import pytest
from volumes_of_guides import X, Y, Z, template

from metroem_core.sets import read_set


def test_the_guide_makes_a_set_from_points(spec, metroem, volumes):
    made = spec("--offsets -1 -2")
    assert [pair["src"]["z"] for pair in made["pairs"]] == [8180, 8179, 8178, 8177, 8176, 8175]
    metroem("""make-dataset \\
        --spec_path made/spec.json \\
        --dst_path data \\
        --parallel 2""")
    first = made["pairs"][0]["src"]
    name = f"x{first['x']}_y{first['y']}_z8180"
    found = read_set("data")
    assert sorted(path.name for path in Path("data").iterdir()) == [
        f"field_0_{name}_MIP5_test.h5",
        "set.json",
        f"{name}_MIP5.h5",
    ]
    series = found.about["series"][name]
    assert series["shifts"][0] == [[512, -512], [512, -512]]
    sample = found.read(0, 5, stage=0)
    np.testing.assert_allclose(sample.src_field[0], (512 - 300.5) / 32, atol=0.0051)
    np.testing.assert_allclose(sample.src_field[1], 3.5 / 32, atol=0.0101)


def test_the_pictures_are_those_around_the_moved_points(spec, metroem, volumes):
    """Normalised by the reference, masked, and the source not warped."""
    made = spec()
    metroem("make-dataset --spec_path made/spec.json --dst_path data")
    place = made["pairs"][0]["src"]
    left, top = ((place[a] - o + s) // 32 for a, o, s in (("x", X, 512), ("y", Y, -512)))
    image, mask = volumes["image"][1][5][..., 0], volumes["defects"][1][5][..., 0]
    z = place["z"] - Z
    around = slice(left - 32, left + 32), slice(top - 32, top + 32), z
    data = image[around][mask[around] <= 178].astype(float)
    wanted = (image[..., z] - data.mean()) / data.std(ddof=1) * (mask[..., z] <= 178)
    source = read_set("data").read(0, 5).src
    np.testing.assert_allclose(
        source, wanted[left - 16 : left + 16, top - 16 : top + 16], rtol=1e-4, atol=1e-5
    )


def test_both_spellings_of_pairs_are_read_and_may_be_mixed(spec, metroem):
    made = spec()
    made["pairs"][0] = [made["pairs"][0]["src"], made["pairs"][0]["tgt"]]
    Path("mixed.json").write_text(json.dumps(made))
    metroem("make-dataset --spec-path mixed.json --dst-path data")
    assert len(read_set("data")) == 2


@pytest.mark.parametrize("absent", ["field", "masks"])
def test_fields_and_masks_may_be_left_out(spec, metroem, volumes, absent):
    made = spec()
    made.pop(absent)
    Path("spec.json").write_text(json.dumps(made))
    metroem("make-dataset --spec_path spec.json --dst_path data")
    assert bool(read_set("data").series[0].fields) == (absent != "field")


def test_a_mask_object_means_a_list_of_one(spec, metroem):
    made = spec()
    made["mask"] = made.pop("masks")[0]
    Path("spec.json").write_text(json.dumps(made))
    metroem("make-dataset --spec_path spec.json --dst_path data")


def test_unnormalised_pictures_keep_their_values_but_are_masked(spec, metroem, volumes):
    spec(field=None, masks=[{"path": volumes["defects"][0], "src_mip": 5, "threshold": 178}])
    metroem("make-dataset --spec_path made/spec.json --dst_path data --unnormalize")
    place = json.loads(Path("made/spec.json").read_text())["pairs"][1]["src"]
    left, top = (place["x"] - X) // 32 - 16, (place["y"] - Y) // 32 - 16
    z = place["z"] - Z
    wanted = volumes["image"][1][5][left : left + 32, top : top + 32, z, 0].astype(float)
    wanted[volumes["defects"][1][5][left : left + 32, top : top + 32, z, 0] > 178] = 0
    np.testing.assert_array_equal(read_set("data").read(1, 5).src, wanted)
    assert (wanted == 0).any()


def test_thresholds_are_exceeded_and_not_reached_unless_told(spec, metroem, volumes):
    mask = {"path": volumes["defects"][0], "src_mip": 5, "threshold": 200}
    blank = []
    for comparator in ("gt", "ge"):
        spec("--overwrite", field=None, masks=[{**mask, "comparator": comparator}])
        metroem(f"make-dataset --spec_path made/spec.json --dst_path {comparator}")
        blank.append((read_set(comparator).read(1, 5).src == 0).any())
    assert blank == [False, True]


def test_two_mips_of_the_same_pairs_make_one_set(spec, metroem, volumes):
    fine = template(volumes, dst_mip=3)
    fine["image"]["src_mip"] = 3
    Path("fine.json").write_text(json.dumps({**fine, "pairs": spec()["pairs"]}))
    metroem("make-dataset --spec_path made/spec.json --spec_path fine.json --dst_path data")
    found = read_set("data")
    assert found.mips == (3, 5)
    series = found.about["series"][found.series[0].name]
    assert list(series["mips"]) == ["3", "5"]


def test_another_reference_of_the_field_is_refused(spec, metroem, volumes):
    fine = template(volumes, dst_mip=3, pairs=spec()["pairs"])
    fine["field"]["reference"]["x_size"] = 32
    Path("fine.json").write_text(json.dumps(fine))
    said = metroem("make-dataset --spec_path made/spec.json --spec_path fine.json --dst_path d", 1)
    assert "fine.json: 'field.reference' is not that of made/spec.json" in said
    assert not Path("d").exists()


@pytest.mark.parametrize(("flags", "dtype"), [("", "float32"), ("--unnormalize", "uint8")])
def test_a_url_makes_a_volume_with_two_sections_of_every_pair(
    spec, metroem, tmp_path, flags, dtype
):
    from cloudvolume import CloudVolume

    spec()
    metroem("make-dataset --spec_path made/spec.json --dst_path h5")
    metroem(f"make-dataset --spec_path made/spec.json --dst_path file://{tmp_path}/volume {flags}")
    volume = CloudVolume(f"file://{tmp_path}/volume", mip=5, progress=False)
    assert (volume.dtype, tuple(volume.shape)) == (dtype, (32, 32, 4, 1))
    assert tuple(volume.chunk_size) == (32, 32, 1)
    if not flags:
        target = read_set("h5").read(1, 5).tgt
        np.testing.assert_array_equal(volume[:, :, 3][..., 0, 0], target)
        assert (volume[:, :, 2][..., 0, 0] != read_set("h5").read(1, 5).src).any()


def test_a_dry_run_tells_pairs_bytes_and_time(spec, metroem):
    spec()
    said = metroem("make-dataset --spec_path made/spec.json --dst_path data --dry_run")
    assert "2 pairs at mip 5, in about 1 s" in said
    assert "kB  image" in said
    assert not Path("data").exists()
