"""Runs of their own processes that are killed, and a sink that sees what is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs

from metroem_core import hookimpl
from metroem_core.plugins import components
from metroem_core.spec import Output

CODE = (
    "import sys; from metroem_core.run import load; "
    "load(eval(sys.argv[1]), out=sys.argv[2], plugin_files=[sys.argv[3]]).run()"
)


@attrs.frozen
class Noting:
    """A zarr in small chunks. A box that is written although it has a marker is noted.

    :param path: of the volume. The notes are in ``<path>.twice``.
    """

    path: Output

    def open(self, info):
        chunk = (32, 32, 1)
        opened = components().get("sink", "zarr")(path=self.path, chunk=chunk).open(info)
        return Opened(opened, self.path)


@attrs.frozen
class Opened:
    """The volume, which takes a while to be written."""

    volume: object
    path: str

    def __getattr__(self, name):
        return getattr(self.volume, name)

    def write(self, box, mip, voxels):
        spans = zip(box.start, box.stop, strict=True)
        name = "_".join(f"{a}-{b}" for a, b in spans)
        ledger = Path(f"{self.path}.ledger")
        places = (ledger / f"mip{mip}", ledger / f"blocks/z{box.start[2]}")
        if any(marker for place in places for marker in place.glob(f"{name}.*.done")):
            with open(f"{self.path}.twice", "a") as notes:
                notes.write(f"{name} of mip {mip}\n")
        time.sleep(0.01)
        self.volume.write(box, mip, voxels)


@hookimpl
def metroem_register_components(registry):
    registry.add("sink", "noting", Noting)


def killed_again_and_again(spec, folder, path, counts):
    """Run a spec in processes of its own, which are killed when so many tasks are marked.

    :param path: of the volume that is written, beside which the markers lie.
    :param counts: of markers, one for each time.
    """
    command = [sys.executable, "-c", CODE, repr(spec), str(folder), __file__]
    for count in counts:
        process = subprocess.Popen(command, start_new_session=True)
        while len(list(Path(f"{path}.ledger").rglob("*.done"))) < count:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True)
    assert not Path(f"{path}.twice").exists(), Path(f"{path}.twice").read_text()
