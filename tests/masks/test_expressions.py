import numpy as np
import pytest

from metroem_core.geometry import Box
from metroem_core.kinds import Mask
from metroem_core.plugins import components
from metroem_core.spec import build
from metroem_core.testing import MaskConformance
from metroem_masks.expressions import AllOf, AnyOf, Not
from metroem_masks.grown import Grown
from metroem_masks.rings import Rings
from metroem_masks.ternary import Ternary
from metroem_masks.threshold import Threshold

Array = components().get("source", "array")
GREY = np.random.default_rng(0).integers(0, 256, (2, 40, 48), dtype=np.uint8)
FEW, MANY = Threshold(Array(GREY), 253), Threshold(Array(GREY), 100)
ELSEWHERE = Threshold(Array(GREY, offset=(30, 20, 0)), 100)


class TestAny(MaskConformance):
    component = AnyOf((FEW, ELSEWHERE))


class TestAll(MaskConformance):
    component = AllOf((MANY, ELSEWHERE))


class TestNot(MaskConformance):
    component = Not(MANY)


class TestGrown(MaskConformance):
    component = Grown(FEW, 5)


class TestShrunk(MaskConformance):
    component = Grown(Not(FEW), -3, mip=1)


class TestTernary(MaskConformance):
    component = Ternary(FEW, 6)


class TestRings(MaskConformance):
    component = Rings(FEW, ((2, 0.1), (9, 0.5)), mip=0)


def drawn(*rows):
    """A mask of the characters that are not a dot."""
    return Threshold(Array([[int(each != ".") for each in row] for row in rows]), 0)


def whole(mask, mip=0):
    volume = mask.open()
    return volume.read(volume.info.scales[mip].box, mip)[0, 0]


def test_any_all_and_not():
    a, b = drawn("##.."), drawn("#.#.")
    assert whole(AnyOf((a, b))).tolist() == [[True, True, True, False]]
    assert whole(AllOf((a, b))).tolist() == [[True, False, False, False]]
    assert whole(Not(a)).tolist() == [[False, False, True, True]]
    assert (whole(Not(AnyOf((a, b)))) == whole(AllOf((Not(a), Not(b))))).all()


def test_a_mask_covers_all_that_its_parts_cover():
    volume = AnyOf((FEW, ELSEWHERE)).open()
    assert volume.info.scales[0].box == Box((0, 0, 0), (78, 60, 2))
    found = volume.read(Box((60, 50, 0), (70, 55, 1)), 0)
    np.testing.assert_array_equal(found[0], GREY[:1, 30:35, 30:40] > 100)


def test_grown_by_two_pixels_and_back():
    point = drawn(".......", ".......", ".......", "...#...", ".......", ".......", ".......")
    grown = whole(Grown(point, 2))
    assert grown.sum() == 25
    assert grown[1:6, 1:6].all()
    assert (whole(Grown(Grown(point, 2), -2)) == whole(point)).all()


def test_edges_of_the_volume_do_not_eat():
    everything = drawn("###", "###")
    assert whole(Grown(everything, -1)).all()


def test_pixels_of_a_mip_are_as_long_at_all_mips():
    square = np.zeros((1, 64, 64))
    square[:, 28:36, 28:36] = 1
    mask = Grown(Threshold(Array(square), 0.5), 8, mip=0)
    assert [whole(mask, mip).sum() for mip in (0, 1, 2)] == [24**2, 12**2, 6**2]
    assert whole(Grown(Threshold(Array(square), 0.5), 8), 1).sum() == 20**2


def test_a_defect_is_2_and_its_neighbourhood_1():
    found = whole(Ternary(drawn(".....#...."), 2))
    assert found.tolist() == [[0, 0, 0, 1, 1, 2, 1, 1, 0, 0]]


def test_weights_rise_from_ring_to_ring():
    found = whole(Rings(drawn("#........."), ((2, 0.25), (5, 0.5)), inside=0.125))
    assert found.tolist() == [[0.125, 0.25, 0.25, 0.5, 0.5, 0.5, 1, 1, 1, 1]]


def test_labels_count_as_set_where_they_are_not_0():
    assert whole(AnyOf((Ternary(drawn("#...."), 1),))).tolist() == [[True, True, *[False] * 3]]


def test_a_spec_nests_them():
    threshold = {"type": "threshold", "source": {"type": "array", "data": [[0, 9]]}, "value": 3}
    spec = {"type": "any", "masks": [{"type": "not", "mask": threshold}, threshold]}
    assert whole(build(spec, Mask, components())).all()


@pytest.mark.parametrize("rings", [((0, 0.5),), ((5, 0.5), (5, 1)), ((2, -1),)])
def test_rings_that_do_not_grow_are_refused(rings):
    with pytest.raises(ValueError, match="'rings' must be pairs"):
        Rings(FEW, rings)


@pytest.mark.parametrize("kind", [AnyOf, AllOf])
def test_no_masks_are_refused(kind):
    with pytest.raises(ValueError, match="'masks'"):
        kind(())
