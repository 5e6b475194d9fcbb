"""Labels that are kept beside the pictures of a set."""

import h5py
import numpy as np
import pytest
from volumes_in_memory import HIGH, WIDE, fields, grey, held, pairs

from metroem_core.errors import UserError
from metroem_core.kinds import Area
from metroem_masks.threshold import Threshold
from metroem_steps.curate import Curate
from metroem_steps.curation.checks import check_labels
from metroem_steps.curation.pictures import Volumes
from metroem_steps.curation.prior import Prior
from metroem_volumes.array import Array


def bright(least=200, image=None):
    """A mask of what is bright in an image."""
    return Threshold(held(grey() if image is None else image), value=least, mip=0)


def test_labels_lie_where_the_pictures_lie(curated):
    found = curated(labels={"bright": bright()})
    assert found.labels(0) == ("bright",)
    sample = found.read(0, 0, labels=("bright",))
    both = sample.labels["bright"]
    assert both.dtype == np.uint8
    np.testing.assert_array_equal(both, np.stack([sample.src, sample.tgt]) > 200)


def test_they_are_files_of_their_own_and_no_pairs(make, curated):
    folder = make(labels={"bright": bright(), "dark": bright(9)}, suffix="raw")
    names = sorted(path.name for path in folder.glob("*.h5"))
    assert names == [
        "labels_bright_x48_y40_z3_MIP0_raw.h5",
        "labels_dark_x48_y40_z3_MIP0_raw.h5",
        "x48_y40_z3_MIP0_raw.h5",
    ]
    with h5py.File(folder / names[0]) as file:
        assert (file["main"].dtype, file["main"].shape) == (np.uint8, (1, 2, 16, 12))


def test_what_is_masked_in_a_picture_keeps_its_labels(curated):
    sample = curated(masks=(bright(),), labels={"bright": bright()}).read(0, 0, labels=("bright",))
    assert (sample.src[sample.labels["bright"][0] == 1] == 0).all()
    assert sample.labels["bright"][0].any()


def test_they_move_with_pictures_that_a_field_moves(curated):
    """The image is moved 4 pixels along x, and its target warped by what is left."""
    image = np.repeat(np.arange(1, WIDE + 1, dtype=np.uint8)[None], HIGH, axis=0)
    image = np.broadcast_to(image, (6, HIGH, WIDE)).copy()
    field = Prior(held(fields((0, 6), (HIGH, WIDE))), mip=0, area=Area(0, (16, 16)))
    found = curated(
        image=held(image), labels={"right": bright(50, image)}, field=field,
    )  # fmt: skip
    sample = found.read(0, 0, labels=("right",))
    right = sample.labels["right"]
    np.testing.assert_array_equal(right[0], sample.src > 50)
    np.testing.assert_array_equal(right[1], sample.tgt > 50)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": {"a-b": bright()}}, "called by letters, digits and _"),
        ({"labels": {"field": bright()}}, "not field or input: 'field'"),
        ({"labels": {"a": bright()}, "images": object()}, "none with 'images'"),
    ],
)
def test_what_cannot_be_kept_is_told(changes, says):
    settings = {"pairs": pairs((48, 40, 3)), "image": held(grey()), "mips": (0,), "size": (16, 12)}
    with pytest.raises(ValueError, match=says):
        Curate(**settings, **changes)


def test_weights_are_no_labels():
    weights = Array(np.zeros((6, HIGH, WIDE), np.float32)).open()
    volumes = Volumes(weights, weights, (), {"far": weights}, None)
    with pytest.raises(UserError, match=r"'labels.far' holds float32; labels are uint8, or bool"):
        check_labels(volumes)
