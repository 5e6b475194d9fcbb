import numpy as np
import pytest

from metroem_core.geometry import Box
from metroem_volumes.synthetic import Synthetic
from metroem_volumes.tissue import cells as cells_module
from metroem_volumes.tissue.cells import Cells, bent, into_blocks, nearest, out_of_blocks
from metroem_volumes.tissue.chance import signed
from metroem_volumes.tissue.noise import Points
from metroem_volumes.tissue.seeds import RANGE, Seeds


def grid(width, height, origin=(5000, 7000)):
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return Points(x, y, origin)


def two_seeds(weight=0.0, labels=(1, 2)):
    """Seeds at (10, 20) and (50, 20); the weight is that of the second."""
    x, y, weight = np.float32([10, 50]), np.float32([20, 20]), np.float32([0, weight])
    return Seeds(x, y, weight, np.uint32(labels), np.array([False, False]), x, y)


def nearest_at(x, y, seeds):
    index, depth = nearest(np.float32([[x]]), np.float32([[y]]), seeds)
    return index.item(), depth.item()


def test_seeds_never_move():
    here, later = (Seeds.around(grid(50, 50), z, seed=3) for z in (2, 30))
    np.testing.assert_array_equal(here.x, later.x)
    np.testing.assert_array_equal(here.y, later.y)
    np.testing.assert_array_equal(here.label, later.label)
    assert np.abs(here.weight - later.weight).mean() > 100


def test_cells_do_not_drift_over_the_sections():
    volume = Synthetic(size=(4096, 4096, 32), layer="labels").open()
    labels = [volume.read(Box.of((0, 0, z), (512, 512, 1)), 3)[0, 0] for z in (4, 12)]
    assert max(map(abs, shift_between(*labels))) * 8 < 0.3


def shift_between(first, last):
    """The shift x, y from one picture of labels to another, in pixels.

    It is where their correlation has its peak, summed over random black and white colourings.
    """
    correlation = np.zeros(first.shape)
    for key in range(6):
        a, b = (np.sign(signed(key, each)) * (each > 0) for each in (first, last))
        correlation += np.fft.irfft2(np.conj(np.fft.rfft2(a)) * np.fft.rfft2(b))
    assert correlation.argmax() == 0
    return [
        0.5 * (low - high) / (low - 2 * correlation[0, 0] + high)
        for low, high in (correlation[0, [-1, 1]], correlation[[-1, 1], 0])
    ]


def test_a_point_is_in_the_cell_of_the_nearest_seed():
    assert nearest_at(29, 20, two_seeds())[0] == 0
    assert nearest_at(31, 20, two_seeds())[0] == 1


def test_depth_is_the_distance_to_the_line_between_two_seeds():
    for off in (2, 5, 12):
        assert nearest_at(30 + off, 35, two_seeds())[1] == pytest.approx(off, rel=0.02)
    assert nearest_at(52, 20, two_seeds())[1] == RANGE


def test_a_heavier_seed_pushes_the_line_away():
    moved = 400 / (2 * 40)
    assert nearest_at(30 - moved - 1, 20, two_seeds(weight=400))[0] == 0
    assert nearest_at(30 - moved + 1, 20, two_seeds(weight=400))[0] == 1


def test_there_is_no_membrane_within_a_cell():
    assert nearest_at(30, 20, two_seeds(labels=(7, 7)))[1] == RANGE


def test_leaving_out_rivals_that_are_far_changes_nothing(monkeypatch):
    points = grid(64, 48)
    few = Cells.at(points, 5, seed=2)

    def everyone(x, y, seeds):
        return np.ones((len(x), len(seeds.x)), bool)

    monkeypatch.setattr(cells_module, "rivals", everyone)
    every = Cells.at(points, 5, seed=2)
    np.testing.assert_array_equal(few.labels(), every.labels())
    np.testing.assert_array_equal(few.depth, every.depth)


def test_seeds_are_looked_for_far_enough(monkeypatch):
    points = grid(40, 40)
    near = Cells.at(points, 5, seed=2)
    monkeypatch.setattr("metroem_volumes.tissue.seeds.reach", lambda kind: 600.0)
    far = Cells.at(points, 5, seed=2)
    assert len(far.seeds.x) > 2 * len(near.seeds.x)
    np.testing.assert_array_equal(near.depth, far.depth)


def test_outlines_are_bent_alike_in_all_parts():
    points = grid(60, 60)
    whole = bent(points, 1)
    part = bent(Points(points.x[20:, 30:], points.y[20:, 30:], points.origin), 1)
    np.testing.assert_array_equal(whole.x[20:, 30:], part.x)


def test_blocks_go_and_come_back():
    values = np.arange(35 * 50, dtype=np.float32).reshape(35, 50)
    np.testing.assert_array_equal(out_of_blocks(into_blocks(values), values.shape), values)
