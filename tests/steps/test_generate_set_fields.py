"""Fields of a set: what is written, where, and after whatever stopped it."""

import json

import attrs
import h5py
import numpy as np
import pytest

from metroem_aligners.module import Module
from metroem_core.batch import Prediction
from metroem_core.errors import UserError
from metroem_core.sets import read_set
from metroem_networks.unet2d import UNet2D
from metroem_steps.generating.set_fields import write_fields

NETWORK = Module(network=UNet2D(in_channels=2, features=(4, 8), convolutions=1))


@attrs.frozen
class Moved:
    """The start, moved by a vector; along x as long as the mean of the source, unless given."""

    by: tuple[float, float] | None = None

    def build(self):
        return self

    def __call__(self, batch, report=None):
        src = batch["src"].tensor
        field = src.new_tensor(self.by or (src.mean(), 0)).view(1, 2, 1, 1)
        field = field.expand(len(src), 2, *src.shape[-2:]).clone()
        return Prediction(field + batch["src_field"].tensor if "src_field" in batch else field)


@attrs.frozen
class Ramp:
    """The field that is ``x / 10`` along x at the pixel x, y, from 0."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        src = batch["src"].tensor
        field = src.new_zeros(len(src), 2, *src.shape[-2:])
        field[:, 0] = src.new_tensor(range(src.shape[-1])) / 10
        return Prediction(field)


def add(folder, name, pictures):
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / name, "w") as file:
        file["main"] = np.asarray(pictures, np.float32)
    return folder


def pictures(count=3, size=(16, 24), seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1, (count, 2, *size)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Three pairs at mip 4 and as many pixels around the same middles at mip 3."""
    add(tmp_path / "set", "x8_y8_z5_MIP4.h5", pictures())
    return add(tmp_path / "set", "x8_y8_z5_MIP3.h5", pictures())


def fields(path):
    with h5py.File(path) as file:
        return file["main"][:]


def test_every_pair_has_its_field_in_a_file_of_the_set(folder):
    written = write_fields(read_set(folder), 4, Moved(), 1, "mine")
    assert written == [folder / "field_1_x8_y8_z5_MIP4_mine.h5"]
    for index, (src, _) in enumerate(pictures()):
        found = read_set(folder).read(index, 4, 1, "mine").src_field
        assert found.shape == (2, *src.shape)
        np.testing.assert_allclose(found[0], src.mean(), atol=0.005)
        assert not found[1].any()
    assert sorted(path.suffix for path in folder.iterdir()) == [".h5"] * 3


def test_a_finer_mip_gets_the_middle_of_the_field_twice_as_long(folder):
    _, fine = write_fields(read_set(folder), 4, Ramp(), 0, "t", also=(3,), lossless=True)
    assert fine.name == "field_0_x8_y8_z5_MIP3_t.h5"
    pixel = (np.arange(24) + 12 - 0.5) / 2  # of the finer picture, in pixels of the coarser
    np.testing.assert_allclose(fields(fine)[0, 0], np.tile(2 * pixel / 10, (16, 1)), rtol=1e-5)


def test_pictures_of_one_region_get_all_of_the_field(tmp_path):
    add(tmp_path / "set", "x0_y0_z1_MIP2.h5", pictures(1, (8, 8)))
    folder = add(tmp_path / "set", "x0_y0_z1_MIP0.h5", pictures(1, (32, 32)))
    coarse, fine = write_fields(read_set(folder), 2, Ramp(), 0, "t", also=(0,), lossless=True)
    assert fields(fine).shape == (1, 2, 32, 32)
    means = fields(fine)[0].reshape(2, 8, 4, 8, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(means[..., 1:-1] / 4, fields(coarse)[0, ..., 1:-1], atol=1e-5)


def test_a_coarser_mip_of_the_region_gets_the_mean_as_much_shorter(tmp_path):
    add(tmp_path / "set", "x0_y0_z1_MIP1.h5", pictures(1, (8, 8)))
    folder = add(tmp_path / "set", "x0_y0_z1_MIP0.h5", pictures(1, (16, 16)))
    _, coarse = write_fields(read_set(folder), 0, Ramp(), 0, "t", also=(1,), lossless=True)
    np.testing.assert_allclose(fields(coarse)[0, 0, 0], (np.arange(8) * 2 + 0.5) / 20, rtol=1e-5)


def test_pictures_that_show_more_are_refused(folder):
    wanted = "pictures of mip 4, 16 x 24, do not lie within those of mip 3, 16 x 24"
    with pytest.raises(UserError, match=wanted):
        write_fields(read_set(folder), 3, Ramp(), 0, "t", also=(4,))


def test_pictures_of_equal_corners_are_known_from_what_is_said_of_the_set(folder):
    known = {"pairs": 3, "split": {"train": [], "validation": []}, "places_are": "corners"}
    known["places"] = [[[16 * k, 16, 5], [16 * k, 16, 4]] for k in range(3)]
    known["shifts"] = [[[-16, 16], [0, 0]]] * 3
    about = {"format": "metroem set 1", "series": {"x8_y8_z5": known}}
    (folder / "set.json").write_text(json.dumps(about))
    _, fine = write_fields(read_set(folder), 4, Ramp(), 0, "t", also=(3,), lossless=True)
    pixel = (np.arange(24) - 0.5) / 2
    np.testing.assert_allclose(fields(fine)[1, 0, 3, 1:], 2 * pixel[1:] / 10, rtol=1e-5)


def test_fields_to_start_from_are_of_a_stage_and_a_tag(folder):
    write_fields(read_set(folder), 4, Moved((1.0, -2.0)), 0, "a", lossless=True)
    write_fields(read_set(folder), 4, Moved((9.0, 9.0)), 0, "b", lossless=True)
    write_fields(read_set(folder), 4, Moved((0.5, 0.5)), 1, "a", start=(0, "a"), lossless=True)
    found = read_set(folder).read(2, 4, 1, "a").src_field
    np.testing.assert_allclose(found[:, 3, 5], (1.5, -1.5))
    with pytest.raises(UserError, match="no fields of stage 0 at mip 4 called 'c'"):
        write_fields(read_set(folder), 4, Moved(), 1, "a", start=(0, "c"))


def test_a_second_aligner_goes_on_from_the_field_of_the_first(folder):
    settings = {"refine": Moved((0.25, 0.0)), "lossless": True}
    (path,) = write_fields(read_set(folder), 4, Moved((1.0, 1.0)), 0, "t", **settings)
    np.testing.assert_allclose(fields(path)[:, :, 0, 0], [(1.25, 1.0)] * 3)


def test_vectors_that_are_not_finite_become_0(folder):
    (path,) = write_fields(read_set(folder), 4, Moved((np.nan, 1.0)), 0, "t")
    assert not fields(path).any()


def test_a_call_that_was_stopped_goes_on_and_leaves_no_file_half_done(folder):
    class Stop(Exception):
        pass

    seen = []

    def stop(done, total):
        seen.append(done)
        if len(seen) == 3:
            raise Stop

    with pytest.raises(Stop):
        write_fields(read_set(folder), 4, Moved(), 0, "t", progress=stop)
    assert seen == [0, 1, 2]
    assert not list(folder.glob("field*.h5"))
    write_fields(read_set(folder), 4, Moved(), 0, "t", progress=lambda *told: seen.append(told))
    assert seen[3:] == [(2, 3), (3, 3)]


def test_other_weights_begin_anew(folder):
    def fail(done, total):
        if done == 1:
            raise InterruptedError

    told = []
    with pytest.raises(InterruptedError):
        write_fields(read_set(folder), 4, Moved(), 0, "t", made_from="old", progress=fail)
    (path,) = write_fields(
        read_set(folder), 4, Moved(), 0, "t", made_from="new", progress=lambda *t: told.append(t)
    )
    assert told[0] == (0, 3)
    with h5py.File(path) as file:
        assert json.loads(file.attrs["made_from"]) == "new"


def test_a_mip_that_the_set_lacks_is_named(folder):
    with pytest.raises(UserError, match="has no mip 5 of all pairs; it has 3, 4"):
        write_fields(read_set(folder), 5, Moved(), 0, "t")


def test_a_failure_names_the_pair(folder):
    broken = pictures()
    broken[1, 0, 0, 0] = np.nan
    add(folder, "x8_y8_z5_MIP4.h5", broken)
    with pytest.raises(UserError, match="pair 1: src has pixels that are not finite"):
        write_fields(read_set(folder), 4, NETWORK, 0, "t")


def test_a_full_disk_stops_everything(folder, monkeypatch):
    def full(*arguments, **settings):
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr("metroem_steps.generating.files.create_field", full)
    with pytest.raises(UserError, match="the disk is full"):
        write_fields(read_set(folder), 4, Moved(), 0, "t")


def test_a_target_is_warped_by_a_field_of_its_own(tmp_path):
    folder = add(tmp_path / "set", "x0_y0_z1_MIP0.h5", pictures(1, (8, 8)))
    both = np.zeros((1, 2, 2, 8, 8), np.float32)
    both[0, 1, 0] = 1
    with h5py.File(folder / "field_0_x0_y0_z1_MIP0_t.h5", "w") as file:
        file["field"] = both
    (path,) = write_fields(read_set(folder), 0, Target(), 1, "t", start=(0, "t"), lossless=True)
    expected = np.pad(pictures(1, (8, 8))[0, 1][:, 1:], ((0, 0), (0, 1)))
    np.testing.assert_allclose(fields(path)[0, 0], expected, rtol=1e-6)


@attrs.frozen
class Target:
    """The target as a field, to see what it looks like."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        tgt = batch["tgt"].tensor
        return Prediction(tgt.expand(-1, 2, -1, -1))


def test_what_is_refused_leaves_no_trace(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(UserError):
        write_fields(read_set(folder), 3, Ramp(), 0, "t", also=(4,))
    assert sorted(folder.iterdir()) == before
