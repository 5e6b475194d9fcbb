import pytest

from metroem_core.kinds import PairPlace, Pairs
from metroem_core.plugins import components
from metroem_core.spec import SpecError, build
from metroem_core.spec.dump import dump
from metroem_core.testing import PairsConformance
from metroem_pairs.listed import Listed

SRC, TGT = {"x": 1, "y": 2, "z": 3}, {"x": 1, "y": 2, "z": 2}
PLACE = PairPlace((1, 2, 3), (1, 2, 2))


class TestListed(PairsConformance):
    component = Listed(pairs=[{"src": SRC, "tgt": TGT}])


@pytest.mark.parametrize(
    "pair", [{"src": SRC, "tgt": TGT}, [SRC, TGT], [[1, 2, 3], [1, 2, 2]], PLACE]
)
def test_all_spellings_mean_the_same(pair):
    assert list(Listed(pairs=[pair]).places()) == [PLACE]


def test_spellings_may_be_mixed():
    assert list(Listed(pairs=[[SRC, TGT], {"src": SRC, "tgt": TGT}]).places()) == [PLACE, PLACE]


def test_it_can_be_written_and_built_again():
    registry, listed = components(), Listed(pairs=[[SRC, TGT]])
    assert build(dump(listed, Pairs, registry), Pairs, registry) == listed
    written = {"src": [1, 2, 3], "tgt": [1, 2, 2]}
    assert dump(PLACE, PairPlace, registry) == written
    assert build(written, PairPlace, registry) == PLACE


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ({"src": SRC}, r"'pairs\[1\]' must be {src, tgt}"),
        ([SRC], r"'pairs\[1\]' must be {src, tgt}"),
        ([SRC, {"x": 1, "y": 2}], r"'pairs\[1\]' tgt must be {x, y, z}"),
        ([SRC, {"x": 1.5, "y": 2, "z": 3}], r"'pairs\[1\]' tgt must be {x, y, z}, whole numbers"),
        ([SRC, {"x_start": 1, "y_start": 2, "z_start": 3}], "tgt gives the corner of a picture"),
    ],
)
def test_a_broken_pair_is_named(pair, said):
    with pytest.raises(ValueError, match=said):
        Listed(pairs=[[SRC, TGT], pair])


def test_no_pairs_are_refused():
    with pytest.raises(ValueError, match="pairs"):
        Listed(pairs=[])


def test_a_spec_says_where_the_broken_pair_is():
    with pytest.raises(SpecError, match=r"spec: 'pairs\[0\]' must be"):
        build({"type": "listed", "pairs": [7]}, Pairs, components())
