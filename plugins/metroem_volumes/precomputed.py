"""The ``info`` of a volume in Neuroglancer's precomputed format."""

from __future__ import annotations

from typing import Any

import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo

from .tensors import numbers
from .writing import FIRST, check_attributes, first_mip

FORMAT = "neuroglancer_multiscale_volume"
DTYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "float32")
OWN = (
    *("@type", "type", "data_type", "num_channels", "scales"),
    *("mesh", "skeletons", "app", "graph", FIRST),
)

Info = dict[str, Any]


def volume_info(info: Info, where: str) -> VolumeInfo:
    """What an ``info`` says; its scales are the mips from 0, or from ``first_mip``, on."""
    try:
        first = int(info.get(FIRST, 0))
        scales = {mip: scale_of(scale) for mip, scale in enumerate(info["scales"], first)}
        dtype = numbers(where, str(info["data_type"]).lower())
        channels = int(info["num_channels"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{where}/info: not that of a precomputed volume: {error}") from None
    others = {name: value for name, value in info.items() if name not in OWN}
    return VolumeInfo(channels, dtype, scales, others)


def scale_of(scale: Info) -> Scale:
    """One scale."""
    box = Box.of(scale.get("voxel_offset", (0, 0, 0)), scale["size"])
    x, y, z = map(float, scale["resolution"])
    return Scale(box, (x, y, z))


def info_of(volume: VolumeInfo, chunk: tuple[int, int, int], encoding: str) -> Info:
    """The ``info`` that says the same.

    :raises UserError: when the format cannot hold the volume.
    """
    if volume.dtype not in DTYPES:
        raise UserError(f"precomputed volumes cannot hold {volume.dtype}, only {', '.join(DTYPES)}")
    first = first_mip(volume, "precomputed volumes")
    check_attributes(volume, "precomputed volumes", OWN)
    keys: set[str] = set()
    scales = []
    for mip in sorted(volume.scales):
        scales.append(scale_info(volume.scales[mip], chunk, encoding))
        if scales[-1]["key"] in keys:
            scales[-1]["key"] += f"_mip{mip}"
        keys.add(scales[-1]["key"])
    return {
        **volume.attributes,
        **first,
        "@type": FORMAT,
        "type": "segmentation" if encoding == "compressed_segmentation" else "image",
        "data_type": volume.dtype,
        "num_channels": volume.channels,
        "scales": scales,
    }


def scale_info(scale: Scale, chunk: tuple[int, int, int], encoding: str) -> Info:
    """One scale, whose key is its resolution."""
    resolution = [int(nm) if nm == int(nm) else nm for nm in scale.voxel_size]
    info: Info = {
        "key": "_".join(map(str, resolution)),
        "size": list(scale.box.size),
        "voxel_offset": list(scale.box.start),
        "resolution": resolution,
        "chunk_sizes": [np.minimum(chunk, scale.box.size).tolist()],
        "encoding": encoding,
    }
    if encoding == "compressed_segmentation":
        info["compressed_segmentation_block_size"] = [8, 8, 8]
    return info
