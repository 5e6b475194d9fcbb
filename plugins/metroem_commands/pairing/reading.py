"""Grey pictures out of files of many kinds."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import numpy as np
from PIL import Image, UnidentifiedImageError

from metroem_core.errors import UserError
from metroem_core.files import check_file
from metroem_core.geometry import Box
from metroem_registry import installed

SMALLEST = 16  # pixels along each side that an alignment needs
GREY = {"1": "L", "L": "L", "I;16": "I;16", "I;16B": "I;16B", "I": "I", "F": "F"}

_hdf5 = re.compile(r"(.+\.(?:h5|hdf5|hdf))(?::([^\[\]]+))?(?:\[(\d+)\])?", re.IGNORECASE)
_section = re.compile(r"(.+)\[(\d+)\]")


@attrs.frozen(eq=False)
class Picture:
    """A grey picture as it was found.

    :param name: where.
    :param values: (H, W), rows downwards; uint8, uint16 or float.
    :param note: what was done to it on the way, if anything.
    """

    name: str
    values: np.ndarray
    note: str = ""


def read_picture(text: str) -> Picture:
    """The picture in a file: PNG, TIFF, NPY or any that Pillow reads, or ``file.h5:dataset[z]``.

    ``[z]`` also chooses a page of a TIFF or a section of an array.

    :raises UserError: when there is none that can be aligned.
    """
    found = _hdf5.fullmatch(text)
    if found:
        path, dataset, z = found.groups()
        picture = Picture(text, _from_hdf5(path, dataset, _index(z)))
    else:
        path, z = _parts(text)
        check_file(Path(path))
        if path.lower().endswith(".npy"):
            picture = Picture(text, _plane(load_array(path), _index(z), path))
        else:
            picture = _from_image(path, _index(z) or 0)
    _check(picture)
    return picture


def load_array(path: str) -> np.ndarray:
    """The array in an NPY file."""
    check_file(Path(path))
    try:
        return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} holds no array that can be read: {error}") from None


def _parts(text: str) -> tuple[str, str | None]:
    found = None if Path(text).exists() else _section.fullmatch(text)
    return (found[1], found[2]) if found else (text, None)


def _index(text: str | None) -> int | None:
    return None if text is None else int(text)


def _from_hdf5(path: str, dataset: str | None, z: int | None) -> np.ndarray:
    check_file(Path(path))
    volume = installed().get("source", "hdf5")(path, dataset).open()
    box = volume.info.scale(0).box
    (x, y, first), (width, height, depth) = box.start, box.size
    if volume.info.channels != 1:
        raise UserError(f"{path} has {volume.info.channels} channels; a picture has one")
    z = _chosen(z, depth, path)
    return volume.read(Box.of((x, y, first + z), (width, height, 1)), 0)[0, 0]  # type: ignore[no-any-return]


def _plane(values: np.ndarray, z: int | None, path: str) -> np.ndarray:
    if values.ndim == 2 and z is None:
        return values
    if values.ndim != 3:
        raise UserError(f"{path} has the shape {values.shape}; a picture has rows and columns")
    return values[_chosen(z, len(values), path)]  # type: ignore[no-any-return]


def _chosen(z: int | None, depth: int, path: str) -> int:
    """The number of a section among several."""
    if z is None and depth > 1:
        raise UserError(f"{path} has {depth} sections: choose one, as in '{path}[0]'")
    if z is not None and z >= depth:
        raise UserError(f"{path} has no section {z}: there are 0 to {depth - 1}")
    return z or 0


def _from_image(path: str, page: int) -> Picture:
    """The page of an image file. Colours become their mean."""
    Image.MAX_IMAGE_PIXELS = None  # sections are large
    try:
        with Image.open(path) as image:
            pages = getattr(image, "n_frames", 1)
            if page >= pages:
                raise UserError(f"{path} has no page {page}: there are 0 to {pages - 1}")
            image.seek(page)
            if image.mode in GREY:
                return Picture(path, np.asarray(image.convert(GREY[image.mode])))
            colours = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError) as error:
        raise UserError(f"{path} is no picture that can be read: {_first_line(error)}") from None
    mean = np.rint(colours.mean(axis=-1)).astype(np.uint8)
    return Picture(path, mean, f"{path} has colours: their mean is used")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _check(picture: Picture) -> None:
    """Refuse what nobody can align."""
    name, values = picture.name, picture.values
    rows, columns = values.shape
    if min(rows, columns) < SMALLEST:
        raise UserError(f"{name} is {rows} x {columns} pixels: {SMALLEST} each way are needed")
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise UserError(
            f"{name} has {wrong} pixels that are NaN or infinite: set them to 0, which is no data"
        )
    if not values.any():
        raise UserError(f"{name} is empty: every pixel is 0, which is no data")
    tissue = values[values != 0]
    if tissue.min() == tissue.max():
        raise UserError(
            f"{name} has the same grey value everywhere, {tissue.min()}: there is nothing to align"
        )
