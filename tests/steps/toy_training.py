"""Small sets, small pyramids, and objectives that misbehave, to train with in no time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import torch

from metroem_core import hookimpl
from metroem_core.batch import Loss
from metroem_core.field import random_smooth, sample
from metroem_core.kinds import Network, Objective
from metroem_core.module_folder import save_module
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import FileName, create_images, write_about
from metroem_core.sets.layout import created
from metroem_core.spec import build

PLACE = (64, 64, 1)
TINY = {"type": "unet2d", "in_channels": 2, "features": [4, 8], "convolutions": 1}
PHASE = {
    "objective": {
        "type": "plain",
        "similarity": "mse",
        "smoothness": "rigidity",
        "weight": 1.0,
        "crop": 2,
    },
    "lr": 1e-2,
    "epochs": 2,
}
WARP = {"type": "warp", "max_disp": 2, "min_disp": -2}
MIXED = {**PHASE, "augmentations": [WARP, "random_transpose", "random_src_tgt_swap"]}
SHORT = {"phases": [MIXED, {**MIXED, "epochs": 1}], "save_every": 0.0, "ema": 0.9}
LONG = {"phases": [{**MIXED, "epochs": 3}], "save_every": 0.0, "crops": 2}
TOGETHER = {"phases": [MIXED]}


def texture(size, generator):
    """A picture (1, 1, X, Y) with blobs of about five pixels, of the mean 0, data all over."""
    noise = torch.rand(1, 1, *size, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2, count_include_pad=False)
    return (8 * smooth - 4).clamp(-2, 2) + 1e-4


def write_set(folder, pairs=6, size=(32, 32), mips=(0,), shift=2.0, validate=2, empty=()):
    """A set of textures; each target shows its source displaced by up to ``shift`` pixels.

    The true fields of all pairs, mip by mip, are in ``truth.pt``.

    :param empty: the numbers of pairs whose target has no data.
    """
    folder.mkdir(parents=True)
    draw, truth = torch.Generator().manual_seed(len(size) + pairs), []
    for mip in mips:
        with created(folder / str(FileName(PLACE, mip))) as file:
            dataset = create_images(file, pairs, size)
            for index in range(pairs):
                src = texture(size, draw)
                truth.append(random_smooth(size, shift, 16, draw))
                tgt = sample(src, truth[-1], "border")
                both = torch.cat([src, tgt * (index not in empty)], dim=1)
                dataset[index] = both[0].numpy()
    split = {
        "train": list(range(pairs - validate)),
        "validation": list(range(pairs - validate, pairs)),
    }
    about = {
        "pairs": pairs,
        "places": [[list(PLACE), [64, 64, 0]]] * pairs,
        "places_are": "middles",
        "shifts": [[[0, 0], [0, 0]]] * pairs,
        "split": split,
        "mips": {},
    }
    write_about(folder, {"x64_y64_z1": about})
    torch.save(truth, folder / "truth.pt")
    return folder


def write_pyramid(folder, mips=(0,), network=TINY, seed=0):
    """A pyramid of new modules."""
    registry = components()
    made = build(network, Network, registry)
    torch.manual_seed(seed)
    for number, mip in enumerate(mips):
        save_module(folder / f"{number}_mip{mip}in_toy", made, made.build(), {"mip": mip}, registry)
    return folder


def step(data, pyramid, **changes):
    """The step `train` of a spec."""
    return {
        "type": "train",
        "data": str(data),
        "aligner": {"type": "pyramid", "path": str(pyramid)},
        "phases": [PHASE],
        "crop": 16,
        "batch_size": 2,
        "workers": 0,
        "device": "cpu",
        "pictures_every": 1000,
        "to": "model",
        **changes,
    }


def train(out, data, pyramid, **changes):
    """Train, and answer the folder of the result."""
    run = load({"steps": [step(data, pyramid, **changes)]}, out=out, plugin_files=[Path(__file__)])
    run.run()
    return Path(run.spec.steps[0].to)


def weights(folder):
    """All weights of all modules, by module and name."""
    from metroem_core.checkpoint import load_weights

    found = {}
    for path in sorted(folder.glob("*/weights.safetensors")):
        found |= {f"{path.parent.name} {name}": t for name, t in load_weights(path).items()}
    assert found
    return found


def lines(module):
    """The log of a module."""
    text = (module / "training" / "log.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@attrs.frozen
class Broken:
    """An objective that is not finite, or huge, in some of its calls.

    :param objective: what it is otherwise.
    :param value: what it is instead.
    :param every: how often; 1 is always.
    """

    objective: Objective
    value: float | None = None
    every: int = 1

    def __call__(self, model: Any, batch: Any) -> Loss:
        loss = self.objective(model, batch)
        key = int(1e6 * batch["src"].tensor.double().sum())
        if not loss.total.requires_grad or key % self.every:
            return loss
        factor = torch.nan if self.value is None else self.value
        return attrs.evolve(loss, total=loss.total * factor)


@hookimpl
def metroem_register_components(registry):
    registry.add("objective", "broken", Broken)
