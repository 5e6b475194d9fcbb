"""How fast pairs are curated, as a share of merely reading and writing them.

A local precomputed volume, pairs of 1024 x 1024 with one mask and a prior field, normalised by a
reference. The bare way reads the same boxes with TensorStore and writes arrays of the same values
with h5py and the same filters. Both run by turns, and the best of each counts.

    python tests/bench/curate.py [PAIRS] [REPEATS]
"""

import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import tensorstore as ts

SIZE, AREA, WIDE = 1024, 1024, 2048
FIELD_MIP = 3
MORE = 4  # times the pairs, to see whether memory grows
SMALL = 16


def volume(path, channels, dtype, size, mip=0):
    """A precomputed volume of 20 sections, filled with something like tissue."""
    from metroem_core.geometry import Box, Scale, VolumeInfo, voxel_size_at
    from metroem_core.plugins import components

    scales = {
        m: Scale(Box((0, 0, 0), (size >> m, size >> m, 20)), voxel_size_at((4, 4, 40), m))
        for m in range(mip + 1)
    }
    sink = components().get("sink", "cloudvolume")(path=str(path), chunk=(256, 256, 1))
    opened = sink.open(VolumeInfo(channels, dtype, scales))
    draw = np.random.default_rng(0)
    for z in range(20):
        box = Box.of((0, 0, z), (size >> mip, size >> mip, 1))
        shape = (channels, *box.shape)
        if dtype == "float32":
            voxels = draw.normal(0, 6, shape).cumsum(axis=-1).astype(dtype) / 10
        else:
            voxels = (draw.normal(128, 30, shape).clip(1, 255)).astype(dtype)
        opened.write(box, mip, voxels)


def spec(folder, count, to, **changes):
    draw = np.random.default_rng(1)
    middles = draw.integers(WIDE // 2, 4096 - WIDE // 2, (count, 2)) // 8 * 8
    places = [[[x, y, 1 + n % 19], [x, y, n % 19]] for n, (x, y) in enumerate(middles.tolist())]
    image = {"type": "cloudvolume", "path": str(folder / "image")}
    mask = {"type": "cloudvolume", "path": str(folder / "mask")}
    return {
        "type": "curate",
        "pairs": {"type": "listed", "pairs": places},
        "image": image,
        "mips": [0],
        "size": [SIZE, SIZE],
        "masks": [{"type": "threshold", "source": mask, "value": 200}],
        "normalizer": {"type": "reference_zscore", "area": {"mip": 0, "size": [AREA, AREA]}},
        "field": {
            "source": {"type": "cloudvolume", "path": str(folder / "field")},
            "mip": FIELD_MIP,
            "area": {"mip": 0, "size": [AREA, AREA]},
        },
        "values": "raw",
        "to": str(to),
        **changes,
    }


def curate(folder, count, to, **changes):
    """Seconds to make a set, without starting processes and importing."""
    from metroem_core.plugins import listeners
    from metroem_core.run import load
    from metroem_registry import Registry

    run = load({"steps": [spec(folder, count, to, **changes)]}, out=to.parent / f"{to.name}.run")
    run.listeners = listeners(Registry())
    start = time.perf_counter()
    run.spec.steps[0].run(run)
    return time.perf_counter() - start


def stores(folder):
    """The arrays of the volumes, as TensorStore opens them."""
    found = []
    for name, mip in (("image", 0), ("mask", 0), ("field", FIELD_MIP)):
        kvstore = {"driver": "file", "path": f"{folder / name}/"}
        driver = "neuroglancer_precomputed"
        opened = ts.open({"driver": driver, "kvstore": kvstore, "scale_index": mip})
        found.append((opened.result(), mip))
    return found


def bare(folder, count, to):
    """Seconds to read the same boxes, and seconds to write arrays like those of the set."""
    opened = stores(folder)
    pairs = spec(folder, count, to)["pairs"]["pairs"]
    values = [
        np.random.default_rng(2).normal(size=shape).astype(np.float32)
        for shape in ((2, SIZE, SIZE), (2, SIZE, SIZE))
    ]
    reading = writing = 0.0
    with h5py.File(f"{to}.h5", "w") as file:
        shape = (count, 2, SIZE, SIZE)
        images = file.create_dataset(
            "images", shape, "f4", chunks=(1, 1, SIZE, SIZE), compression="lzf"
        )
        fields = file.create_dataset(
            "fields", shape, "f4", chunks=(1, 2, SIZE, SIZE), compression="lzf", scaleoffset=2
        )
        for index, pair in enumerate(pairs):
            start = time.perf_counter()
            for x, y, z in pair:
                for store, mip in opened:
                    for size in (SIZE, AREA):
                        left, top = ((n - size // 2) >> mip for n in (x, y))
                        box = (slice(left, left + (size >> mip)), slice(top, top + (size >> mip)))
                        store[(*box, slice(z, z + 1))].read(order="F").result()
            middle = time.perf_counter()
            images[index], fields[index] = values
            file.flush()
            reading += middle - start
            writing += time.perf_counter() - middle
    return reading, writing


def compare(folder, count, repeats):
    ours, zarrs, reads, writes = [], [], [], []
    for number in range(repeats):
        reading, writing = bare(folder, count, folder / f"bare{number}")
        reads.append(reading)
        writes.append(writing)
        ours.append(curate(folder, count, folder / f"set{number}"))
        zarr = {"type": "zarr", "chunk": [SIZE, SIZE, 1], "compression": "none"}
        sinks = {
            "images": {**zarr, "path": str(folder / f"images{number}")},
            "warp_source": False,
        }
        zarrs.append(curate(folder, count, folder / f"zarr{number}", **sinks))
    read, write, own, zarr = map(min, (reads, writes, ours, zarrs))
    print(f"{count} pairs: reading {read:.2f} s, writing {write:.2f} s, set {own:.2f} s")
    print(f"set of HDF5 files: {(read + write) / own:.0%} of the bare rate; at least 60 % wanted")
    print(f"uncompressed zarr: {read / zarr:.0%} of the bare reading rate; at least 50 % wanted")


def peak(folder, count):
    """Megabytes at most that a process of its own needs to make a set."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import curate; "
        "from pathlib import Path; import resource; "
        "curate.curate(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, here, folder, str(count), folder / f"peak{count}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def main():
    logging.disable(logging.WARNING)
    count, repeats = (int(each) for each in [*sys.argv[1:], "64", "3"][:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        volume(folder / "image", 1, "uint8", 4096)
        volume(folder / "mask", 1, "uint8", 4096)
        volume(folder / "field", 2, "float32", 4096, FIELD_MIP)
        compare(folder, count, repeats)
        few, many = peak(folder, SMALL), peak(folder, MORE * count)
        growth = many / few - 1
        print(
            f"peak memory: {few} MB for {SMALL} pairs, {many} MB for {MORE * count}: {growth:+.0%}"
        )


if __name__ == "__main__":
    main()
