"""The files that ``metroem pair`` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from metroem_core.files import whole, write_json
from metroem_core.pictures import pair_panels, sheet, stretched

from .aligning import Aligned
from .reading import Picture


def write(folder: Path, src: Picture, tgt: Picture, aligned: Aligned) -> None:
    """Write arrays, pictures and, last, the numbers; each appears whole."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "field.npy", aligned.field)
    if aligned.confidence is None:
        (folder / "confidence.npy").unlink(missing_ok=True)  # of a field that was here before
    else:
        save(folder / "confidence.npy", aligned.confidence)
    draw(folder / "warped.png", like(src.values, aligned.warped))
    panels = pair_panels(
        grey(src.values),
        grey(tgt.values),
        aligned.warped,
        aligned.field,
        confidence=aligned.confidence,
        error=aligned.error,
    )
    for name, panel in zip(("before", "after", "field"), panels.values(), strict=False):
        draw(folder / f"{name}.png", Image.fromarray(panel))
    draw(folder / "pair.png", sheet(panels))
    write_json(folder / "numbers.json", aligned.numbers)


def save(path: Path, values: np.ndarray) -> None:
    """Write an array."""
    with whole(path) as part, open(part, "wb") as file:
        np.save(file, values)


def draw(path: Path, image: Image.Image) -> None:
    """Write a picture as PNG."""
    with whole(path) as part:
        image.save(part, "PNG")


def like(original: np.ndarray, values: np.ndarray) -> Image.Image:
    """Values from 0 to 1 in the type of the original; of floats, the middle 98 % over 256 greys."""
    if original.dtype.kind == "f":
        return Image.fromarray(stretched(values))
    largest = np.iinfo(original.dtype).max
    return Image.fromarray(np.rint(values * largest).clip(0, largest).astype(original.dtype))


def grey(values: np.ndarray) -> np.ndarray:
    """A picture to draw."""
    return values.astype(np.float32)
