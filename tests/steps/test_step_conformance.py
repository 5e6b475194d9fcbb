import pytest

from metroem_aligners.optimise import Optimise
from metroem_core.testing import StepConformance
from metroem_metrics.ncc import Correlation
from metroem_steps.align_pair import AlignPair
from metroem_volumes.synthetic import Synthetic


class TestAlignPair(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path):
        self.component = AlignPair(
            image=Synthetic(size=(64, 64, 4)),
            z=2,
            size=(64, 64),
            aligner=Optimise(),
            metrics=(Correlation(),),
            to=str(tmp_path / "pair"),
        )
