"""Making sets of volumes in memory."""

import sys
from pathlib import Path

import pytest

from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_steps.curate import Curate

sys.path.insert(0, str(Path(__file__).parent))

from volumes_in_memory import Held, grey, held, pairs


@pytest.fixture
def make(tmp_path):
    """A function that makes a set and answers its folder."""

    def make(**parameters):
        settings = {
            "pairs": pairs((48, 40, 3)),
            "image": held(grey()),
            "mips": (0,),
            "size": (16, 12),
            "values": "raw",
            "to": "set",
            **parameters,
        }
        settings["to"] = str(tmp_path / settings["to"])
        registry = components()
        registry.add("source", "held", Held)
        load({"steps": [Curate(**settings)]}, out=tmp_path / "run", registry=registry).run()
        return tmp_path / settings["to"]

    return make


@pytest.fixture
def curated(make):
    """A function that makes a set and answers what it holds."""
    return lambda **parameters: read_set(make(**parameters))


@pytest.fixture
def refused(curated, tmp_path):
    """A function that says why a set is not made."""

    def refused(**parameters):
        with pytest.raises(UserError) as caught:
            curated(**parameters)
        assert sorted(path.name for path in tmp_path.iterdir()) in (["run"], [])
        said = str(caught.value)
        assert "\n" not in said
        return said

    return refused
