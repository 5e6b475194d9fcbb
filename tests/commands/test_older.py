"""What the guides of the older programs tell, with `python X.py` read as `metroem x`."""

import json
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from metroem_core.cli import main
from metroem_core.sets import read_set

X, Y, Z = 200960, 136448, 8174  # where the volumes begin, in MIP0 voxels
SIDE = 4096  # MIP0 voxels
SECTIONS = 7


def precomputed(path, channels, dtype, mips):
    """A volume as cloud-volume makes it, with voxels (X, Y, Z, C) at some mips."""
    from cloudvolume import CloudVolume

    info = CloudVolume.create_new_info(
        num_channels=channels,
        layer_type="image",
        data_type=dtype,
        encoding="raw",
        resolution=(4, 4, 40),
        voxel_offset=(X, Y, Z),
        volume_size=(SIDE, SIDE, SECTIONS),
        chunk_size=(64, 64, 1),
    )
    volume = CloudVolume(f"file://{path}", info=info, compress=None, progress=False)
    for mip in range(1, max(mips) + 1):
        volume.add_scale((1 << mip, 1 << mip, 1), chunk_size=(64, 64, 1))
    volume.commit_info()
    for mip, voxels in mips.items():
        at = CloudVolume(f"file://{path}", mip=mip, compress=None, progress=False)
        at[:] = voxels
    return f"file://{path}"


def tissue(mip, seed=0):
    size = SIDE >> mip
    draw = np.random.default_rng(seed)
    return draw.integers(1, 255, (size, size, SECTIONS, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Image, mask and field, by name: their paths and their voxels by mip."""
    folder = tmp_path_factory.mktemp("volumes")
    image = {mip: tissue(mip) for mip in (3, 5)}
    defects = {mip: np.zeros_like(image[mip]) for mip in (3, 5)}
    defects[5][64:80] = 200
    defects[3][256:320] = 1
    field = {8: np.zeros((16, 16, SECTIONS, 2), np.float32)}
    field[8][..., 0], field[8][..., 1] = -300.5, 515.5  # y, x in MIP0 pixels
    return {
        "image": (precomputed(folder / "image", 1, "uint8", image), image),
        "defects": (precomputed(folder / "defects", 1, "uint8", defects), defects),
        "field": (precomputed(folder / "field", 2, "float32", field), field),
    }


@pytest.fixture
def metroem(tmp_path, monkeypatch):
    """A function that runs a command line in an empty folder, as a shell would."""
    monkeypatch.chdir(tmp_path)

    def metroem(line, status=0):
        words = shlex.split(line.replace("\\\n", " "))
        result = CliRunner().invoke(main, words)
        assert result.exit_code == status, result.output
        if status:
            assert result.output.startswith("Error: ")
            assert "Traceback" not in result.output
        return result.output

    return metroem


def template(volumes, **changes):
    """The template of the guide, for small volumes."""
    image, field, mask = (volumes[name][0] for name in ("image", "field", "defects"))
    area = {"dst_mip": 5, "x_size": 64, "y_size": 64}
    return {
        "image": {
            "path": image,
            "src_mip": 5,
            "reference": {"path": image, "src_mip": 5, **area},
        },
        "field": {
            "path": field,
            "src_mip": 8,
            "reference": {"path": field, "src_mip": 8, **area},
        },
        "masks": [{"path": mask, "src_mip": 5, "threshold": 178}],
        "max_mip": 8,
        "dst_mip": 5,
        "x_size": 32,
        "y_size": 32,
        "pairs": [],
        **changes,
    }


def exported(*points):
    """The CSV that a viewer exports."""
    header = "Coordinate 1,Coordinate 2,Ellipsoid Dimensions,Tags,Description,Segment IDs,"
    rows = [f'"({x}, {y}, {z})",,,,,,,Point,{n}' for n, (x, y, z) in enumerate(points)]
    return "\n".join([f"{header}Parent ID,Type,ID", *rows, ""])


@pytest.fixture
def spec(metroem, volumes):
    """A spec made by `create-spec` from two points, in spec.json."""

    def spec(flags="", **changes):
        Path("spec_template.json").write_text(json.dumps(template(volumes, **changes)))
        points = [(X + 2048 + 77, Y + 2048 + 200, Z + 6), (X + 1800, Y + 2048, Z + 3)]
        Path("points.csv").write_text(exported(*points))
        metroem(f"""create-spec \\
            --src_spec_path ./spec_template.json \\
            --dst_spec_path made/spec.json \\
            --points_path points.csv {flags}""")
        return json.loads(Path("made/spec.json").read_text())

    return spec


# Curating a set from points: create_spec.py, make_dataset.py.


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


# Mistakes in specs.


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


def test_a_set_is_not_made_twice(spec, metroem):
    spec()
    metroem("make-dataset --spec_path made/spec.json --dst_path data")
    before = {path: path.read_bytes() for path in Path("data").iterdir()}
    assert "exists already" in metroem("make-dataset --spec_path made/spec.json --dst_path data", 1)
    assert {path: path.read_bytes() for path in Path("data").iterdir()} == before


# Downloading boxes: download_image.py, download_field.py.

BOX = f"--z_start 8175 --z_end 8180 --x_offset {X} --y_offset {Y}"


def test_the_guide_downloads_pictures_at_two_mips(metroem, volumes):
    path, image = volumes["image"]
    metroem(
        f"""download-image \
        --dst_folder  ~/data \
        {BOX} \
        --mip 3 5 \
        --patch_size 96 64 \
        --cv_path {path}""".replace("~", ".")
    )
    for mip, size in ((3, 96), (5, 64)):
        with h5py.File(f"data/x{X}_y{Y}_z8175_MIP{mip}.h5") as file:
            pictures = file["img"]
            assert (pictures.shape, pictures.chunks) == ((5, 2, size, size), (1, 1, size, size))
            assert (pictures.dtype, pictures.compression) == ("float32", "lzf")
            np.testing.assert_array_equal(pictures[0, 0], image[mip][:size, :size, 1, 0])
            np.testing.assert_array_equal(pictures[0, 1], image[mip][:size, :size, 0, 0])
    assert read_set("data").mips == (3, 5)


def test_the_guide_downloads_fields_and_moves_pictures_by_them(metroem, volumes):
    path, image = volumes["field"][0], volumes["image"]
    metroem(f"""download-field \
        --dst_folder  data/ \
        {BOX} \
        --src_mip 8 \
        --dst_mip 5 \
        --patch_size 64 \
        --suffix precomputed \
        --cv_path {path}""")
    name = f"data/field_0_x{X}_y{Y}_z8175_MIP5_precomputed.h5"
    with h5py.File(name) as file:
        assert file["field"].shape == (5, 2, 2, 64, 64)
        assert file["offset"].dtype.kind == "i"
        assert (file["offset"][:] == [512, -320]).all()
        np.testing.assert_allclose(file["field"][:, :, 0], (320 - 300.5) / 32, atol=0.0101)
        np.testing.assert_allclose(file["field"][:, :, 1], 3.5 / 32, atol=0.0101)
    metroem(f"""download-image --dst_folder data --z_start 8175 --z_end 8180 \
        --x_offset {X} --y_offset {Y + 1024} --mip 5 --patch_size 32 --cv_path {image[0]} \
        --field_dset {name}""")
    found = read_set("data").read(2, 5)
    np.testing.assert_array_equal(found.src, image[1][5][16:48, 22:54, 3, 0])


def test_a_suffix_is_found_again(metroem, volumes):
    path = volumes["image"][0]
    metroem(f"download-image {BOX} --mips 5 --patch_sizes 16 --suffix raw --cv_path {path}")
    metroem(f"download-field {BOX} --src_mip 8 --dst_mip 5 --patch_size 16 "
            f"--cv_path {volumes['field'][0]}")  # fmt: skip
    found = read_set("dataset01")
    assert found.series[0].name == f"x{X}_y{Y}_z8175_raw"
    sample = found.read(0, 5, stage=0)
    assert sample.tgt_field.shape == sample.src_field.shape == (2, 16, 16)


def test_defects_are_0_from_the_value_on_at_the_mip_of_the_pictures(metroem, volumes):
    image, defects = volumes["image"][0], volumes["defects"][0]
    metroem(f"download-image {BOX} --mips 3 5 --patch_sizes 512 128 --cv_path {image} "
            f"--cv_path_defects {defects} --mask_val 1")  # fmt: skip
    for mip, columns in ((3, slice(256, 320)), (5, slice(64, 80))):
        picture = read_set("dataset01").read(0, mip).src
        assert not picture[columns].any()
        assert picture[: columns.start].all()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (f"{BOX} --mips 3 5 --patch_sizes 16", "one size for each of --mips: 1 for 2"),
        ("--z_start 5 --z_end 5 --mips 3 --patch_sizes 16", "--z_end must lie behind --z_start"),
        ("--x_offset 12 --z_start 5 --z_end 6 --mips 3 --patch_sizes 16", "a multiple of 8"),
        (f"{BOX} --mips 9 --patch_sizes 16 --x_offset 512 --y_offset 512", "there is no mip 9"),
    ],
)
def test_flags_of_pictures_that_cannot_be(metroem, volumes, flags, said):
    assert said in metroem(f"download-image {flags} --cv_path {volumes['image'][0]}", 1)
    assert not Path("dataset01").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--src_mip 5 --dst_mip 5", "--src_mip must be greater than --dst_mip"),
        ("--src_mip 8 --dst_mip 5 --x_offset 32", "--x_offset must be a multiple of 256"),
    ],
)
def test_flags_of_fields_that_cannot_be(metroem, volumes, flags, said):
    command = f"download-field {BOX} {flags} --patch_size 16 --cv_path {volumes['field'][0]}"
    assert said in metroem(command, 1)


def test_what_is_not_stored_is_0_and_told(metroem, volumes, caplog):
    metroem(f"download-image {BOX} --mips 4 --patch_sizes 16 --cv_path {volumes['image'][0]}")
    assert not read_set("dataset01").read(0, 4).src.any()
    assert "nothing is stored at" in caplog.text


# Fields: cloudvolume_to_h5.py, concat_fields.py, upsample_field.py; and combine_h5.py.


def test_a_volume_of_fields_becomes_a_file(metroem, volumes):
    path, field = volumes["field"]
    metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path f.h5 --mip 8")
    with h5py.File("f.h5") as file:
        assert (file["main"].shape, file["main"].chunks) == ((7, 2, 16, 16), (1, 2, 16, 16))
        assert (file["main"].compression, file["main"].scaleoffset) == ("lzf", 2)
        wanted = field[8].transpose(2, 3, 0, 1)
        np.testing.assert_allclose(file["main"][:], wanted, atol=0.0051)
    assert "exists already" in metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path f.h5", 1)


def test_pictures_of_a_volume_become_a_file(metroem, volumes):
    path, image = volumes["image"]
    metroem(f"cloudvolume-to-h5 --cv_path {path} --dst_path i.h5 --mip 5 --lossless")
    with h5py.File("i.h5") as file:
        np.testing.assert_array_equal(file["main"][3, 0], image[5][:, :, 3, 0])


def shard(path, value, count, size=8):
    Path(path).parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["main"] = np.full((count, 2, size, size), value, np.float32)


def test_shards_are_joined_in_the_order_of_their_numbers(metroem):
    for number, count in ((10, 2), (9, 3), (0, 1)):
        shard(f"shards/{number}_part.h5", number, count)
    shard("shards/other.h5", 99, 1)
    said = metroem("concat-fields --temp_dir shards --dst_path all.h5 --increment 2")
    assert "other.h5 is left out" in said
    with h5py.File("all.h5") as file:
        assert file["main"][:, 0, 0, 0].tolist() == [0, 9, 9, 9, 10, 10]
    assert "exists already" in metroem("concat-fields --temp_dir shards --dst_path all.h5", 1)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [("01_again.h5", 8, "have the same number"), ("2_large.h5", 9, "but 1_a.h5 (1, 2, 8, 8)")],
)
def test_shards_that_do_not_fit_are_refused(metroem, name, size, said):
    shard("shards/1_a.h5", 1, 1)
    shard(f"shards/{name}", 1, 1, size)
    assert said in metroem("concat-fields --temp_dir shards --dst_path all.h5", 1)
    assert not Path("all.h5").exists()


def test_a_finer_field_is_of_the_middle_and_its_vectors_are_longer(metroem):
    ramp = np.zeros((2, 2, 16, 16), np.float32)
    ramp[:, 0] = np.arange(16)[:, None]
    with h5py.File("coarse.h5", "w") as file:
        file["main"] = ramp
    metroem("upsample-field --src_path coarse.h5 --src_mip 6 --dst_mip 4 --dst_path fine.h5")
    with h5py.File("fine.h5") as file:
        assert file["main"].shape == (2, 2, 16, 16)
        wanted = 4 * ((np.arange(24, 40) + 0.5) / 4 - 0.5)
        np.testing.assert_allclose(file["main"][0, 0, :, 0], wanted, atol=0.0051)


def test_equal_mips_and_a_margin_of_nothing_keep_everything(metroem):
    shard("a/f.h5", 1.5, 2)
    metroem("upsample-field --src_path a/f.h5 --src_mip 4 --dst_mip 4 --dst_path same.h5")
    metroem("upsample-field --src_path a/f.h5 --src_mip 5 --dst_mip 4 --out_size 16 "
            "--dst_path all.h5")  # fmt: skip
    with h5py.File("same.h5") as same, h5py.File("all.h5") as everything:
        assert (same["main"][:] == 1.5).all()
        assert everything["main"].shape == (2, 2, 16, 16)
        np.testing.assert_allclose(everything["main"][:], 3)
    command = "upsample-field --src_path a/f.h5 --src_mip 5 --dst_mip 4 --dst_path b.h5 "
    assert "--out_size must be at most 16" in metroem(f"{command} --out_size 18", 1)


def test_files_are_combined_by_their_own_names(metroem):
    for name in ("a", "b"):
        Path(name).mkdir()
        with h5py.File(f"{name}/{name}_stack.h5", "w") as file:
            values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
            file.create_dataset("main", data=values, chunks=(1, 3, 4), compression="lzf")
    metroem("combine-h5 out.h5 a/a_stack.h5 b/b_stack.h5")
    with h5py.File("out.h5") as file:
        assert sorted(file) == ["a_stack", "b_stack"]
        copied = file["a_stack"]
        assert (copied.dtype, copied.chunks, copied.compression) == ("uint8", (1, 3, 4), "lzf")
        assert copied[:].ravel().tolist() == list(range(24))
    assert "two inputs are called" in metroem("combine-h5 c.h5 a/a_stack.h5 a/a_stack.h5", 1)


# Stacks: gen_stack.py.


def test_stacks_are_written_with_their_places_and_can_be_taken_again(metroem, volumes):
    path, image = volumes["image"]
    flags = f"--source {path} --mip 5 --stack_height 2 --dim 48 --zs 8174 --ze 8181"
    metroem(f"gen-stack first --count 3 {flags}")
    with h5py.File("first_train_mip5.h5") as file:
        stacks = file["main"]
        assert (stacks.shape, stacks.dtype) == ((3, 2, 48, 48), "uint8")
        assert (stacks.chunks, stacks.compression) == ((1, 1, 48, 48), "lzf")
        kept = stacks[:]
    places = eval(Path("first_train_mip5coords.txt").read_text())
    for (x, y, z, side, height), stack in zip(places, kept, strict=True):
        assert (side, height) == (48 * 32, 2)
        assert z + height <= 8180  # a fifth of seven sections is kept for tests
        left, top = (x - X) // 32, (y - Y) // 32
        wanted = image[5][left : left + 48, top : top + 48, z - Z : z - Z + 2, 0]
        np.testing.assert_array_equal(stack, wanted.transpose(2, 0, 1))
    metroem(f"gen-stack again --coords first_train_mip5coords.txt {flags}")
    with h5py.File("again_train_mip5.h5") as file:
        np.testing.assert_array_equal(file["main"][:], kept)


def test_sections_for_tests_are_others(metroem, volumes):
    path = volumes["image"][0]
    metroem(f"gen-stack s --count 4 --test --source {path} --stack_height 1 --dim 16 "
            "--zs 8174 --ze 8181")  # fmt: skip
    places = eval(Path("s_test_mip5coords.txt").read_text())
    assert {z for _, _, z, _, _ in places} == {8180}


def test_stacks_with_missing_chunks_are_never_stored_as_zeros(metroem, volumes):
    flags = f"--source {volumes['image'][0]} --mip 4 --stack_height 1 --dim 16 --zs 8174 --ze 8181"
    assert "nothing is whole at 20 places" in metroem(f"gen-stack s --count 1 {flags}", 1)
    assert not list(Path().glob("s_*"))
