"""The same set in whichever way it is made, and after whatever stopped it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import layout, read_set

SLOW = '''
from __future__ import annotations
import time
import attrs
from metroem_core import hookimpl
from metroem_core.kinds import Source


@attrs.frozen
class Slow:
    """A slow disk.

    :param source: what is on it.
    :param pause: seconds before every read.
    """

    source: Source
    pause: float = 0.0

    def open(self):
        volume, pause = self.source.open(), self.pause
        class SlowVolume:
            info, gaps = volume.info, volume.gaps
            def read(self, box, mip):
                time.sleep(pause)
                return volume.read(box, mip)
        return SlowVolume()


@hookimpl
def metroem_register_components(registry):
    registry.add("source", "slow", Slow)
'''


SYNTHETIC = {"type": "synthetic", "size": [256, 256, 8], "mips": 3, "jitter": 6}


def step(**parameters):
    """Five pairs at two mips, with a mask and a prior field, normalised."""
    return {
        "type": "curate",
        "pairs": {"type": "box", "start": [0, 0, 1], "stop": [256, 256, 6]},
        "image": SYNTHETIC,
        "mips": [0, 1],
        "size": [32, 24],
        "masks": [{"type": "threshold", "source": {**SYNTHETIC, "layer": "missing"}, "value": 0.5}],
        "normalizer": {"type": "reference_zscore", "area": {"mip": 1, "size": [64, 64]}},
        "field": {
            "source": {**SYNTHETIC, "layer": "field", "offset": -1},
            "mip": 2,
            "area": {"mip": 2, "size": [32, 32]},
        },
        "to": "set",
        **parameters,
    }


def made(folder, **parameters):
    load({"steps": [step(**parameters)]}, out=folder).run()
    return arrays(folder / "set")


def arrays(folder):
    """Everything in the HDF5 files of a set, by file."""
    found = {}
    for path in sorted(Path(folder).glob("*.h5")):
        with h5py.File(path) as file:
            (name,) = file
            found[path.name] = file[name][:]
    assert found
    return found


def equal(one, other):
    assert sorted(one) == sorted(other)
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a set that was made without a break, by threads of this process."""
    folder = tmp_path_factory.mktemp("whole")
    made(folder)
    return folder


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_make_the_same_set(whole, tmp_path, processes):
    found = made(tmp_path, executor={"type": "local", "processes": processes})
    assert equal(found, arrays(whole / "set"))
    same = [(each / "set/set.json").read_bytes() for each in (whole, tmp_path)]
    assert same[0] == same[1]


def test_a_set_is_the_same_to_the_byte_when_it_is_made_again(whole, tmp_path):
    made(tmp_path)
    for path in (whole / "set").iterdir():
        assert (tmp_path / "set" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("chunk", [[64, 64, 1], [50, 70, 3]])
@pytest.mark.parametrize("kind", ["cloudvolume", "zarr", "n5"])
def test_neither_format_nor_chunks_make_a_difference(whole, tmp_path, kind, chunk):
    registry = components()
    source = registry.get("source", "synthetic")(size=(256, 256, 8), mips=3, jitter=6).open()
    sink = registry.get("sink", kind)(path=str(tmp_path / "volume"), chunk=tuple(chunk))
    copy = sink.open(source.info)
    for mip, scale in source.info.scales.items():
        copy.write(scale.box, mip, source.read(scale.box, mip))
    found = made(tmp_path / "run", image={"type": kind, "path": str(tmp_path / "volume")})
    assert equal(found, arrays(whole / "set"))


def test_two_mips_at_once_are_those_made_one_by_one(whole, tmp_path):
    apart = {}
    for mip in (0, 1):
        apart |= made(tmp_path / str(mip), mips=[mip])
    assert equal(apart, arrays(whole / "set"))


def test_pictures_can_go_to_a_volume(whole, tmp_path):
    zarr = {"type": "zarr", "path": str(tmp_path / "pictures"), "chunk": [16, 16, 1]}
    fields = {"type": "zarr", "path": str(tmp_path / "fields")}
    load(
        {"steps": [step(images=zarr, fields=fields, mips=[1], warp_source=False)]},
        out=tmp_path / "run",
    ).run()
    volume = components().get("source", "zarr")(path=str(tmp_path / "pictures")).open()
    pictures = volume.read(Box((0, 0, 0), (32, 24, 10)), 1)[0].transpose(0, 2, 1)
    wanted = next(each for name, each in arrays(whole / "set").items() if name.endswith("MIP1.h5"))
    np.testing.assert_array_equal(pictures.reshape(wanted.shape), wanted)
    field = components().get("source", "zarr")(path=str(tmp_path / "fields")).open()
    assert field.info.attributes == {"units": "pixels", "components": "xy"}
    assert [path.name for path in (tmp_path / "run/set").iterdir()] == ["set.json"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [[32, 24, 4], [32, 24, 3]])
def test_pairs_that_share_a_chunk_are_made_by_one_worker(tmp_path, chunk):
    """Two processes would otherwise write one chunk at a time, and lose what the other wrote."""
    zarr = {"type": "zarr", "path": str(tmp_path / "pictures"), "chunk": chunk}
    changed = {"images": zarr, "mips": [1], "executor": {"type": "local", "processes": 2}}
    load({"steps": [step(**changed)]}, out=tmp_path / "run").run()
    volume = components().get("source", "zarr")(path=str(tmp_path / "pictures")).open()
    pictures = volume.read(Box((0, 0, 0), (32, 24, 10)), 1)
    assert pictures.any(axis=(0, 2, 3)).all()


class Stop:
    """Stops a run when some pairs are done."""

    def __init__(self, after):
        self.after = after

    @hookimpl
    def metroem_progress(self, done):
        if done >= self.after:
            raise KeyboardInterrupt


ALONE = {"type": "local", "processes": 1}  # one pair after the other


def test_only_pairs_that_are_missing_are_made_after_a_stop(whole, tmp_path):
    run = load({"steps": [step(executor=ALONE)]}, out=tmp_path)
    run.listeners.manager.register(Stop(3))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert not (tmp_path / "set").exists()
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "set.part/pairs").glob("*.h5")}
    assert len(parts) == 3
    run = load({"steps": [step()]}, out=tmp_path)
    run.listeners.manager.register(Stop(99))
    kept = {}

    class Watch:
        @hookimpl
        def metroem_progress(self):
            kept.update({path: path.stat().st_mtime_ns for path in parts})

    run.listeners.manager.register(Watch())
    run.run()
    assert kept == parts
    assert equal(arrays(tmp_path / "set"), arrays(whole / "set"))
    assert not (tmp_path / "set.part").exists()


def test_pairs_made_by_another_spec_are_made_again(tmp_path):
    run = load({"steps": [step(values="raw")]}, out=tmp_path)
    run.listeners.manager.register(Stop(3))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert equal(made(tmp_path, normalizer=None), made(tmp_path / "other", normalizer=None))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_and_ends_with_the_same_set(whole, tmp_path, processes):
    (tmp_path / "slow.py").write_text(SLOW)
    slow = {"type": "slow", "source": SYNTHETIC, "pause": 0.3}
    code = (
        "import sys; from metroem_core.run import load; "
        "load(eval(sys.argv[1]), out=sys.argv[2], plugin_files=['slow.py']).run()"
    )
    spec = {"steps": [step(image=slow, executor={"type": "local", "processes": processes})]}
    command = [sys.executable, "-c", code, repr(spec), str(tmp_path / "run")]
    for wanted in (1, 3):
        process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
        while len(list((tmp_path / "run/set.part/ledger").glob("*.done"))) < wanted:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "run/set").exists()
    subprocess.run(command, cwd=tmp_path, check=True)
    assert equal(arrays(tmp_path / "run/set"), arrays(whole / "set"))


@pytest.mark.parametrize("when", ["assembled", "moved"])
def test_a_set_that_grows_survives_a_stop_at_its_end(tmp_path, monkeypatch, when):
    from metroem_steps.curation import publish

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if when == "assembled":
            patched.setattr(os, "link", stop)
        else:
            patched.setattr(publish, "merged", lambda *_: {})
            patched.setattr(publish, "write_about", halting(publish.write_about, tmp_path / "set"))
        with pytest.raises(KeyboardInterrupt):
            load({"steps": [step(add=True)]}, out=tmp_path).run()
    load({"steps": [step(add=True)]}, out=tmp_path).run()
    assert read_set(tmp_path / "set").mips == (0, 1)
    assert not (tmp_path / "set.part").exists()


def halting(write, folder):
    """A function that is interrupted when it should write to a folder."""

    def halt(to, series):
        if to == folder:
            raise KeyboardInterrupt
        write(to, series)

    return halt


def test_a_full_disk_is_told_in_a_line_and_what_is_done_is_kept(tmp_path, monkeypatch):
    create = layout.create_field
    calls = []

    def full(*args, **choices):
        calls.append(1)
        if len(calls) > 4:
            raise OSError(
                "Can't write data (errno = 28, error message = 'No space left on device')"
            )
        return create(*args, **choices)

    with monkeypatch.context() as patched:
        patched.setattr("metroem_steps.curation.parts.create_field", full)
        with pytest.raises(UserError, match="the disk is full") as caught:
            load({"steps": [step(executor=ALONE)]}, out=tmp_path).run()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()
    assert len(list((tmp_path / "set.part/pairs").glob("*.h5"))) == 2


def test_a_volume_of_pictures_needs_no_second_look(tmp_path):
    """A second start of a finished run does nothing."""
    zarr = {"type": "zarr", "path": str(tmp_path / "pictures")}
    spec = {"steps": [step(images=zarr, mips=[1])]}
    load(spec, out=tmp_path / "run").run()
    assert [each.why for each in load(spec, out=tmp_path / "run").decide()] == ["up to date"]


DATA = os.environ.get("METROEM_TEST_DATA")


@pytest.mark.skipif(DATA is None, reason="METROEM_TEST_DATA is not set")
def test_real_sections_become_a_set(tmp_path):
    source = {"type": "hdf5", "path": f"{DATA}/vnc_stack1_dev.h5", "zero_is_data": True}
    spec = {
        "type": "curate",
        "pairs": {"type": "box", "start": [0, 0, 1], "stop": [1024, 1024, 5], "every": [512, 512]},
        "image": source,
        "mips": [0],
        "size": [512, 512],
        "masks": [
            {
                "type": "threshold",
                "source": {
                    **source,
                    "dataset": "volumes/labels/mitochondria",
                    "zero_is_data": False,
                },
                "value": 0,
            }
        ],
        "normalizer": {"type": "reference_zscore", "area": {"mip": 0, "size": [1024, 1024]}},
        "to": "set",
    }
    load({"steps": [spec]}, out=tmp_path).run()
    found = read_set(tmp_path / "set")
    assert len(found) == 16
    source = found.read(5, 0).src
    tissue = source[source != 0]
    assert abs(tissue.mean()) < 0.3
    assert 0.7 < tissue.std() < 1.3
