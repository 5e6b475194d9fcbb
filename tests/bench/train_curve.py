"""How near to the truth a pyramid comes, minute by minute, from new weights on two cores.

    OMP_NUM_THREADS=2 python tests/bench/train_curve.py FOLDER [SHARE]

Sections of the synthetic volume are displaced by up to 8 pixels. A pyramid of two small networks,
for pictures of mip 3 and of mip 1, learns from pairs of them and is never shown a true field. On
pairs that are held out, the distance from the true field is measured, in pixels of mip 0, for all
weights that were saved on the way; measuring does not count as training. SHARE shortens all epochs.
FOLDER gets the set, the model and ``curve.json``; a second start goes on.
``docs/pictures/training-curve.py`` draws it.

Wanted after 10 minutes: a third of the distance at the start. Goal: a median of 0.5 pixels.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch

from metroem_commands.models.starting import start
from metroem_core import hookimpl
from metroem_core.batch import Array, pair, turned
from metroem_core.field import up
from metroem_core.geometry import Box
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set

SECTIONS, SIDE, MIPS, SIZES, MARGIN = 32, 1024, (3, 1), (128, 256), 8
VOLUME = {
    "seed": 5, "size": (SIDE, SIDE, SECTIONS), "mips": 4, "deformation": 6.0,
    "deformation_scale": 256.0, "noise": 12.0, "brightness": 10.0, "contrast": 0.1,
}  # fmt: skip
PHASES = {
    "3": ((10, 2e-3, 28), (100, 5e-4, 20)),
    "1": ((10000, 5e-4, 8),),
}  # weights of bends, learning rates, and epochs
CROPS, BATCH = 4, 4


def spec(folder, share):
    """Pairs of all neighbouring sections, of which the last three validate; and the training."""
    curate = {
        "type": "curate",
        "pairs": {"type": "box", "start": [0, 0, 1], "stop": [SIDE, SIDE, SECTIONS]},
        "image": {"type": "synthetic", **VOLUME},
        "normalizer": "zscore",
        "mips": MIPS,
        "size": [[side, side] for side in SIZES],
        "validation": {"z": [SECTIONS - 4, SECTIONS]},
        "to": "pairs",
    }
    train = {
        "type": "train",
        "data": "pairs",
        "aligner": {"type": "pyramid", "path": str(folder / "new")},
        "phases": {
            mip: [phase(weight, lr, max(round(share * n), 1)) for weight, lr, n in phases]
            for mip, phases in PHASES.items()
        },
        "inherit": True,
        "crop": 128,
        "crops": CROPS,
        "batch_size": BATCH,
        "validate_every": 5,
        "save_every": 5.0,
        "workers": 0,
        "device": "cpu",
        "to": "model",
    }
    return {"steps": [curate, train]}


def phase(weight, lr, epochs):
    """Likeness, and no bends: to bend is dear when the network has learnt to find anything."""
    return {
        "objective": {
            "type": "plain", "similarity": "ncc", "smoothness": "bending", "weight": float(weight),
            "crop": 4,
        },
        "augmentations": ["random_transpose", "random_src_tgt_swap"],
        "lr": lr,
        "clip": 1.0,
        "schedule": {"shape": "cosine", "warm_up": 0.03, "last": 0.05},
        "epochs": epochs,
    }  # fmt: skip


class Snapshots:
    """Keeps all weights that are saved, and when that was: minutes, and minutes of computing."""

    def __init__(self, folder):
        self.folder, self.kept = folder, {}
        self.began = None

    @hookimpl
    def metroem_progress(self, run, step, values):
        if "stage" not in values:
            return
        now = time.monotonic(), time.process_time()
        self.began = self.began or now
        minutes = [(a - b) / 60 for a, b in zip(now, self.began, strict=True)]
        for path in sorted((run.folder / "model.part").glob("*/weights.safetensors")):
            stamp = path.stat().st_mtime_ns
            to = self.folder / f"{len(self.kept):04}" / path.parent.name
            if (path.parent.name, stamp) not in self.kept and int(path.parent.name[0]) == int(
                values["stage"]
            ):
                shutil.copytree(path.parent, to, ignore=shutil.ignore_patterns("training"))
                self.kept[path.parent.name, stamp] = (to, int(values["stage"]), *minutes)


def held_out(folder):
    """The pairs that validate at both mips, with the true field in pixels of the finer one."""
    volume = components().get("source", "synthetic")(**VOLUME, layer="field", offset=-1).open()
    pairs, found = read_set(folder / "pairs"), []
    corner = ((SIDE >> MIPS[1]) - SIZES[1]) // 2
    for index in pairs.split()[1]:
        box = Box.of((corner, corner, 1 + index), (SIZES[1], SIZES[1], 1))
        truth = turned(torch.from_numpy(volume.read(box, MIPS[1])).movedim(1, 0))
        samples = [pairs.read(index, mip) for mip in MIPS]
        shown = [
            pair(*(torch.from_numpy(each)[None, None] for each in (s.src, s.tgt))) for s in samples
        ]
        found.append((*shown, truth))
    return found


def distances(aligns, pairs):
    """The median and the mean distance in pixels of mip 0 from the true fields."""
    found = []
    for coarse, fine, truth in pairs:
        field = up(aligns[0](coarse).field, MIPS[0] - MIPS[1])
        first = (field.shape[-1] - SIZES[1]) // 2
        field = field[..., first : first + SIZES[1], first : first + SIZES[1]]
        if len(aligns) > 1:
            field = aligns[1](fine.put(src_field=Array(field.contiguous(), "field"))).field
        inside = (field - truth).norm(dim=1)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        found.append(inside[inside.isfinite()])
    values = torch.cat(found) * 2 ** MIPS[1]
    return values.median().item(), values.mean().item()


def built(folder):
    return components().get("aligner", "module")(path=str(folder)).build()


def curve(folder, kept):
    """A point for every snapshot."""
    pairs, points = held_out(folder), []
    zeros = [lambda batch: type("Still", (), {"field": torch.zeros(1, 2, SIZES[0], SIZES[0])})]
    median, mean = distances(zeros, pairs)
    points.append({"minutes": 0.0, "computing": 0.0, "stage": -1, "median": median, "mean": mean})
    first = None
    for path, stage, minutes, computing in kept:
        aligns = [built(path)] if stage == 0 else [first, built(path)]
        first = aligns[0]
        median, mean = distances(aligns, pairs)
        times = {"minutes": minutes, "computing": computing}
        points.append({**times, "stage": stage, "median": median, "mean": mean})
    return points


def main(folder, share):
    if not (folder / "new").exists():
        start(folder / "new", "small", MIPS, seed=0)
    run = load(spec(folder, share), out=folder)
    snapshots = Snapshots(folder / f"snapshots-{int(time.time())}")
    run.listeners.manager.register(snapshots)
    run.run()
    points = curve(folder, list(snapshots.kept.values()))
    (folder / "curve.json").write_text(json.dumps(points, indent=1) + "\n")
    for each in points:
        print("{minutes:6.2f} min ({computing:6.2f} of computing), stage {stage:2}: median "
              "{median:.3f} px, mean {mean:.3f} px".format(**each))  # fmt: skip
    share = np.array([each["median"] for each in points]) / points[0]["median"]
    print(f"wanted: a third of the start; reached {share[-1]:.2f} of it")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
