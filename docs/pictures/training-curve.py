"""Draw docs/pictures/training-curve.png: how near to the truth a pyramid comes, minute by minute.

python docs/pictures/training-curve.py

The numbers, ``training-curve.json``, are what ``tests/bench/train_curve.py`` writes.
"""

import json
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 420, 60, 20, 50
COLOURS = {0: (0, 90, 180), 1: (200, 80, 0)}
NAMES = {0: "the coarse module", 1: "the coarse and the fine one"}
SCALE = 2  # drawn larger, then made smaller, so that lines are smooth
GREY = (150, 150, 150)


def draw(points):
    """Medians of the distances from the true field in pixels, over minutes."""
    page = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=15 * SCALE)
    longest, largest = points[-1]["minutes"], max(each["median"] for each in points) * 1.05

    def at(minutes, distance):
        x = LEFT + minutes / longest * (WIDTH - LEFT - 30)
        y = HEIGHT - BOTTOM - distance / largest * (HEIGHT - TOP - BOTTOM)
        return x * SCALE, y * SCALE

    for distance in range(int(largest) + 1):
        pen.line([at(0, distance), at(longest, distance)], fill=(225, 225, 225), width=SCALE)
        x, y = at(0, distance)
        pen.text((x - 12 * SCALE, y), str(distance), fill="black", font=font, anchor="rm")
    for minute in range(int(longest) + 1):
        x, y = at(minute, 0)
        pen.text((x, y + 8 * SCALE), str(minute), fill="black", font=font, anchor="ma")
    x, y = at(longest / 2, 0)
    pen.text((x, y + 28 * SCALE), "minutes of training", fill="black", font=font, anchor="ma")
    third = points[0]["median"] / 3
    pen.line([at(0, third), at(longest, third)], fill=GREY, width=2 * SCALE)
    x, y = at(longest, third)
    said = "a third of the distance at the start"
    pen.text((x, y - 6 * SCALE), said, fill=(90, 90, 90), font=font, anchor="rd")
    for before, after in pairwise(points):
        ends = [at(each["minutes"], each["median"]) for each in (before, after)]
        pen.line(ends, fill=COLOURS[after["stage"]], width=3 * SCALE)
    for stage, name in NAMES.items():
        place = ((LEFT + 330) * SCALE, (TOP + 10 + 24 * stage) * SCALE)
        pen.text(place, name, fill=COLOURS[stage], font=font)
    said = "distance from the true field, median, in pixels"
    pen.text(((LEFT + 330) * SCALE, (TOP + 58) * SCALE), said, fill="black", font=font)
    return page.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    here = Path(__file__)
    numbers = json.loads(here.with_suffix(".json").read_text())
    draw(numbers).quantize(48).save(here.with_suffix(".png"), optimize=True)
