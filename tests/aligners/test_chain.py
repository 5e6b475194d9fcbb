import attrs
import pytest
import torch

from metroem_aligners.chain import Chain
from metroem_aligners.optimise import Optimise
from metroem_core.batch import Prediction, pair
from metroem_core.kinds import Aligner
from metroem_core.spec import SpecError, build, dump
from metroem_core.testing import AlignerConformance
from metroem_registry import installed


@attrs.frozen
class Step:
    """Goes one pixel further along x than before.

    :param confidence: what it thinks of that, if anything.
    """

    confidence: float | None = None

    def build(self):
        def align(batch, report=None):
            picture = batch["src"].tensor
            start = torch.zeros_like(picture).repeat(1, 2, 1, 1)
            if "src_field" in batch:
                start = batch["src_field"].tensor
            if report is not None:
                report(1, 2, {"step": 1.0})
                report(2, 2, {"step": 2.0})
            field = start + torch.tensor([1.0, 0]).view(1, 2, 1, 1)
            if self.confidence is None:
                return Prediction(field)
            sure = torch.full_like(picture, self.confidence)
            return Prediction(field, sure, {0: (sure, sure)})

        return align


class TestChain(AlignerConformance):
    component = Chain((Optimise("lbfgs", iterations=5, levels=2), Optimise()))


def two_pictures():
    return pair(torch.rand(1, 1, 4, 5), torch.rand(1, 1, 4, 5))


def test_each_aligner_is_given_the_field_so_far():
    field = Chain((Step(), Step(), Step())).build()(two_pictures()).field
    assert (field[:, 0] == 3).all()
    assert (field[:, 1] == 0).all()


def test_the_last_that_has_a_confidence_or_features_is_heard():
    prediction = Chain((Step(0.25), Step(0.5), Step())).build()(two_pictures())
    assert (prediction.confidence == 0.5).all()
    assert (prediction.features[0][0] == 0.5).all()
    assert Chain((Step(),)).build()(two_pictures()).confidence is None


def test_progress_counts_every_aligner_as_equally_long():
    told = []
    Chain((Step(), Step())).build()(two_pictures(), lambda *report: told.append(report[:2]))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_list_in_a_spec_is_short_for_it():
    aligner = build(["optimise", {"type": "optimise", "tear": 4}], Aligner, installed())
    assert aligner == Chain((Optimise(), Optimise(tear=4.0)))
    assert build(dump(aligner, Aligner, installed()), Aligner, installed()) == aligner


def test_a_mistake_in_the_list_is_told_with_its_place():
    with pytest.raises(SpecError, match=r"spec\[1\]: no aligner is called 'optimize'"):
        build(["optimise", "optimize"], Aligner, installed())


def test_a_chain_of_nothing_is_refused():
    with pytest.raises(ValueError, match="aligners"):
        Chain(())
    with pytest.raises(SpecError):
        build([], Aligner, installed())
