"""A disk that is full: it is told, and nothing counts as done that is not stored."""

import shutil
import subprocess
from functools import partial

import numpy as np
import pytest

from metroem_core.blocks import Ledger, plan, work
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components

WHOLE = Box((0, 0, 0), (512, 512, 1))
INFO = VolumeInfo(1, "uint8", {0: Scale(WHOLE, (4.0, 4.0, 40.0))})
PLAN = plan(WHOLE, (128, 128, 1), (128, 128, 1))
NOISE = np.random.default_rng(0).integers(1, 255, (1, *WHOLE.shape), np.uint8)


@pytest.fixture
def disk(tmp_path):
    """A disk of 400 kB, of which a file fills a half."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a disk")
    (place / "filler").write_bytes(bytes(200_000))
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(sink, task):
    """Write the noise of a block."""
    box = task.what.write
    sink.open(INFO).write(box, 0, NOISE[(slice(None), *box.slices(WHOLE))])


@pytest.mark.parametrize("kind", ["zarr", "cloudvolume", "n5", "hdf5", "tiff"])
def test_nothing_is_marked_that_a_full_disk_did_not_take(disk, tmp_path, kind):
    chunk = {} if kind == "tiff" else {"chunk": (128, 128, 1)}
    sink = components().get("sink", kind)(path=str(disk / "v"), **chunk)
    here = components().get("executor", "local")(processes=1)
    ledger = Ledger.of(tmp_path / "ledger", "noise")
    with pytest.raises((UserError, OSError), match=r"(?i)the disk is full|no space left") as error:
        work(PLAN, partial(fill, sink), here, ledger)
    assert "\n" not in str(error.value)
    marked = [task for task in PLAN if list((tmp_path / "ledger").glob(f"{task.name}.*.done"))]
    assert len(marked) < len(PLAN)
    for task in marked:
        box = task.what.write
        found = sink.open(INFO).read(box, 0)
        np.testing.assert_array_equal(found, NOISE[(slice(None), *box.slices(WHOLE))])
    (disk / "filler").unlink()
    work(PLAN, partial(fill, sink), here, ledger)
    np.testing.assert_array_equal(sink.open(INFO).read(WHOLE, 0), NOISE)
