"""Pictures of the pairs of a set: rows downwards, as in a viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.sets import PairSet

COLUMNS = 4  # pairs in a row of the sheet
GAP = 8
CAPTION = 16
MILLISECONDS = 400  # of each picture of a GIF


def draw(found: PairSet, out: Path, mip: int | None, size: int, most: int) -> int:
    """Draw the pairs of a set, and answer how many.

    :param mip: which one; None for the coarsest that all pairs have.
    :param size: pixels of the longer side.
    :param most: how many pairs to draw.
    """
    if not found.mips:
        raise UserError(f"{found.folder}: there is no mip that all pairs have")
    chosen = found.mips[-1] if mip is None else mip
    count = min(len(found), most)
    with whole(out) as folder:
        folder.mkdir()
        tiles = []
        for index in range(count):
            sample = found.read(index, chosen)
            pair = [small(picture, size) for picture in (sample.src, sample.tgt)]
            flicker(pair, folder / f"pair_{index:04}.gif")
            tiles.append((f"{index}", pair))
        sheet(tiles).save(folder / "sheet.png")
    return count


def small(picture: np.ndarray, size: int) -> Image.Image:
    """A picture (X, Y) with its middle 98 % of values over the range, no larger than a size."""
    grey = np.nan_to_num(picture.T)
    tissue = grey[grey != 0]
    low, high = np.percentile(tissue, [1, 99]) if tissue.size else (0, 1)
    scaled = ((grey - low) / max(high - low, 1e-6)).clip(0, 1) * 254 + 1
    image = Image.fromarray((scaled * (grey != 0)).astype(np.uint8))
    image.thumbnail((size, size))
    return image


def flicker(pair: list[Image.Image], path: Path) -> None:
    """Write a GIF that goes from source to target and back."""
    pair[0].save(path, save_all=True, append_images=pair[1:], duration=MILLISECONDS, loop=0)


def sheet(tiles: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    """All pairs on one picture, source beside target, each under its number."""
    width = max(each.width for _, pair in tiles for each in pair)
    height = max(each.height for _, pair in tiles for each in pair)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    step = (2 * width + 2 * GAP, height + CAPTION + GAP)
    page = Image.new("L", (columns * step[0] + GAP, rows * step[1] + GAP), 24)
    pen = ImageDraw.Draw(page)
    for index, (caption, pair) in enumerate(tiles):
        left = GAP + index % columns * step[0]
        top = GAP + index // columns * step[1]
        pen.text((left, top), caption, fill=235)
        for number, image in enumerate(pair):
            page.paste(image, (left + number * (width + GAP // 2), top + CAPTION))
    return page
