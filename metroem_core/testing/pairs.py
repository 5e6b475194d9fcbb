"""What holds for every kind of pairs."""

from __future__ import annotations

import pickle

from metroem_core.kinds import PairPlace

from .component import Conformance


class PairsConformance(Conformance):
    """Laws of places. They are told twice, and the first ones again by a copy."""

    def test_they_are_places_in_whole_voxels(self) -> None:
        places = list(self.component.places())
        assert places, "there is no pair"
        for place in places:
            assert isinstance(place, PairPlace)
            assert [type(n) for n in (*place.src, *place.tgt)] == [int] * 6
            assert place.src != place.tgt

    def test_they_always_come_in_the_same_order(self) -> None:
        again = pickle.loads(pickle.dumps(self.component))
        assert list(again.places()) == list(self.component.places())

    def test_it_tells_the_truth_about_how_many_there_are(self) -> None:
        if hasattr(self.component, "__len__"):
            assert len(self.component) == len(list(self.component.places()))
