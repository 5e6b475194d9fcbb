import pytest

from metroem_core.testing import StepConformance
from metroem_pairs.box import InBox
from metroem_steps.curate import Curate
from metroem_volumes.synthetic import Synthetic


class TestCurate(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path):
        self.component = Curate(
            pairs=InBox(start=(0, 0, 1), stop=(128, 128, 4)),
            image=Synthetic(size=(128, 128, 4)),
            mips=(0, 1),
            size=(32, 32),
            to=str(tmp_path / "set"),
        )
