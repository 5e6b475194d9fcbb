"""The step on a set: what is written, where, and what is refused."""

from contextlib import nullcontext

import h5py
import numpy as np
import pytest

from metroem_aligners.module import Module
from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_core.spec import SpecError
from metroem_core.testing import StepConformance
from metroem_executors.local import Local
from metroem_networks.unet2d import UNet2D
from metroem_steps.generate import Generate

NETWORK = Module(network=UNet2D(in_channels=2, features=(4, 8), convolutions=1))
WORDS = {
    "type": "module",
    "network": {"type": "unet2d", "in_channels": 2, "features": [4, 8], "convolutions": 1},
}


def pictures(count=3, size=(16, 24), seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1, (count, 2, *size)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """A set of three pairs at mip 4, and as many pixels around the same middles at mip 3."""
    folder = tmp_path / "set"
    folder.mkdir()
    for mip in (3, 4):
        with h5py.File(folder / f"x8_y8_z5_MIP{mip}.h5", "w") as file:
            file["main"] = pictures()
    return folder


def run(folder, **parameters):
    """What a run of the step in a folder writes to ``new``, unless told otherwise."""
    step = {"type": "generate", "aligner": WORDS, "mip": 4, "to": "new", **parameters}
    load({"steps": [step]}, out=folder / "run").run()
    return folder / "run" / "new"


class TestGenerateOfASet(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, folder, tmp_path):
        to = str(tmp_path / "out" / "new")
        self.component = Generate(aligner=NETWORK, mip=4, data=str(folder), also=(3,), to=to)


def test_a_new_set_has_all_that_the_old_one_has_and_the_fields(folder, tmp_path):
    new = read_set(run(tmp_path, data=str(folder), also=[3], stage=1, tag="mine"))
    np.testing.assert_array_equal(new.read(2, 3).src, pictures()[2, 0])
    assert [new.read(0, mip, 1, "mine").src_field.shape for mip in (3, 4)] == [(2, 16, 24)] * 2
    again = run(tmp_path, data=str(new.folder), stage=2, start=[1, "mine"], to="newer")
    assert len(list((again.parent / "newer").glob("field_*"))) == 3
    assert sorted(each.name for each in folder.iterdir()) == [f"x8_y8_z5_MIP{m}.h5" for m in (3, 4)]


def test_pictures_are_not_copied(folder, tmp_path):
    new = run(tmp_path, data=str(folder))
    name = "x8_y8_z5_MIP4.h5"
    assert (new / name).stat().st_ino == (folder / name).stat().st_ino


def test_without_a_new_set_the_files_are_added_to_the_old_one(folder, tmp_path):
    run(tmp_path, data=str(folder), to=None)
    assert (folder / "field_0_x8_y8_z5_MIP4_checkpoint.h5").exists()
    assert not list(folder.glob("*.part"))


def test_the_next_step_reads_what_this_one_makes(folder, tmp_path):
    first = {"type": "generate", "aligner": WORDS, "mip": 4, "data": str(folder), "to": "a"}
    second = {**first, "data": "a", "stage": 1, "start": [0, "checkpoint"], "to": "b"}
    load({"steps": [first, second]}, out=tmp_path / "run").run()
    assert read_set(tmp_path / "run" / "b").read(0, 4, 1).src_field.any()


def test_volumes_are_those_of_the_older_program(folder, tmp_path):
    new = run(tmp_path, data=str(folder), also=[3], form="volumes")
    run(tmp_path, data=str(folder), also=[3], to="files", lossless=True)
    files = read_set(new.parent / "files")
    for mip in (3, 4):
        volume = components().get("source", "cloudvolume")(path=str(new / str(mip))).open()
        scale = volume.info.scale(0)
        assert scale.box == Box((0, 0, 0), (16, 24, 3))
        assert scale.voxel_size == (2**mip, 2**mip, 1)
        for index in range(3):
            found = volume.read(Box.of((0, 0, index), (16, 24, 1)), 0)[:, 0].swapaxes(-1, -2)
            expected = files.read(index, mip, 0).src_field
            np.testing.assert_array_equal(found, expected)
            assert expected.any()


@pytest.mark.parametrize("form", ["files", "volumes"])
def test_one_process_and_two_write_the_same(folder, tmp_path, form):
    contents = []
    for processes in (1, 2):
        executor = {"type": "local", "processes": processes}
        parent = tmp_path / f"by{processes}"
        new = run(parent, data=str(folder), also=[3], form=form, executor=executor)
        files = sorted(path for path in new.rglob("*") if path.is_file())
        contents.append({path.relative_to(new): data(path) for path in files})
    assert contents[0] == contents[1]
    assert len(contents[0]) >= 4


def data(path):
    """What a file holds, without where it comes from."""
    if path.suffix != ".h5":
        return path.read_bytes()
    with h5py.File(path) as file:
        return file["main"][:].tobytes()


def test_a_folder_that_no_run_has_made_is_kept(folder, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letters.txt").touch()
    with pytest.raises(UserError, match="mine exists already"):
        run(tmp_path, data=str(folder), to=str(mine))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "give 'data', a set, or 'volume', and not both"),
        ({"data": ".", "form": "volumes", "to": None}, "volumes need 'to'"),
        ({"data": ".", "also": [4]}, "'also' must be mips other than 4"),
        ({"data": ".", "tag": ""}, "'tag'"),
        ({"volume": {"image": "synthetic", "fields": {"-1": "zarr"}}}, "Sink needs 'path'"),
        (
            {"volume": {"image": "synthetic", "fields": {"0": {"type": "zarr", "path": "f"}}}},
            "'fields' must be of other offsets than 0",
        ),
        (
            {"volume": {"image": "synthetic", "fields": {"-1": {"type": "zarr", "path": "f"}}}},
            "'to' is about a set, and belongs to 'data'",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_before_anything_is_read(tmp_path, parameters, message):
    with pytest.raises(SpecError, match=message):
        run(tmp_path, **parameters)


@pytest.mark.parametrize("form", ["files", "volumes"])
def test_a_mip_that_the_set_lacks_is_named(folder, tmp_path, form):
    with pytest.raises(UserError, match=r"step 0 \(generate\): .* has no mip 6 of all pairs"):
        run(tmp_path, data=str(folder), mip=6, form=form)


def test_a_set_is_never_replaced_by_what_is_made_of_it(folder):
    with pytest.raises(SpecError, match="volumes need 'to'"):
        run(folder.parent, data=str(folder), to=str(folder), form="volumes")
    with pytest.raises(UserError, match="exists already"):
        run(folder.parent, data=str(folder), to=str(folder.parent))


def test_a_stopped_run_goes_on_in_a_set_of_its_own(folder, tmp_path):
    class Stopper:
        @hookimpl
        def metroem_progress(self, done, total):
            told.append(done)
            if len(told) == 3:
                raise KeyboardInterrupt

    told = []
    step = {"type": "generate", "aligner": WORDS, "mip": 4, "data": str(folder)}
    for stops in (True, False):
        made = load({"steps": [step]}, out=tmp_path / "run")
        made.listeners.manager.register(Stopper())
        with pytest.raises(KeyboardInterrupt) if stops else nullcontext():
            made.run()
    assert told == [0, 1, 2, 2, 3]


def test_fields_to_start_from_must_be_there(folder, tmp_path):
    with pytest.raises(UserError, match="no fields of stage 0 at mip 4 called 'other'"):
        run(tmp_path, data=str(folder), start=[0, "other"])


def test_a_gpu_that_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="there is no device 'cuda:77' here; there is cpu"):
        run(tmp_path, data=str(folder), devices=["cuda:77"])


def test_pictures_of_several_sizes_are_no_volume(folder, tmp_path):
    with h5py.File(folder / "x16_y8_z5_MIP4.h5", "w") as file:
        file["main"] = pictures(size=(8, 8))
    with pytest.raises(UserError, match="several sizes at mip 4"):
        run(tmp_path, data=str(folder), form="volumes")


def test_hints_tell_what_a_run_would_do(folder):
    plan = Generate(aligner=NETWORK, mip=4, data=str(folder), executor=Local(2)).plan(None)
    assert plan.tasks == 3
    assert plan.reads == {"data": 2 * 3 * 16 * 24 * 4}
    assert plan.computes == "the fields of 3 pairs, at mip 4"
