import pytest

from metroem_core.testing import CommandConformance
from metroem_registry import installed

COMMANDS = [e for e in installed().entries("command") if e.dist == "metroem-core"]


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
class TestEveryCommand(CommandConformance):
    @pytest.fixture(autouse=True)
    def name(self, entry):
        self.component = entry.target
