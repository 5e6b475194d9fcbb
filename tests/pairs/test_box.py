import pytest

from metroem_core.testing import PairsConformance
from metroem_pairs.box import InBox


class TestInBox(PairsConformance):
    component = InBox(start=(0, 0, 5), stop=(100, 80, 9), every=(50, 40), targets=(-1, 2))


def test_every_section_is_paired_with_the_one_before():
    places = list(InBox(start=(0, 0, 5), stop=(64, 32, 8)).places())
    assert [(place.src, place.tgt[2]) for place in places] == [
        ((32, 16, 5), 4),
        ((32, 16, 6), 5),
        ((32, 16, 7), 6),
    ]


def test_pictures_as_wide_as_their_distance_fill_the_box():
    places = list(InBox(start=(10, 0, 1), stop=(70, 45, 2), every=(20, 15)).places())
    assert sorted({place.src[0] for place in places}) == [20, 40, 60]
    assert sorted({place.src[1] for place in places}) == [7, 22, 37]


def test_a_narrow_strip_is_left_out():
    places = list(InBox(start=(0, 0, 1), stop=(59, 20, 2), every=(20, 20)).places())
    assert [place.src[0] for place in places] == [10, 30]


def test_pairs_can_be_exchanged_and_rounded():
    box = InBox(start=(0, 0, 3), stop=(70, 70, 4), targets=(2,), permute=True, max_mip=5)
    assert [(p.src, p.tgt) for p in box.places()] == [
        ((32, 32, 3), (32, 32, 5)),
        ((32, 32, 5), (32, 32, 3)),
    ]


def test_an_empty_box_is_refused():
    with pytest.raises(ValueError, match=r"'stop' must lie behind 'start' \(0, 0, 5\)"):
        InBox(start=(0, 0, 5), stop=(10, 10, 5))


def test_steps_larger_than_the_box_are_refused():
    with pytest.raises(ValueError, match="'every' must be no larger than the box"):
        InBox(start=(0, 0, 0), stop=(10, 10, 1), every=(20, 5))
