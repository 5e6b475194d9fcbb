"""Several pictures on one page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from .colours import certainty, field_colours, heat, overlay
from .fit import fitting
from .legends import font, with_bar, with_wheel

GAP = 16
CAPTION = 30  # pixels of a line above a panel, at least
INK = (235, 235, 235)
PAPER = (24, 24, 28)
WORST = (1, 2, 5, 10, 20, 50)  # pixels of an error that may be shown in white


def sheet(panels: Mapping[str, np.ndarray], columns: int = 2) -> Image.Image:
    """Pictures of one size side by side, each under its caption; large ones are made smaller."""
    pictures = [fitting(panel) for panel in panels.values()]
    width, height = pictures[0].size
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    line = max(CAPTION, width // 24)
    size = (columns * (width + GAP) + GAP, rows * (height + line + GAP) + GAP // 2)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for index, (caption, picture) in enumerate(zip(panels, pictures, strict=True)):
        row, column = divmod(index, columns)
        left, top = GAP + column * (width + GAP), GAP // 2 + row * (height + line + GAP)
        letters = font(int(0.58 * line))
        draw.text((left, top + line // 2), caption, fill=INK, font=letters, anchor="lm")
        page.paste(picture, (left, top + line))
    return page


def pair_panels(
    src: np.ndarray,
    tgt: np.ndarray,
    warped: np.ndarray,
    field: np.ndarray,
    *,
    confidence: np.ndarray | None = None,
    error: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What a person wants to see of an aligned pair, by caption.

    :param src: the source, and ``tgt`` and ``warped`` likewise, (H, W).
    :param field: (2, H, W) in pixels.
    :param confidence: (H, W), from 0 to 1.
    :param error: (H, W), how far each vector ends from the true one, in pixels.
    """
    lengths = np.hypot(*field)
    largest = float(np.nanpercentile(lengths, 99)) if np.isfinite(lengths).any() else 0.0
    panels = {
        "before: source red, target cyan": overlay(src, tgt),
        "after: warped source red, target cyan": overlay(warped, tgt),
        "field: from where each pixel is taken": with_wheel(field_colours(field, largest), largest),
    }
    if error is not None:
        worst = scale_of(error)
        ramp = heat(np.linspace(0, worst, 256), worst)
        panels["error: distance from the true field"] = with_bar(
            heat(error, worst), ramp, f"0 to {worst} px"
        )
    elif confidence is not None:
        ramp = certainty(np.linspace(0, 1, 256))
        panels["confidence"] = with_bar(certainty(confidence), ramp, "0 to 1")
    return panels


def scale_of(error: np.ndarray) -> int:
    """The least of some round numbers of pixels that 95 % of a map of errors stay below."""
    known = error[np.isfinite(error)]
    most = np.percentile(known, 95) if known.size else 0.0
    return next((each for each in WORST if most <= each), WORST[-1])
