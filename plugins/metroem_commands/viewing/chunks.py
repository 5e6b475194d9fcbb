"""Any volume in Neuroglancer's precomputed format, made chunk by chunk when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Volume

CHUNK = (256, 256, 1)
STORED = {"bool": "uint8", "float16": "float32", "float64": "float32", "int64": "uint64"}

_chunk = re.compile(r"(\d+)/(-?\d+)-(-?\d+)_(-?\d+)-(-?\d+)_(-?\d+)-(-?\d+)")


def info(volume: VolumeInfo, mips: Iterable[int]) -> dict[str, Any]:
    """The file ``info`` of some mips of a volume; the key of a scale is its mip."""
    return {
        "@type": "neuroglancer_multiscale_volume",
        "type": "image",
        "data_type": STORED.get(volume.dtype, volume.dtype),
        "num_channels": volume.channels,
        "scales": [scale(mip, volume.scales[mip]) for mip in mips],
    }


def scale(mip: int, found: Scale) -> dict[str, Any]:
    """One mip."""
    return {
        "key": str(mip),
        "size": found.box.size,
        "voxel_offset": found.box.start,
        "resolution": found.voxel_size,
        "chunk_sizes": [CHUNK],
        "encoding": "raw",
    }


def chunk(volume: Volume, name: str) -> bytes | None:
    """The voxels of a chunk, x fastest and channels slowest; None when there is no such chunk."""
    found = _chunk.fullmatch(name)
    if found is None:
        return None
    mip, *ends = map(int, found.groups())
    start, stop = ends[::2], ends[1::2]
    if mip not in volume.info.scales or any(b <= a for a, b in zip(start, stop, strict=True)):
        return None
    box = Box(start, stop)
    if box.overlap(volume.info.scales[mip].box) != box or max(box.size) > max(CHUNK):
        return None
    voxels = volume.read(box, mip)
    dtype = np.dtype(STORED.get(volume.info.dtype, volume.info.dtype)).newbyteorder("<")
    return np.ascontiguousarray(voxels).astype(dtype, copy=False).tobytes()
