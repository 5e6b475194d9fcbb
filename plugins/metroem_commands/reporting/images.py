"""Pictures inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from metroem_core.pictures import certainty, field_colours, heat, with_bar, with_wheel

from .markup import Markup, tag

LARGEST = 900  # pixels along the longer side of a picture in the page
QUALITY = 82
FOLD = (214, 40, 40)
NO_DATA = (128, 128, 128)


def embedded(image: Image.Image, *, lossless: bool = False) -> str:
    """A picture as an address that holds it, no larger than a page needs."""
    if max(image.size) > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST))
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, lossless=lossless, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def opened(path: Path) -> Image.Image | None:
    """The picture in a file, or None when there is none that can be read."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return None


def zoomable(image: Image.Image, alt: str, *, map_: bool = False) -> Markup:
    """A picture that becomes large when it is clicked.

    :param alt: what is to be seen, for those who cannot.
    :param map_: keep its pixels sharp when it is enlarged.
    """
    width, height = image.size
    picture = tag(
        "img",
        src=embedded(image, lossless=map_),
        alt=alt,
        width=width,
        height=height,
        loading="lazy",
        class_="map" if map_ else None,
    )
    return tag("button", picture, type="button", class_="zoom", title="Enlarge")


def tiles(values: np.ndarray) -> Image.Image:
    """Correlations of tiles from 0, dark violet, to 1, yellow; those without data are grey."""
    colours = certainty(values.clip(0, 1))
    colours[~np.isfinite(values)] = NO_DATA
    return Image.fromarray(colours)


def field_picture(field: np.ndarray) -> Image.Image:
    """A field (2, H, W) in colours, with their wheel."""
    largest = percentile(np.hypot(*field), 99)
    return Image.fromarray(with_wheel(field_colours(field, largest), largest))


def lengths_picture(lengths: np.ndarray) -> Image.Image:
    """The lengths (H, W) of vectors."""
    largest = max(percentile(lengths, 99.5), 1e-3)
    ramp = heat(np.linspace(0, largest, 256), largest)
    return Image.fromarray(with_bar(heat(lengths, largest), ramp, f"0 to {largest:.3g} px"))


def area_picture(area: np.ndarray) -> Image.Image:
    """The growth of area (H, W) from 0 to 2; folds are red."""
    colours = certainty((area / 2).clip(0, 1))
    colours[~np.isfinite(area)] = NO_DATA
    colours[area <= 0] = FOLD
    return Image.fromarray(with_bar(colours, certainty(np.linspace(0, 1, 256)), "0 to 2 times"))


def map_picture(values: np.ndarray) -> Image.Image:
    """A map (H, W) of anything, from its least to its largest value."""
    low, high = percentile(values, 0), percentile(values, 100)
    scaled = (values - low) / max(high - low, 1e-12)
    colours = certainty(scaled)
    colours[~np.isfinite(values)] = NO_DATA
    ramp = certainty(np.linspace(0, 1, 256))
    return Image.fromarray(with_bar(colours, ramp, f"{low:.3g} to {high:.3g}"))


def percentile(values: np.ndarray, share: float) -> float:
    """A percentile of the values that are finite; 0 where none is."""
    known = values[np.isfinite(values)]
    return float(np.percentile(known, share)) if known.size else 0.0
