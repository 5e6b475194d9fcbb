from functools import cache
from itertools import pairwise

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as parts

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.testing import SourceConformance
from metroem_volumes.synthetic import Synthetic
from metroem_volumes.tissue.volume import LAYERS

SMALL = Synthetic(
    size=(700, 600, 6),
    mips=4,
    deformation=6,
    jitter=3,
    brightness=10,
    contrast=0.2,
    folds=1.5,
    cracks=1.5,
    missing_areas=2,
    missing_sections=(3,),
)
STILL = Synthetic(seed=4)


@cache
def read(synthetic, start, size, mip=0):
    """The voxels (C, Z, Y, X) of a box."""
    voxels = synthetic.open().read(Box.of(start, size), mip)
    voxels.flags.writeable = False
    return voxels


def layer(name, of=SMALL, **changes):
    return attrs.evolve(of, layer=name, **changes)


class TestImage(SourceConformance):
    component = attrs.evolve(SMALL, size=(60, 50, 3), mips=2, missing_sections=(1,))


class TestLabels(SourceConformance):
    component = layer("labels", TestImage.component)


class TestMask(SourceConformance):
    component = layer("crack", TestImage.component)


class TestField(SourceConformance):
    component = layer("field", TestImage.component)
    outside = np.nan


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_overlapping_boxes_agree(name, data):
    volume = layer(name).open()
    mip = data.draw(st.sampled_from([0, 0, 1, 3]))
    whole = volume.info.scales[mip].box

    def box_over(x, y, z):
        sizes = [data.draw(st.integers(1, 120)) for _ in range(2)]
        start = (max(0, x - sizes[0] // 2), max(0, y - sizes[1] // 2), max(0, z - 1))
        return Box.of(start, (*sizes, data.draw(st.integers(2, 3))))

    centre = [data.draw(st.integers(0, n - 1)) for n in whole.size]
    a, b = box_over(*centre), box_over(*centre)
    shared = a.overlap(b)
    in_a, in_b = (volume.read(box, mip)[(slice(None), *shared.slices(box))] for box in (a, b))
    np.testing.assert_array_equal(in_a, in_b)


@pytest.mark.parametrize("name", LAYERS)
def test_pieces_across_tiles_equal_the_whole(name):
    start, size = (190, 240, 2), (130, 60, 2)
    whole = read(layer(name), start, size)
    left = read(layer(name), start, (77, 60, 2))
    right = read(layer(name), (267, 240, 2), (53, 60, 2))
    np.testing.assert_array_equal(np.concatenate([left, right], axis=-1), whole)


def test_another_seed_is_another_tissue():
    one, other = (read(attrs.evolve(STILL, seed=seed), (0, 0, 0), (256, 256, 1)) for seed in (1, 2))
    assert abs(correlation(one, other)) < 0.2


def test_the_voxels_are_the_same_on_every_machine():
    box = (254, 300, 1), (4, 3, 1)
    image, labels = read(SMALL, *box)[0, 0], read(layer("labels"), *box)
    assert image.tolist() == [[170, 170, 175, 181], [151, 154, 165, 178], [164, 167, 169, 174]]
    assert np.unique(labels).tolist() == [2149613633]
    field = read(layer("field", offset=1), *box)[:, 0, 0, 0]
    assert field.tolist() == [32.781524658203125, -10.122993469238281]


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


@pytest.fixture(scope="module")
def still():
    """Sections (Z, Y, X) of tissue that is neither deformed nor damaged."""
    return read(STILL, (1000, 1000, 10), (384, 384, 4))[0]


def test_neighbouring_sections_are_alike_and_distant_ones_less(still):
    alike = [correlation(still[0], section) for section in still[1:]]
    assert 0.5 < alike[0] < 0.75
    assert all(near > far for near, far in pairwise(alike))


def test_tissue_is_never_black_and_looks_like_tissue(still):
    assert still.min() >= 1
    assert 120 < still.mean() < 160
    assert 40 < still.std() < 60


def test_membranes_are_dark_where_there_is_no_label(still):
    labels = read(layer("labels", STILL), (1000, 1000, 10), (384, 384, 1))[0, 0]
    assert 0.1 < np.mean(labels == 0) < 0.3
    assert still[0][labels == 0].mean() < still[0][labels > 0].mean() - 60


def test_a_cell_keeps_its_label_from_section_to_section():
    labels = read(layer("labels", STILL), (0, 0, 0), (512, 512, 2))[0]
    both = (labels > 0).all(axis=0)
    assert np.mean(labels[0][both] == labels[1][both]) > 0.9


def test_a_label_is_mostly_one_piece():
    labels = read(layer("labels", STILL), (0, 0, 0), (512, 512, 2))[0, 0]
    pieces = [parts(labels == each)[1] for each in np.unique(labels[labels > 0])]
    assert np.mean(np.array(pieces) == 1) > 0.75


DAMAGED = (0, 0, 1), (512, 512, 3)  # sections 1 and 2, which are damaged, and 3, which is missing


def test_image_is_zero_exactly_where_there_is_a_crack_or_something_is_missing():
    image, crack, missing, fold = (
        read(layer(name), *DAMAGED) for name in ("image", "crack", "missing", "fold")
    )
    np.testing.assert_array_equal(image == 0, (crack | missing) == 1)
    assert missing[0, 2].all()
    for mask in (crack[0, :2], missing[0, :2], fold[0, :2]):
        assert 0.001 < mask.mean() < 0.2


def test_folds_are_darker_than_the_tissue_beside_them():
    image, fold = (read(layer(name), *DAMAGED) for name in ("image", "fold"))
    seen = image > 0
    assert image[seen & (fold == 1)].mean() < 0.6 * image[seen & (fold == 0)].mean()


def test_cracks_have_no_label_but_what_is_missing_has():
    labels, crack = (read(layer(name), *DAMAGED) for name in ("labels", "crack"))
    assert not labels[crack == 1].any()
    assert labels[0, 2].any()


def squares(array, side):
    """(C, Z, Y, X) as (C, Z, Y / side, X / side, side²)."""
    c, z, y, x = array.shape
    split = array.reshape(c, z, y // side, side, x // side, side).swapaxes(3, 4)
    return split.reshape(c, z, y // side, x // side, side**2)


def fine(name):
    """A layer at MIP0, one section of it."""
    return read(layer(name), *DAMAGED)[:, :1]


@pytest.mark.parametrize("mip", [1, 3])
def test_a_pixel_of_a_mip_is_the_mean_of_the_pixels_that_have_data(mip):
    pixels = squares(fine("image"), 2**mip).astype(float)
    count = (pixels > 0).sum(-1)
    mean = np.where(2 * count >= 4**mip, pixels.sum(-1) / np.maximum(count, 1), 0)
    found = read(SMALL, (0, 0, 1), (512 >> mip, 512 >> mip, 1), mip)
    np.testing.assert_allclose(found, mean, atol=0.5)
    assert (found == 0).any()


def test_masks_of_a_mip_hold_any_pixel_and_labels_the_middle_one():
    quarter = (0, 0, 1), (128, 128, 1), 2
    crack = squares(fine("crack"), 4).any(-1)
    np.testing.assert_array_equal(read(layer("crack"), *quarter), crack)
    labels = fine("labels")[..., 2::4, 2::4]
    np.testing.assert_array_equal(read(layer("labels"), *quarter), labels)


def test_mips_halve_x_and_y_and_leave_z():
    scales = Synthetic(size=(1000, 600, 9), voxel_size=(4, 5, 40)).open().info.scales
    assert sorted(scales) == [0, 1, 2, 3, 4]
    assert scales[4].box == Box((0, 0, 0), (62, 37, 9))
    assert scales[4].voxel_size == (64, 80, 40)


def test_a_volume_may_be_large():
    far = Synthetic(size=(1_000_000, 1_000_000, 5000), deformation=4)
    image = read(far, (987_650, 912_340, 4567), (200, 200, 2))[0]
    assert image.std() > 35
    assert correlation(*image) > 0.4
    field = read(layer("field", far, offset=-1), (987_650, 912_340, 4567), (8, 8, 1))
    assert np.isfinite(field).all()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"size": (4096, 0, 64)}, "'size' must be >= 1: 0"),
        ({"size": (4096, 4096)}, "Length of 'size' must be >= 3: 2"),
        ({"size": (2**21, 4096, 64)}, "'size' must be <= 1048576: 2097152"),
        ({"size": (4096, 15, 64)}, "'size' must be >= 16 along x, y for 5 mips"),
        ({"layer": "depth"}, "'layer' must be in"),
        ({"offset": -1}, "'offset' belongs to layer 'field', not to 'image'"),
        ({"mips": 0}, "'mips' must be >= 1: 0"),
        ({"mips": 10}, "'mips' must be <= 9: 10"),
        ({"voxel_size": (4, 4, 0)}, "'voxel_size' must be > 0: 0"),
        ({"deformation": -1}, "'deformation' must be >= 0: -1"),
        ({"deformation": 33}, "'deformation' must be <= 32, an eighth of 'deformation_scale': 33"),
        ({"deformation_scale": 0}, "'deformation_scale' must be > 0: 0"),
        ({"jitter": float("nan")}, "'jitter' must be >= 0: nan"),
        ({"noise": -1}, "'noise' must be >= 0: -1"),
        ({"brightness": 200}, "'brightness' must be <= 128: 200"),
        ({"contrast": 1}, "'contrast' must be < 1: 1"),
        ({"folds": -1}, "'folds' must be >= 0: -1"),
        ({"cracks": 101}, "'cracks' must be <= 100: 101"),
        ({"missing_areas": -1}, "'missing_areas' must be >= 0: -1"),
        ({"missing_sections": (3, 64)}, "'missing_sections' must be from 0 to 63: 64"),
    ],
)
def test_a_mistake_is_refused(mistake, message):
    with pytest.raises(ValueError, match=message):
        Synthetic(**mistake)


def test_a_mip_that_is_not_there_is_told_to_the_user():
    with pytest.raises(UserError, match="there is no mip 7; the volume has mip 0, 1, 2, 3"):
        read(SMALL, (0, 0, 0), (1, 1, 1), mip=7)
