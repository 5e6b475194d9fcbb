from pathlib import Path

import pytest

from metroem_networks.scalenet import ScaleNet


@pytest.fixture
def small():
    """The JSON of a small network with the shape of published ones: three levels with features,
    and residuals of up to three pixels at the finest and the coarsest.
    """
    return ScaleNet(str(Path(__file__).with_name("small.json"))).portable().spec
