"""A run that listeners are told of."""

import pytest


class Run:
    """A run of one step, `train`."""

    def __init__(self, folder):
        self.folder, self.step = folder, object()
        self.decisions = [Decision(self.step)]


class Decision:
    index, name = 0, "train"

    def __init__(self, step):
        self.step = step


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)
