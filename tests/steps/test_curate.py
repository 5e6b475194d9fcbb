import json
import shutil

import attrs
import h5py
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Area
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_masks.threshold import Threshold
from metroem_normalizers.reference_zscore import ReferenceZScore
from metroem_pairs.listed import Listed
from metroem_steps.curate import Curate
from metroem_steps.curation.prior import Prior
from metroem_steps.curation.validation import Validation
from metroem_volumes.array import Array
from metroem_volumes.synthetic import Synthetic

WIDE, HIGH, DEEP = 96, 80, 6
ARRAYS = []


def grey(seed=0, low=1, high=255):
    """Voxels (Z, Y, X) of uint8 that are all data."""
    draw = np.random.default_rng(seed)
    return draw.integers(low, high, (DEEP, HIGH, WIDE), endpoint=True).astype(np.uint8)


def pairs(*middles):
    """Pairs of the sections at some places with the sections before them."""
    return Listed(pairs=[[[x, y, z], [x, y, z - 1]] for x, y, z in middles])


@attrs.frozen
class Held:
    """One of the arrays in memory, (C, Z, Y, X) or (Z, Y, X), as a volume of one mip.

    :param number: which array.
    :param mip: which mip it is.
    """

    number: int
    mip: int

    def open(self):
        opened = Array(ARRAYS[self.number]).open()
        scales = {self.mip: opened.info.scales[0]}
        return attrs.evolve(opened, info=attrs.evolve(opened.info, scales=scales))


def held(voxels, mip=0):
    ARRAYS.append(voxels)
    return Held(len(ARRAYS) - 1, mip)


@pytest.fixture
def curated(tmp_path):
    """A function that makes a set and answers what it holds."""

    def curated(**parameters):
        settings = {
            "pairs": pairs((48, 40, 3)),
            "image": held(grey()),
            "mips": (0,),
            "size": (16, 12),
            "values": "raw",
            "to": "set",
            **parameters,
        }
        settings["to"] = str(tmp_path / settings["to"])
        registry = components()
        registry.add("source", "held", Held)
        load({"steps": [Curate(**settings)]}, out=tmp_path / "run", registry=registry).run()
        return read_set(tmp_path / settings["to"])

    return curated


def fields(value, shape=(HIGH // 4, WIDE // 4)):
    """A volume of fields (2, Z, Y, X) without tags: y first, in MIP0 pixels, at mip 0."""
    y, x = value
    voxels = np.empty((2, DEEP, *shape), np.float32)
    voxels[0], voxels[1] = y, x
    return voxels


def test_a_picture_lies_around_its_point_with_x_before_y(curated):
    image = grey()
    sample = curated(image=held(image)).read(0, 0)
    np.testing.assert_array_equal(sample.src, image[3, 34:46, 40:56].T)
    np.testing.assert_array_equal(sample.tgt, image[2, 34:46, 40:56].T)


def test_points_can_be_corners(curated):
    image = grey()
    sample = curated(image=held(image), corners=True, pairs=pairs((8, 4, 3))).read(0, 0)
    np.testing.assert_array_equal(sample.src, image[3, 4:16, 8:24].T)


def test_several_mips_show_the_same_place_and_sections_have_no_mips(curated):
    image = Synthetic(size=(256, 256, 6), mips=3)
    found = curated(image=image, mips=(2, 0), pairs=pairs((128, 128, 4)), size=((16, 16), (64, 64)))
    assert found.mips == (0, 2)
    fine, coarse = found.read(0, 0).src, found.read(0, 2).src
    shrunk = fine.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - coarse).max() <= 1


def test_grey_values_of_the_unit_range_are_the_rule(curated):
    sample = curated(values="unit").read(0, 0)
    np.testing.assert_allclose(sample.src, grey()[3, 34:46, 40:56].T / 255, rtol=1e-6)


def test_an_image_of_another_mip_is_interpolated_in_one_step_without_a_filter(curated):
    image = Synthetic(size=(256, 256, 6), mips=3)
    found = curated(image=image, mips=(2,), image_mip=0, pairs=pairs((128, 128, 4)))
    fine = image.open().read(Box.of((96, 104, 4), (64, 48, 1)), 0)[0, 0].astype(float)
    middle = fine.reshape(12, 4, 16, 4)[:, 1:3, :, 1:3].mean(axis=(1, 3))
    np.testing.assert_allclose(found.read(0, 2).src, middle.T, rtol=1e-6)


def test_files_are_as_the_older_programs_write_them(curated):
    field = Prior(held(fields((0, 0), (HIGH, WIDE))), mip=0, area=Area(0, (16, 16)))
    found = curated(field=field, pairs=pairs((48, 40, 3), (40, 32, 4)))
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "field_0_x48_y40_z3_MIP0_test.h5",
        "set.json",
        "x48_y40_z3_MIP0.h5",
    ]
    with h5py.File(found.folder / "x48_y40_z3_MIP0.h5") as file:
        main = file["main"]
        assert (main.shape, main.dtype, main.chunks) == ((2, 2, 16, 12), "float32", (1, 1, 16, 12))
        assert (main.compression, main.scaleoffset) == ("lzf", None)
        assert file.attrs["shift"].shape == (2, 2, 2)
        assert json.loads(file.attrs["spec"])["type"] == "curate"
        assert file.attrs["version"].startswith("metroem-core ")
    with h5py.File(found.folder / "field_0_x48_y40_z3_MIP0_test.h5") as file:
        main = file["main"]
        assert (main.shape, main.dtype, main.chunks) == ((2, 2, 16, 12), "float32", (1, 2, 16, 12))
        assert (main.compression, main.scaleoffset) == ("lzf", 2)


def test_without_a_prior_field_there_is_no_file_of_fields(curated):
    assert not curated().series[0].fields


def test_a_file_of_zero_fields_can_be_wished_for(curated):
    found = curated(write_zero_field=True, tag="none", stage=2)
    assert not found.read(0, 0, stage=2, tag="none").src_field.any()


# Prior fields. Their first component moves along y.


def test_the_translation_moves_the_box_and_the_rest_is_kept(curated):
    image = grey()
    prior = Prior(held(fields((-5.5, 19.25), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    found = curated(image=held(image), field=prior, lossless=True)
    series = found.about["series"]["x48_y40_z3"]
    assert series["shifts"] == [[[19, -6], [19, -6]]]
    sample = found.read(0, 0, stage=0)
    np.testing.assert_array_equal(sample.src, image[3, 28:40, 59:75].T)
    np.testing.assert_allclose(sample.src_field[0], 0.5)  # component 0 along the last axis, y
    np.testing.assert_allclose(sample.src_field[1], 0.25)


def test_nothing_is_lost_by_moving_the_box(curated):
    """``image(p + t + f) = moved(p + f)``, with the image a plane and the field smooth."""
    y, x = np.mgrid[:HIGH, :WIDE].astype(np.float32)
    image = np.broadcast_to(1 + 2 * x + 3 * y, (DEEP, HIGH, WIDE)).copy()
    voxels = fields((-5, 11), (HIGH, WIDE)) + 0.02 * np.stack([x, -y])[:, None]
    prior = Prior(held(voxels), mip=0, area=Area(0, (32, 32)))
    sample = curated(image=held(image), field=prior).read(0, 0)
    dy, dx = voxels[0, 0], voxels[1, 0]
    warped = (1 + 2 * (x + dx) + 3 * (y + dy))[34:46, 40:56].T
    np.testing.assert_allclose(sample.tgt[2:-2, 2:-2], warped[2:-2, 2:-2], rtol=1e-4)


def test_the_source_is_not_warped_and_the_target_is(curated):
    image = grey()
    prior = Prior(held(fields((0.5, 0), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    sample = curated(image=held(image), field=prior).read(0, 0, stage=0)
    np.testing.assert_array_equal(sample.src, image[3, 34:46, 40:56].T)
    between = (image[2, 34:45, 40:56].astype(float) + image[2, 35:46, 40:56]) / 2
    np.testing.assert_allclose(sample.tgt[:, :11], between.T, rtol=1e-6)


@pytest.mark.parametrize(("mean", "shift"), [(-5, -8), (5, 0), (-0.5, -8), (8, 8), (-8, -8)])
def test_translations_are_rounded_down_to_pixels_of_the_reference(curated, mean, shift):
    image = Synthetic(size=(512, 512, 6), mips=4)
    prior = Prior(held(fields((mean, 0), (64, 64)), 3), mip=3, area=Area(3, (8, 8)))
    found = curated(image=image, field=prior, mips=(1,), pairs=pairs((256, 256, 4)))
    (((_, y), _),) = found.about["series"]["x256_y256_z4"]["shifts"]
    assert y == shift
    left = found.read(0, 1, stage=0).src_field[0]
    np.testing.assert_allclose(left, (mean - shift) / 2, atol=0.0051)


def test_fields_of_another_order_of_components_are_turned(curated):
    prior = Prior(held(fields((3, 8), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)), components="xy")
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[3, 8], [3, 8]]]


def test_fields_that_say_what_they_are_are_believed(curated):
    prior = Prior(
        Synthetic(size=(512, 512, 6), layer="field", jitter=9, offset=0), 2, Area(2, (64, 64))
    )
    image = Synthetic(size=(512, 512, 6), jitter=9)
    truth = prior.source.open().read(Box.of((64, 64, 3), (1, 1, 1)), 2)[:, 0, 0, 0] * 4
    found = curated(image=image, field=prior, mips=(2,), pairs=pairs((256, 256, 3)))
    shift = found.about["series"]["x256_y256_z3"]["shifts"][0][0]
    assert shift == (np.floor(truth / 4) * 4).tolist()


def test_a_vector_counts_only_with_both_components_and_becomes_0(curated):
    voxels = fields((4, 2), (HIGH, WIDE))
    voxels[1, :, :, :48] = np.nan
    voxels[0, :, :, :48] = 100
    prior = Prior(held(voxels), mip=0, area=Area(0, (16, 16)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[2, 4], [2, 4]]]
    assert not found.read(0, 0, stage=0).src_field.any()


def test_what_lies_outside_of_a_field_is_not_counted(curated):
    voxels = fields((4, 2), (HIGH, WIDE))
    prior = Prior(held(voxels), mip=0, area=Area(0, (200, 200)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[2, 4], [2, 4]]]


def test_a_field_without_any_valid_vector_moves_nothing(curated):
    prior = Prior(held(fields((np.nan, 1), (HIGH, WIDE))), mip=0, area=Area(0, (16, 16)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[0, 0], [0, 0]]]


def test_grey_values_do_not_bleed_into_no_data_when_a_picture_is_warped(curated):
    image = grey(low=200)
    image[:, :, 48:] = 0
    prior = Prior(held(fields((0, 0.75), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    clean = curated(image=held(image), field=prior).read(0, 0).tgt
    assert clean[clean != 0].min() >= 200
    settings = {"image": held(image), "field": prior, "to": "mixed"}
    mixed = curated(**settings, clean_edges=False).read(0, 0).tgt
    assert mixed[mixed != 0].min() < 100


# Masks and grey values.


def test_masked_pixels_are_exactly_0_after_normalisation(curated):
    mask = np.zeros((DEEP, HIGH, WIDE), np.uint8)
    mask[:, :, 50:] = 1
    found = curated(
        masks=(Threshold(held(mask), 0),), normalizer=ReferenceZScore(Area(0, (64, 64)))
    )
    sample = found.read(0, 0)
    assert not sample.src[10:].any()
    assert sample.src[:10].all()


def test_a_mask_is_interpolated_before_it_is_compared(curated):
    """Column 127 is 64 then, and column 128 is 191."""
    mask = np.zeros((DEEP, 128, 128), np.uint8)
    mask[..., 64:] = 255
    found = curated(
        image=Synthetic(size=(256, 256, 6), mips=3),
        masks=(Threshold(held(mask, 1), 100),),
        pairs=pairs((128, 128, 4)),
    )
    source = found.read(0, 0).src
    assert source[:8].all()
    assert not source[8:].any()


def test_masks_are_joined_after_each_was_compared_at_its_own_mip(curated):
    a, b = np.zeros((2, DEEP, HIGH, WIDE), np.uint8)
    a[..., 40:44], b[..., 50:52] = 9, 9
    found = curated(masks=(Threshold(held(a), 5), Threshold(held(b), 5)))
    empty = (found.read(0, 0).src == 0).all(axis=1)
    assert np.flatnonzero(empty).tolist() == [0, 1, 2, 3, 10, 11]


def test_mean_and_deviation_are_those_of_the_reference_without_masked_pixels_zeros_and_nan(curated):
    image = grey().astype(np.float32)
    image[3, 30, 30:40], image[3, 50, 50] = 0, np.nan
    mask = np.zeros(image.shape, np.uint8)
    mask[:, :, 60:70] = 1
    found = curated(
        image=held(image),
        masks=(Threshold(held(mask), 0),),
        normalizer=ReferenceZScore(Area(0, (40, 32))),
    )
    around = image[3, 24:56, 28:68].copy()
    around[:, 32:] = 0
    data = around[np.isfinite(around) & (around != 0)].astype(np.float64)
    wanted = (image[3, 34:46, 40:56] - data.mean()) / data.std(ddof=1)
    np.testing.assert_allclose(found.read(0, 0).src, wanted.T, rtol=1e-4, atol=1e-5)


def test_the_reference_is_around_the_moved_picture(curated):
    image = grey().astype(np.float32)
    image[:, :, 60:] += 1000
    prior = Prior(held(fields((0, 20), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    settings = {"image": held(image), "normalizer": ReferenceZScore(Area(0, (16, 12)))}
    sample = curated(**settings, field=prior).read(0, 0)
    assert abs(sample.src.mean()) < 0.01


def test_nan_becomes_0(curated):
    image = grey().astype(np.float32)
    image[3, 40, 48] = np.nan
    assert curated(image=held(image)).read(0, 0).src[8, 6] == 0


def test_an_even_reference_does_no_harm(curated):
    image = np.full((DEEP, HIGH, WIDE), 7, np.uint8)
    image[3, 40, 48] = 9
    sample = curated(image=held(image), normalizer=ReferenceZScore(Area(0, (2, 2)))).read(0, 0)
    assert np.isfinite(sample.src).all()


def test_a_reference_of_nan_makes_a_blank_picture_and_a_warning(curated, caplog):
    image = grey().astype(np.float32)
    reference = held(np.full(image.shape, np.nan, np.float32))
    found = curated(
        image=held(image), reference=reference, normalizer=ReferenceZScore(Area(0, (8, 8)))
    )
    assert not found.read(0, 0).src.any()
    assert "pair 0: source at mip 0: no pixel to compare with" in caplog.text
    assert (
        "no pixel to compare with"
        in found.about["series"]["x48_y40_z3"]["mips"]["0"]["notes"]["0"][0]
    )


def test_a_picture_partly_outside_is_0_there_and_told(curated, caplog):
    found = curated(pairs=pairs((0, 40, 3)))
    assert not found.read(0, 0).src[:8].any()
    assert found.read(0, 0).src[8:].all()
    assert "pair 0: image: nothing is stored at x -8..0, y 34..46, z 3..4 of mip 0" in caplog.text


# What a set remembers.


@pytest.mark.parametrize(
    ("validation", "split"),
    [
        (Validation(), ((0, 1, 2), (3, 4))),
        (Validation(pairs=(0, 2)), ((1, 3, 4), (0, 2))),
        (Validation(last=1), ((0, 1, 2, 3), (4,))),
    ],
)
def test_the_split_is_recorded(curated, validation, split):
    places = pairs(*((48, 40, z) for z in (1, 2, 3, 4, 5)))
    assert curated(pairs=places, validation=validation).split() == split


def test_no_section_of_the_validation_range_is_trained_with(curated):
    places = pairs(*((48, 40, z) for z in (1, 2, 3, 4, 5)))
    assert curated(pairs=places, validation=Validation(z=(2, 3))).split() == ((0, 3, 4), (1, 2))


def test_values_and_their_origin_are_recorded(curated):
    found = curated(normalizer=ReferenceZScore(Area(0, (8, 8))), record={"why": "a test"})
    about = found.about["series"]["x48_y40_z3"]["mips"]["0"]
    sample = found.read(0, 0)
    both = np.stack([sample.src, sample.tgt])
    assert about["value_range"] == [both.min(), both.max()]
    assert about["normalizer"]["type"] == "reference_zscore"
    assert about["made"]["record"] == {"why": "a test"}


def test_a_set_can_grow_by_mips(curated, tmp_path):
    image = Synthetic(size=(256, 256, 6), mips=3)
    for mip in (2, 0):
        found = curated(image=image, mips=(mip,), pairs=pairs((128, 128, 4)), add=True)
    assert found.mips == (0, 2)
    assert list(found.about["series"]["x128_y128_z4"]["mips"]) == ["0", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "set"]


# Mistakes, each in one line, with nothing written.


@pytest.fixture
def refused(curated, tmp_path):
    """A function that says why a set is not made."""

    def refused(**parameters):
        with pytest.raises(UserError) as caught:
            curated(**parameters)
        assert sorted(path.name for path in tmp_path.iterdir()) in (["run"], [])
        said = str(caught.value)
        assert "\n" not in said
        return said

    return refused


def test_a_box_outside_of_the_volume(refused):
    said = refused(pairs=pairs((48, 40, 3), (400, 40, 3)))
    assert "pair 1: its source at (400, 40, 3) lies outside of the image" in said
    assert "the target" not in refused(pairs=pairs((48, 40, 0)))
    assert "pair 0: its target at (48, 40, -1) lies outside" in refused(pairs=pairs((48, 40, 0)))


def test_mips_that_do_not_exist(refused):
    assert "'image': there is no mip 3; the volume has mip 0" in refused(mips=(3,))


def test_a_mask_of_another_size(refused):
    mask = Threshold(held(np.zeros((DEEP, HIGH // 2, WIDE // 2), np.uint8)), 0)
    assert "'masks[0]' is of another size than the image" in refused(masks=(mask,))


def test_a_field_finer_than_the_pictures(refused):
    image = Synthetic(size=(256, 256, 6), mips=3)
    prior = Prior(held(fields((0, 0))), mip=0, area=Area(0, (8, 8)))
    said = refused(image=image, mips=(1,), field=prior, pairs=pairs((128, 128, 4)))
    assert "'field.mip' must be at least that of the pictures, 1: 0" in said


def test_a_field_of_one_channel(refused):
    prior = Prior(held(grey()), mip=0, area=Area(0, (8, 8)))
    assert "'field' must have 2 channels" in refused(field=prior)


def test_pictures_of_two_channels(refused):
    assert "'image' must have one channel, not 2" in refused(image=held(fields((1, 1))))


def test_a_destination_that_holds_something_else(curated, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/precious").write_text("x")
    with pytest.raises(UserError, match="exists already"):
        curated()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["precious"]


def test_a_file_that_a_growing_set_has_already(curated):
    curated(add=True)
    with pytest.raises(UserError, match=r"x48_y40_z3_MIP0.h5 exists already"):
        curated(add=True, size=(8, 8))


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(refused, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    assert "the disk has only 1e-07 GB left" in refused()


def test_all_pairs_for_validation(curated):
    with pytest.raises(UserError, match="none is left to train with"):
        curated(validation=Validation(pairs=(0,)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mips": ()}, "mips"),
        ({"mips": (1, 1)}, "'mips' must differ"),
        ({"size": (0, 4)}, "'size' must be > 0"),
        ({"size": (5, 4)}, "even at mip 0"),
        ({"size": ((4, 4), (4, 4))}, "one for each of 1 mips"),
    ],
)
def test_parameters_that_cannot_be(wrong, said):
    settings = {"pairs": pairs((1, 1, 1)), "image": held(grey()), "mips": (0,), "size": (4, 4)}
    with pytest.raises(ValueError, match=said):
        Curate(**{**settings, **wrong})


@pytest.mark.parametrize("wrong", [{"pairs": (1,), "last": 2}, {"z": (3, 3)}])
def test_splits_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="'z'"):
        Validation(**wrong)
