"""Fields of a volume: how fast, and on what the time goes.

Sections of smooth noise in a local zarr volume, each a little deformed.

    python tests/bench/generate.py [SIDE] [SECTIONS] [REPEATS]
"""

import json
import logging
import sys
import tempfile
import time
from pathlib import Path

import torch

BLOCK, HALO = 512, 64
NETWORK = Path(__file__).parents[1] / "networks" / "small.json"
TINY = {
    "type": "module",
    "network": {"type": "unet2d", "in_channels": 2, "features": [1, 1], "convolutions": 1},
}


def volume(path, side, sections):
    """A zarr volume of sections of smooth noise."""
    from metroem_core.field import random_smooth, sample
    from metroem_core.geometry import Box, Scale, VolumeInfo
    from metroem_core.plugins import components

    whole = Box((0, 0, 0), (side, side, sections))
    sink = components().get("sink", "zarr")(path=str(path), chunk=(256, 256, 1))
    opened = sink.open(VolumeInfo(1, "uint8", {0: Scale(whole, (4.0, 4.0, 40.0))}))
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 1, side // 4, side // 4, generator=generator)
    image = torch.nn.functional.interpolate(noise, (side, side), mode="bilinear")
    for z in range(sections):
        field = random_smooth((side, side), 2.0, 128.0, generator=generator)
        voxels = (sample(image, field, "border") * 254 + 1).byte().numpy()
        opened.write(Box.of((0, 0, z), (side, side, 1)), 0, voxels)


def pyramid(path):
    """A pyramid of one network that has learnt nothing."""
    from metroem_core.module_folder import save_module
    from metroem_core.plugins import components

    network = components().get("network", "scalenet")(str(NETWORK))
    torch.manual_seed(0)
    save_module(path / "0_mip0in_x", network, network.build(), {})
    return {"type": "pyramid", "path": str(path)}


def generate(image, out, aligner):
    """Seconds to find all fields of a volume, and the report."""
    from metroem_core.kinds import Step
    from metroem_core.plugins import components, listeners
    from metroem_core.run import Run, Spec
    from metroem_core.spec import build
    from metroem_registry import Registry

    registry = components()
    fields = {"-1": {"type": "zarr", "path": str(out), "chunk": [256, 256, 1]}}
    source = {"type": "zarr", "path": str(image)}
    sections = {"image": source, "fields": fields, "block": [BLOCK, BLOCK], "halo": HALO}
    value = {"type": "generate", "mip": 0, "aligner": aligner, "volume": sections}
    step = build(value, Step, registry)
    run = Run(Spec((step,)), out.parent / f"{out.name}.run", registry, listeners(Registry()))
    start = time.perf_counter()
    step.run(run)
    return time.perf_counter() - start, json.loads(Path(f"{out}.report.json").read_text())


def fastest(image, folder, aligner, repeats):
    """The best of several times."""
    found = []
    for _ in range(repeats):
        out = Path(tempfile.mkdtemp(dir=folder)) / "fields"
        found.append(generate(image, out, aligner))
    return min(found, key=lambda each: each[0])


def compare(image, folder, aligners, repeats):
    for name, aligner in aligners.items():
        seconds, report = fastest(image, folder, aligner, repeats)
        rate = report["pixels"] / 1e6 / seconds
        parts = {part: report["seconds"][part] for part in ("read", "compute", "write")}
        shares = [f"{part} {each / sum(parts.values()):.0%}" for part, each in parts.items()]
        print(f"{name}: {rate:.3g} Mpix/s with one process: {', '.join(shares)}")


def main():
    logging.disable(logging.WARNING)
    side, sections, repeats = (int(each) for each in [*sys.argv[1:], "1024", "8", "3"][:3])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        volume(folder / "image", side, sections)
        aligners = {"block_match": {"type": "block_match"}, "pyramid": pyramid(folder / "pyramid")}
        compare(folder / "image", folder, aligners, repeats)


if __name__ == "__main__":
    main()
