"""Draw docs/pictures/field-*.png: what the conventions of fields look like.

python docs/pictures/fields.py
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from metroem_core.field import compose, sample
from metroem_core.pictures import field_colours

SIDE, GAP, TITLE = 256, 16, 28
PAPER, INK, SOFT, PUSH = "white", (27, 31, 36), (150, 158, 168), (11, 98, 196)
MOVE = (64.0, 0.0)
HERE = Path(__file__).parent


def font(size):
    return ImageFont.load_default(size=size)


def letter():
    """A picture that looks different from every side, (1, 1, SIDE, SIDE) from 0 to 1."""
    picture = Image.new("L", (SIDE, SIDE), 40)
    ImageDraw.Draw(picture).text((SIDE / 2, SIDE / 2), "F", 235, font(150), anchor="mm")
    return torch.from_numpy(np.asarray(picture, np.float32) / 255)[None, None]


def shift(x, y):
    """The field that moves everything alike."""
    return torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, SIDE, SIDE)


def turn(degrees):
    """The field that turns about the middle."""
    angle, middle = np.deg2rad(degrees), (SIDE - 1) / 2
    y, x = torch.meshgrid(*[torch.arange(SIDE, dtype=torch.float32) - middle] * 2, indexing="ij")
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return torch.stack([c * x - s * y - x, s * x + c * y - y])[None]


def shown(tensor):
    """A picture to draw on."""
    grey = (tensor[0, 0].numpy() * 255).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def arrow(draw, start, stop, colour=PUSH, width=3):
    """An arrow from a place to another."""
    (ax, ay), (bx, by) = start, stop
    length = max(np.hypot(bx - ax, by - ay), 1e-6)
    ux, uy = (bx - ax) / length, (by - ay) / length
    draw.line([start, (bx - 6 * ux, by - 6 * uy)], colour, width)
    sides = [(bx - 12 * ux + k * 6 * uy, by - 12 * uy - k * 6 * ux) for k in (1, -1)]
    draw.polygon([stop, *sides], colour)


def arrows():
    """The field of one shift, on the grid of the result, with the axes."""
    panel = Image.new("RGB", (SIDE, SIDE), (246, 247, 249))
    draw = ImageDraw.Draw(panel)
    for y in range(88, SIDE, 42):
        for x in range(24, SIDE - int(MOVE[0]), 42):
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], PUSH)
            arrow(draw, (x, y), (x + MOVE[0] / 2, y), width=2)
    arrow(draw, (16, 16), (86, 16), INK)
    arrow(draw, (16, 16), (16, 66), INK)
    draw.text((92, 16), "x, component 0", INK, font(14), anchor="lm")
    draw.text((26, 60), "y, component 1", INK, font(14), anchor="lm")
    return panel


def coloured(field):
    """A field (1, 2, SIDE, SIDE) in colours."""
    return Image.fromarray(field_colours(field[0].numpy(), float(field.norm(dim=1).max())))


def wheel():
    """A field that points outwards everywhere, in its colours: all directions at once."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    panel = coloured(torch.stack([x, y])[None])
    draw = ImageDraw.Draw(panel)
    for (x, y), word in {(0.5, 0.08): "from above", (0.5, 0.93): "from below"}.items():
        draw.text((x * SIDE, y * SIDE), word, INK, font(14), anchor="mm")
    draw.text((8, SIDE / 2), "from the left", INK, font(14), anchor="lm")
    draw.text((SIDE - 8, SIDE / 2), "from the right", INK, font(14), anchor="rm")
    return panel


def grid(cells):
    """The pixels of a mip, with one vector that has the same length on the tissue at each."""
    panel = Image.new("RGB", (SIDE, SIDE), (246, 247, 249))
    draw, step = ImageDraw.Draw(panel), SIDE / cells
    for n in range(cells + 1):
        at = min(n * step, SIDE - 1)
        draw.line([(at, 0), (at, SIDE)], SOFT)
        draw.line([(0, at), (SIDE, at)], SOFT)
    start, stop = (SIDE / 4, SIDE / 2), (3 * SIDE / 4, SIDE / 2)
    arrow(draw, start, stop, width=4)
    draw.text((SIDE / 2, SIDE / 2 - 18), f"{cells // 2} px", PUSH, font(20), anchor="mm")
    return panel


def row(name, **panels):
    """Write panels beside each other, each under its title."""
    width, height = SIDE + GAP, SIDE + TITLE + GAP
    page = Image.new("RGB", (len(panels) * width + GAP, height), PAPER)
    draw = ImageDraw.Draw(page)
    for n, (title, panel) in enumerate(panels.items()):
        draw.text((GAP + n * width, 6), title.replace("_", " "), INK, font(14))
        page.paste(panel, (GAP + n * width, TITLE))
    page.save(HERE / f"field-{name}.png", optimize=True)


if __name__ == "__main__":
    image, moved, turned = letter(), shift(*MOVE), turn(25)
    pulled = shown(sample(image, moved))
    row("pull", the_source=shown(image), the_field=arrows(), the_result=pulled)
    row("colours", every_direction=wheel(), one_shift=coloured(moved), a_turn=coloured(turned))
    row("mips", mip_0=grid(16), mip_1=grid(8), mip_2=grid(4))
    row(
        "composition",
        the_source=shown(image),
        **{
            "compose(turn, shift): shift, then turn": shown(sample(image, compose(turned, moved))),
            "compose(shift, turn): turn, then shift": shown(sample(image, compose(moved, turned))),
        },
    )
