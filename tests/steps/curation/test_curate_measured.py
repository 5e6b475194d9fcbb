"""What `measure` says of sets that were made with the fields of an earlier aligner."""

import json

import numpy as np
import pytest
from volumes_in_memory import DEEP, HIGH, WIDE, Held, held

from metroem_core.kinds import Area
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_metrics.epe import EndPointError
from metroem_steps.curation.prior import Prior
from metroem_steps.measure import Measure

SOURCE, TARGET = (0.03, (-4.0, 6.5)), (-0.1, (2.25, -7.75))  # slopes, and vectors in the middle
MIDDLE = (48, 40)


def aligned():
    """The fields that take sections 3 and 2 to where they show the same, (2, Z, Y, X), y first."""
    voxels = np.zeros((2, DEEP, HIGH, WIDE), np.float32)
    for z, (slope, vector) in ((3, SOURCE), (2, TARGET)):
        for axis, (p, middle, t) in enumerate(zip(places(), MIDDLE, vector, strict=True)):
            voxels[1 - axis, z] = slope * (p - middle) + t
    return voxels


def between():
    """From each place w of section 2 to where section 3 shows the same, x first; p is aligned."""
    voxels = np.full((2, DEEP, HIGH, WIDE), np.nan, np.float32)
    (grows, source), (shrinks, target) = SOURCE, TARGET
    for axis, (w, middle, s, t) in enumerate(zip(places(), MIDDLE, source, target, strict=True)):
        p = middle + (w - middle - t) / (1 + shrinks)
        voxels[axis, 3] = p + grows * (p - middle) + s - w
    return voxels


def places():
    """The places along x and along y of all voxels of a section."""
    y, x = np.mgrid[:HIGH, :WIDE]
    return x, y


@pytest.fixture
def errors(make, tmp_path):
    """A function that makes a set with perfect fields and says how far they are from the truth."""

    def errors(**parameters):
        prior = Prior(held(aligned()), mip=0, area=Area(0, (8, 8)))
        data = make(field=prior, lossless=True, **parameters)
        registry = components()
        registry.add("source", "held", Held)
        step = Measure(
            str(data),
            mip=0,
            stage=0,
            metrics=(EndPointError(),),
            pairs="all",
            truth=held(between()),
            to=str(tmp_path / "quality"),
        )
        load({"steps": [step]}, out=tmp_path / "measured", registry=registry).run()
        return json.loads((tmp_path / "quality/numbers.json").read_text())

    return errors


def test_what_is_left_of_perfect_fields_is_the_truth(errors):
    found = errors()
    assert found["after"]["epe_p95"] == pytest.approx(0, abs=1e-3)
    assert found["before"]["epe_median"] > 1


def test_nothing_is_left_between_pictures_that_were_both_warped_by_them(errors):
    """But at the edges, where a field goes on as it ends."""
    assert errors(warp_source=True)["before"]["epe_median"] == pytest.approx(0, abs=1e-3)
