"""How fast volumes are read, as a share of TensorStore reading the same boxes by itself.

Both read sections of 1024 x 1024 from the same local volume, in turn, so that a change of the
machine's speed meets both alike. TensorStore reads in the order that is fastest for the format, and
keeps as many bytes of chunks in memory as we do. The volume is several times larger than that.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import tensorstore as ts

from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_volumes.cloudvolume import CloudVolume
from metroem_volumes.places import CACHE
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.zarr import Zarr

RUNS = 5
SIZE = (2048, 2048, 64)
SIDE = 1024
INFO = VolumeInfo(1, "uint8", {0: Scale(Box((0, 0, 0), SIZE), (4.0, 4.0, 40.0))})
CORNERS = np.random.default_rng(0).integers(0, SIDE, (SIZE[2], 2)).tolist()


def seconds(read, *place):
    """The time that it takes to read a piece of a section."""
    start = time.perf_counter()
    read(*place)
    return time.perf_counter() - start


def fastest(*reads):
    """For each way to read: the sum of the fastest times of every piece. They take turns."""
    places = [(x, y, z) for z, (x, y) in enumerate(CORNERS)]
    runs = [[[seconds(read, *each) for read in reads] for each in places] for _ in range(RUNS)]
    return np.min(runs, axis=0).sum(axis=0).tolist()


def alike():
    """As much memory for chunks as we have."""
    return ts.Context({"cache_pool": {"total_bytes_limit": CACHE}})


def bare_precomputed(path):
    """TensorStore's own reading, in columns, as the format stores them."""
    spec = {"driver": "neuroglancer_precomputed", "kvstore": {"driver": "file", "path": path}}
    store = ts.open(spec, context=alike()).result()

    def read(x, y, z):
        return store[x : x + SIDE, y : y + SIDE, z : z + 1].read(order="F").result()

    return read


def bare_zarr(path):
    """TensorStore's own reading, in rows, as the format stores them."""
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/0"}}
    store = ts.open(spec, context=alike()).result()

    def read(x, y, z):
        return store[:, z : z + 1, y : y + SIDE, x : x + SIDE].read().result()

    return read


def compare(name, sink, source, bare):
    """Print the best of several runs of both.

    :param bare: makes the bare reading from the path of the volume, once it was written.
    """
    voxels = np.random.default_rng(0).integers(1, 255, (1, *SIZE[::-1]), dtype=np.uint8)
    start = time.perf_counter()
    sink.open(INFO).write(INFO.scales[0].box, 0, voxels)
    wrote = time.perf_counter() - start
    volume, alone = source.open(), bare(source.path)

    def ours(x, y, z):
        return volume.read(Box.of((x, y, z), (SIDE, SIDE, 1)), 0)

    mine, theirs = fastest(ours, alone)
    speed = len(CORNERS) * SIDE**2 / mine / 1e6
    print(
        f"{name}: {speed:,.0f} Mvoxel/s, {theirs / mine:.0%} of bare TensorStore; 90 % wanted "
        f"(written at {voxels.size / wrote / 1e6:,.0f} Mvoxel/s)"
    )


with tempfile.TemporaryDirectory() as folder:
    for chunk in ((1024, 1024, 1), (512, 512, 1), (128, 128, 16)):
        path = str(Path(folder, f"precomputed {chunk}"))
        sink = CloudVolumeSink(path, chunk=chunk)
        compare(f"precomputed {chunk}", sink, CloudVolume(path), bare_precomputed)
        path = str(Path(folder, f"zarr {chunk}"))
        sink = ZarrSink(path, chunk=chunk, compression="none")
        compare(f"zarr {chunk}", sink, Zarr(path), bare_zarr)
