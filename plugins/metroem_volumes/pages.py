"""Pictures in files: pages of TIFF, and PNG or JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from metroem_core.errors import UserError, said

if TYPE_CHECKING:
    from tifffile import TiffFile

    from .boxes import Slices

TIFF = (".tif", ".tiff")
MODES = ("L", "I;16", "I;16B", "I", "F", "RGB", "RGBA")


@contextmanager
def tiff(path: str) -> Iterator[TiffFile]:
    """An open TIFF file."""
    try:
        import tifffile
    except ImportError:
        raise UserError(f"{path}: to read TIFF, pip install 'metroem-core[tiff]'") from None
    try:
        file = tifffile.TiffFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (tifffile.TiffFileError, OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as TIFF: {said(error)}") from None
    with file:
        yield file


def part_of_page(path: str, page: Any, part: Slices) -> np.ndarray:
    """Rows and columns (Y, X) or (Y, X, S) of a page, without reading the rest if possible."""
    _, rows, columns = part
    if page.is_memmappable:
        dtype = page.parent.byteorder + page.dtype.char
        whole: Any = np.memmap(path, dtype, "r", page.dataoffsets[0], page.shape)
    else:
        whole = decoded(path, page)
    return np.array(whole[rows, columns], dtype=page.dtype)


def decoded(path: str, page: Any) -> np.ndarray:
    """The pixels of a page; those that tifffile cannot decompress alone, Pillow may."""
    try:
        return page.asarray()
    except Exception as error:  # each way to decompress fails in its own way
        if "imagecodecs" in str(error):
            return picture(path, page.index)
        raise UserError(f"{path}: page {page.index} is damaged: {said(error)}") from None


def picture(path: str, frame: int = 0) -> np.ndarray:
    """The pixels (Y, X) or (Y, X, S) of a picture."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # sections are larger than any picture of the web
    try:
        with Image.open(path) as image:
            image.seek(frame)
            if image.mode not in MODES:
                raise UserError(f"{path}: a picture of the mode {image.mode}; convert it to grey")
            return np.asarray(image)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as a picture: {said(error)}") from None
