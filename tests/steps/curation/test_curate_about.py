"""What a set remembers."""

import numpy as np
import pytest
from volumes_in_memory import pairs

from metroem_core.kinds import Area
from metroem_normalizers.reference_zscore import ReferenceZScore
from metroem_steps.curation.validation import Validation
from metroem_volumes.synthetic import Synthetic


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
