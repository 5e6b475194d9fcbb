"""Pictures of a size that suits a page."""

from __future__ import annotations

import numpy as np
from PIL import Image

LARGEST = 1024  # pixels along the longer side of a panel


def fitting(panel: np.ndarray) -> Image.Image:
    """A picture with half to all of the pixels that a panel may have along its longer side."""
    picture = Image.fromarray(panel)
    longer = max(picture.size)
    if longer > LARGEST:
        size = (round(n * LARGEST / longer) for n in picture.size)
        return picture.resize(tuple(size), Image.Resampling.LANCZOS)  # type: ignore[arg-type]
    times = -(-LARGEST // (2 * longer))
    if times < 2:
        return picture
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
