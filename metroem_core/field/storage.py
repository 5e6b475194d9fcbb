"""Fields as 16-bit whole numbers, a half of the size of float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .bands import in_bands
from .validity import exact, finite

SCALE = 1 / 64
INVALID = -32768
LARGEST = 32767
UNITS = "pixels"
ORDERS = ("xy", "yx")


def pack(field: Tensor, scale: float = SCALE) -> tuple[Tensor, dict[str, Any]]:
    """``round(field / scale)`` as int16 (N, 2, H, W), and what a reader must know about it.

    Both components of an invalid vector become -32768.

    :param scale: pixels of one step. A 64th reaches vectors of up to 512 pixels.
    :raises UserError: when a vector is too long to be stored.
    """

    def band(rows: slice) -> Tensor:
        part = field.detach()[:, :, rows]
        valid = finite(part)
        steps = torch.where(valid, part, 0).to(exact(field)).div_(scale).round_()
        if steps.numel() and (largest := steps.abs().amax().item()) > LARGEST:
            raise UserError(
                f"a vector of {largest * scale:.6g} pixels cannot be stored in steps of {scale:g}, "
                f"which reach {LARGEST * scale:.6g}; take a larger scale"
            )
        return torch.where(valid, steps, INVALID).to(torch.int16)

    stored = in_bands(band, field.detach())
    return stored, {"units": UNITS, "components": ORDERS[0], "scale": scale}


def unpack(
    stored: Tensor, metadata: Mapping[str, Any], dtype: torch.dtype = torch.float32
) -> Tensor:
    """The field (N, 2, H, W) that was packed, to half a step; invalid vectors are NaN.

    :param stored: (N, 2, H, W) int16.
    :param metadata: ``units``, which must be pixels, ``components``, xy or yx, and ``scale``.
    """
    scale, order = checked(stored, metadata)
    field = stored.to(exact(torch.empty(0, dtype=dtype))) * scale
    field = field.masked_fill_((stored == INVALID).any(dim=1, keepdim=True), torch.nan).to(dtype)
    return field.flip(1) if order == "yx" else field


def checked(stored: Tensor, metadata: Mapping[str, Any]) -> tuple[float, str]:
    """The scale and the order of the components of a stored field."""
    if stored.dtype != torch.int16:
        raise UserError(f"a stored field must be int16, not {stored.dtype}")
    missing = [key for key in ("units", "components", "scale") if key not in metadata]
    if missing:
        raise UserError(f"the metadata of the stored field lack {', '.join(missing)}")
    if metadata["units"] != UNITS:
        raise UserError(f"the stored field is in {metadata['units']}, but must be in {UNITS}")
    if metadata["components"] not in ORDERS:
        raise UserError(f"components must be xy or yx, not {metadata['components']}")
    return float(metadata["scale"]), metadata["components"]
