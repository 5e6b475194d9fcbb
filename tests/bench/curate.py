"""How fast pairs are curated, as a share of merely reading and writing them.

A local precomputed volume, pairs of 1024 x 1024 with one mask. Three sets are made of it:

- HDF5 files, with a prior field and normalised by a reference, against reading the same boxes with
  TensorStore and then writing the same arrays with h5py and the same filters;
- uncompressed zarr, masked only, against reading the same boxes;
- uncompressed zarr of pictures that are normalised, masked and warped, against the same. Here it
  is computing that takes the time, not reading.

A box that lies in another one is read once by either. All lies in the memory of the system. Both
run by turns, and the best of each counts.

    python tests/bench/curate.py [PAIRS] [REPEATS]
"""

import logging
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import tensorstore as ts

SIZE, WIDE = 1024, 2048
FIELD_MIP = 3
FEW, MANY = 16, 256  # pairs, to see whether memory grows
KEPT = 4  # pairs whose arrays are written again and again


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
        "normalizer": {"type": "reference_zscore", "area": {"mip": 0, "size": [SIZE, SIZE]}},
        "field": {
            "source": {"type": "cloudvolume", "path": str(folder / "field")},
            "mip": FIELD_MIP,
            "area": {"mip": 0, "size": [SIZE, SIZE]},
        },
        "values": "raw",
        "to": str(to),
        **changes,
    }


def curate(folder, count, to, **changes):
    """Seconds to make a set, without starting processes and importing."""
    from metroem_core.kinds import Step
    from metroem_core.plugins import components, listeners
    from metroem_core.run import Run, Spec
    from metroem_core.spec import build
    from metroem_registry import Registry

    registry = components()
    step = build(spec(folder, count, to, **changes), Step, registry)
    run = Run(Spec((step,)), to.parent / f"{to.name}.run", registry, listeners(Registry()))
    start = time.perf_counter()
    step.run(run)
    return time.perf_counter() - start


def stores(folder, names):
    """The arrays of some volumes, as TensorStore opens them, and their mips."""
    found = []
    for name in names:
        mip = FIELD_MIP if name == "field" else 0
        kvstore = {"driver": "file", "path": f"{folder / name}/"}
        driver = "neuroglancer_precomputed"
        opened = ts.open({"driver": driver, "kvstore": kvstore, "scale_index": mip})
        found.append((opened.result(), mip))
    return found


def reading(folder, count, names):
    """Seconds to read the boxes of pairs in some volumes."""
    opened = stores(folder, names)
    start = time.perf_counter()
    for pair in spec(folder, count, folder / "none")["pairs"]["pairs"]:
        for x, y, z in pair:
            for store, mip in opened:
                left, top = ((n - SIZE // 2) >> mip for n in (x, y))
                box = (slice(left, left + (SIZE >> mip)), slice(top, top + (SIZE >> mip)))
                store[(*box, slice(z, z + 1))].read(order="F").result()
    return time.perf_counter() - start


def writing(made, count, to):
    """Seconds to write the first arrays of a set, over and over, as the set has them."""
    arrays = []
    for path in sorted(made.glob("*.h5"), reverse=True):
        with h5py.File(path) as file:
            arrays.append(file["main"][:KEPT])
    images, fields = arrays
    start = time.perf_counter()
    with h5py.File(to, "w") as file:
        shape = (count, 2, SIZE, SIZE)
        kept = {"shape": shape, "dtype": "f4", "compression": "lzf"}
        all_images = file.create_dataset("images", chunks=(1, 1, SIZE, SIZE), **kept)
        all_fields = file.create_dataset("f", chunks=(1, 2, SIZE, SIZE), scaleoffset=2, **kept)
        for index in range(count):
            all_images[index], all_fields[index] = images[index % KEPT], fields[index % KEPT]
    return time.perf_counter() - start


def compare(folder, count, repeats):
    zarr = {"type": "zarr", "chunk": [SIZE, SIZE, 1], "compression": "none"}
    times = []
    for number in range(repeats):
        made = folder / f"set{number}"
        whole = curate(folder, count, made)
        read = reading(folder, count, ("image", "mask", "field"))
        write = writing(made, count, folder / "bare.h5")
        sinks = [{"images": {**zarr, "path": str(folder / f"v{n}{number}")}} for n in (0, 1)]
        masked = {**sinks[0], "normalizer": None, "field": None}
        plain = curate(folder, count, folder / f"plain{number}", **masked)
        few = reading(folder, count, ("image", "mask"))
        warped = {**sinks[1], "warp_source": False}
        full = curate(folder, count, folder / f"full{number}", **warped)
        times.append((whole, read, write, plain, few, full))
        for each in (made, *(Path(sink["images"]["path"]) for sink in sinks)):
            shutil.rmtree(each)
    whole, read, write, plain, few, full = map(min, zip(*times, strict=True))
    print(f"{count} pairs: reading {read:.2f} s, writing {write:.2f} s")
    print(f"HDF5: {whole:.2f} s, {(read + write) / whole:.0%} of the bare rate; 60 % wanted")
    print(f"zarr, masked: {plain:.2f} s, {few / plain:.0%} of the bare reading rate; 50 % wanted")
    print(f"zarr, normalised and warped too: {full:.2f} s, {read / full:.0%} of it")


def peak(folder, count):
    """Megabytes at most that a process of its own needs to make a set."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import curate; "
        "from pathlib import Path; "
        "curate.curate(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])); "
        "status = Path('/proc/self/status').read_text(); "
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)"
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
        few, many = peak(folder, FEW), peak(folder, MANY)
        growth = many / few - 1
        print(f"peak memory: {few} MB for {FEW} pairs, {many} MB for {MANY}: {growth:+.0%}")


if __name__ == "__main__":
    main()
