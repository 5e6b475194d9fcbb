"""The spec of the demo, for synthetic tissue or a volume of the user's own."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.geometry import Box

from ..models.starting import start
from ..naming import built

COARSER = 2  # mips from the fine pictures to the coarse ones
FINE = 2  # the mip of the fine pictures of synthetic tissue
SIDE = 256  # pixels of the fine mip along a side of a picture
LEAST = SIDE + 64  # pixels along a side of a volume
SHOWN = 512  # pixels along a side of what is aligned in the end, at most
STIFFNESS = {True: 10000.0, False: 100.0}  # of synthetic tissue, of real tissue

_place = re.compile(r"@\{(\w+)\}")


@attrs.frozen
class Effort:
    """How much is done.

    :param sections: of the volume.
    :param pairs: in the set, the last of which validate.
    :param epochs: of the training: of the coarse network in its two phases, and of the fine one.
    :param crops: of each pair in an epoch.
    """

    sections: int
    pairs: int
    validating: int
    epochs: tuple[int, int, int]
    crops: int


FULL = Effort(sections=8, pairs=24, validating=4, epochs=(14, 18, 8), crops=4)
QUICK = Effort(sections=6, pairs=10, validating=2, epochs=(8, 10, 4), crops=8)


def tissue(seed: int, sections: int) -> dict[str, Any]:
    """A source of synthetic tissue whose sections were displaced."""
    return {
        "type": "synthetic",
        "seed": seed,
        "size": [1536, 1536, sections],
        "mips": FINE + COARSER + 1,
        "deformation": 20.0,
        "deformation_scale": 512.0,
        "jitter": 8.0,
        "brightness": 10.0,
        "contrast": 0.1,
    }


def write(folder: Path, effort: Effort, seed: int, data: dict[str, Any] | None) -> Path:
    """Write the spec, and what it needs, into a folder; the path of the spec.

    :param data: a source of the user's own.
    :raises UserError: when the folder holds a demo of other data, of another seed or effort.
    """
    image = data or tissue(seed, effort.sections)
    box, mips = place(image)
    mip = FINE if data is None else min(mips)
    shown = middle(box, (SHOWN << mip, SHOWN << mip, effort.sections))
    values = {
        "image": image,
        "mip": mip,
        "coarse": mip + COARSER,
        "pairs": {"type": "points", "path": "points.csv", "max_mip": mip + COARSER},
        "validation": effort.validating,
        "validate": max(sum(effort.epochs) // 12, 1),
        "first_epochs": effort.epochs[0],
        "epochs": effort.epochs[1],
        "fine_epochs": effort.epochs[2],
        "crops": effort.crops,
        "seed": seed,
        "stiffness": STIFFNESS[data is None],
        "start": list(shown.start),
        "stop": list(shown.stop),
    }
    if mip + COARSER not in mips:
        values["image_mip"] = mip
    if data is None:
        values["truth"] = {**image, "layer": "field", "offset": -1}
    spec, text = folder / "demo.yaml", filled(values)
    if spec.exists() and spec.read_text(encoding="utf-8") != text:
        raise UserError(f"{folder} holds another demo; choose another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    points(folder / "points.csv", box, mip, effort, seed)
    if not (folder / "untrained").exists():
        start(folder / "untrained", "small", (mip + COARSER, mip), seed)
    with whole(spec) as part:
        part.write_text(text, encoding="utf-8")
    return spec


def place(image: dict[str, Any]) -> tuple[Box, set[int]]:
    """The box of a source in MIP0 voxels, and its mips.

    :raises UserError: when there is too little of it.
    """
    info = built(image).open().info
    mip = min(info.scales)
    box = info.scales[mip].box
    (x, y, z), (right, bottom, last) = box.start, box.stop
    if min(right - x, bottom - y) < LEAST or last - z < QUICK.sections:
        raise UserError(
            f"the demo needs {QUICK.sections} sections of {LEAST} x {LEAST} pixels at least; this "
            f"volume has {last - z} of {right - x} x {bottom - y}"
        )
    return Box((x << mip, y << mip, z), (right << mip, bottom << mip, last)), set(info.scales)


def middle(box: Box, size: tuple[int, int, int]) -> Box:
    """The middle of a box along x and y, and its first sections; no larger than the box."""
    size = tuple(map(min, size, box.size))  # type: ignore[assignment]
    x, y = (a + (n - m) // 2 for a, n, m in zip(box.start[:2], box.size, size, strict=False))
    return Box.of((x, y, box.start[2]), size)


def points(path: Path, box: Box, mip: int, effort: Effort, seed: int) -> None:
    """Write places as they might be marked in a viewer: pictures around them lie in the box.

    They are in the order of their sections, so that the last ones, which validate, are of sections
    that the others do not show.
    """
    draw, edge = Random(seed), SIDE // 2 << mip
    (x, y, z), (right, bottom, last) = box.start, box.stop
    last = min(last, z + effort.sections)
    sections = sorted(z + 1 + k % (last - z - 1) for k in range(effort.pairs))
    lines = ["x,y,z"]
    for section in sections:
        across, down = draw.randint(x + edge, right - edge), draw.randint(y + edge, bottom - edge)
        lines.append(f"{across},{down},{section}")
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:  # or all would be done again
        path.write_text(text, encoding="utf-8")


def filled(values: dict[str, Any]) -> str:
    """The text of the spec. A line with a place for which there is no value is left out."""
    file = resources.files("metroem_commands.demonstration") / "chain.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if all(name in values for name in _place.findall(line))]
    text = _place.sub(lambda found: json.dumps(values[found[1]]), "\n".join(kept) + "\n")
    if "truth" not in values:
        text = re.sub(r"(, )?truth: \*truth", "", text)
    return text
