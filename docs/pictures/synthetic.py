"""Draw docs/pictures/synthetic.png: what the source `synthetic` makes.

python docs/pictures/synthetic.py
"""

from colorsys import hsv_to_rgb
from pathlib import Path

import attrs
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import map_coordinates

from metroem_core.geometry import Box
from metroem_volumes.synthetic import Synthetic

SIDE, MARGIN, TITLE = 320, 12, 26
EDGE = 24  # pixels around a panel that alignment may need
FIRST, START = 20, (600, 500)
COLOURS = 72  # of the palette; keeps the file small

TISSUE = Synthetic(seed=1)
BENT = attrs.evolve(TISSUE, deformation=24, jitter=10)
HURT_SECTION = 3
HURT = attrs.evolve(TISSUE, size=(1280, 1280, 64), folds=1, cracks=1, missing_areas=1)


def read(synthetic, z, start=START, mip=1, edge=0, **changes):
    """The channels (C, Y, X) of a square piece of a section."""
    volume = attrs.evolve(synthetic, **changes).open()
    x, y, side = start[0] - edge, start[1] - edge, SIDE + 2 * edge
    return volume.read(Box.of((x, y, z), (side, side, 1)), mip)[:, 0]


def grey(image):
    return np.repeat(image[0][..., None], 3, axis=2)


def coloured(labels):
    """Every cell in one of a few colours, black between them."""
    hues = np.array([hsv_to_rgb(n * 0.618 % 1, 0.55, (200, 255)[n % 2]) for n in range(14)])
    return np.where(labels[0][..., None] > 0, hues[labels[0] % 14], 0)


def overlaid(image, other):
    """One section in orange, the other in blue: grey where they agree."""
    return np.stack([image, (image + other) / 2, other], axis=-1)


def warped(image, field):
    y, x = np.indices(image.shape, dtype=float)
    return map_coordinates(image.astype(float), [y + field[1], x + field[0]], order=1)


def arrows(image, field):
    """The field as arrows from where it is known to where it points, over a pale image."""
    picture = Image.fromarray((0.45 * grey(image[None]) + 125).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for y in range(20, SIDE, 28):
        for x in range(20, SIDE, 28):
            dx, dy = field[:, y, x]
            end = (x + dx, y + dy)
            draw.line([(x, y), end], fill=(190, 30, 30), width=2)
            draw.ellipse([end[0] - 3, end[1] - 3, end[0] + 3, end[1] + 3], fill=(190, 30, 30))
    return np.asarray(picture)


def panels():
    """The titles and pictures (Y, X, 3), in the order in which they are read."""
    for z in range(FIRST, FIRST + 3):
        yield f"section {z}", grey(read(TISSUE, z))
    yield f"labels of section {FIRST}", coloured(read(TISSUE, FIRST, layer="labels"))
    source, target = (read(BENT, z, edge=EDGE)[0].astype(float) for z in (FIRST + 1, FIRST))
    field = read(BENT, FIRST + 1, edge=EDGE, layer="field", offset=-1)
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    yield "two sections, deformed", overlaid(source, target)[inner]
    yield "the true field between them", arrows(source[inner], field[:, *inner])
    yield "the same two, aligned by it", overlaid(warped(source, field), target)[inner]
    yield "fold, crack, missing area", grey(read(HURT, HURT_SECTION, (0, 0), 2))


def sheet(pictures, columns=4):
    """Pictures with their titles, in rows."""
    pictures = list(pictures)
    rows = -(-len(pictures) // columns)
    width, height = SIDE + MARGIN, SIDE + MARGIN + TITLE
    page = Image.new("RGB", (columns * width + MARGIN, rows * height + MARGIN), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=16)
    for number, (title, picture) in enumerate(pictures):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * width, MARGIN + row * height
        draw.text((x, y), title, fill="black", font=font)
        page.paste(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), (x, y + TITLE))
    return page


if __name__ == "__main__":
    page = sheet(panels()).quantize(COLOURS, dither=Image.Dither.NONE)
    page.save(Path(__file__).with_suffix(".png"), optimize=True)
