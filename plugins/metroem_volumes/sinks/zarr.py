"""OME-NGFF multiscale images in zarr, to write."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import deep_iterable, gt, in_

from metroem_core.errors import UserError
from metroem_core.geometry import Scale, VolumeInfo
from metroem_core.spec import Output

from ..ngff import DRIVERS, OWN, metadata_of, node_at
from ..places import Spec, make_files
from ..stored import WritableVolume, writable
from ..tensors import rehearse
from ..writing import check_attributes, positive
from ..zarr import volume_at

CODECS = ("zstd", "gzip", "none")


@attrs.frozen
class ZarrSink:
    """An OME-NGFF image with axes c, z, y, x: version 0.5 in zarr v3, or 0.4 in zarr v2.

    Each mip is an array, called by its number.

    :param path: the folder, or its URL.
    :param version: of zarr.
    :param chunk: voxels x, y, z that are compressed together.
    :param shard: voxels x, y, z that share a file, a multiple of ``chunk``; zarr v3 only. Without
        it every chunk has its own.
    :param compression: of the chunks.
    """

    path: Output
    version: Literal[2, 3] = attrs.field(default=3, validator=in_((2, 3)))
    chunk: tuple[int, int, int] = attrs.field(
        default=(512, 512, 1), converter=tuple, validator=deep_iterable(gt(0))
    )
    shard: tuple[int, int, int] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(tuple),
        validator=positive,
    )
    compression: Literal["zstd", "gzip", "none"] = attrs.field(
        default="zstd", validator=in_(CODECS)
    )

    def __attrs_post_init__(self) -> None:
        if self.shard and self.version == 2:
            raise ValueError("'shard' needs zarr version 3")
        if self.shard and any(a % b for a, b in zip(self.shard, self.chunk, strict=True)):
            raise ValueError(f"'shard' must be a multiple of 'chunk' {self.chunk}: {self.shard}")

    def exists(self) -> bool:
        """Whether there is something already."""
        return node_at(self.path.rstrip("/")) is not None

    def open(self, info: VolumeInfo) -> WritableVolume:
        """The image, made if there is none."""
        path = self.path.rstrip("/")
        check_attributes(info, "OME-NGFF images", OWN)
        group = self._group(path, info)
        if node_at(path) is None:
            arrays = [(f"{mip}/", self._array(info, mip)) for mip in sorted(info.scales)]
            make_files(path, {**rehearse(path, {}, arrays), **group})
        node = node_at(path)
        if node is None:
            raise UserError(f"{path}: cannot be read again after it was made")
        found, grids = volume_at(node)
        return writable(path, found, info, grids, self.chunk, self.shard)

    def _group(self, path: str, info: VolumeInfo) -> dict[str, bytes]:
        """The files that say what the arrays are; without them there is no image."""
        attributes = metadata_of(info, self.version)
        if self.version == 2:
            files: dict[str, Any] = {".zattrs": attributes, ".zgroup": {"zarr_format": 2}}
        else:
            group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            files = {"zarr.json": group}
        return rehearse(path, files, [])

    def _array(self, info: VolumeInfo, mip: int) -> Spec:
        """How TensorStore makes the array of a mip."""
        scale = info.scales[mip]
        shape = [info.channels, *scale.box.shape]
        chunk = [info.channels, *np.minimum(self.chunk, scale.box.size)[::-1].tolist()]
        make = self._metadata2 if self.version == 2 else self._metadata3
        metadata = {**make(chunk, scale), "shape": shape}
        return {
            "driver": DRIVERS[self.version],
            "dtype": info.dtype,
            "metadata": metadata,
            "create": True,
        }

    def _metadata2(self, chunk: list[int], _: Scale) -> Spec:
        codecs = {"zstd": {"id": "zstd", "level": 1}, "gzip": {"id": "gzip", "level": 5}}
        separated = {"dimension_separator": "/"}
        return {"chunks": chunk, "compressor": codecs.get(self.compression), **separated}

    def _metadata3(self, chunk: list[int], scale: Scale) -> Spec:
        codecs: list[Spec] = [{"name": "bytes", "configuration": {"endian": "little"}}]
        if self.compression != "none":
            level = {"zstd": 1, "gzip": 5}[self.compression]
            codecs.append({"name": self.compression, "configuration": {"level": level}})
        piece = chunk
        if self.shard:
            x, y, z = self._shard(chunk, scale)
            piece = [chunk[0], z, y, x]
            inner = {"chunk_shape": chunk, "codecs": codecs}
            codecs = [{"name": "sharding_indexed", "configuration": inner}]
        grid = {"name": "regular", "configuration": {"chunk_shape": piece}}
        return {"chunk_grid": grid, "codecs": codecs, "dimension_names": list("czyx")}

    def _shard(self, chunk: list[int], scale: Scale) -> list[int]:
        """Voxels x, y, z of a shard, which need not be larger than the mip."""
        small = np.array(chunk[:0:-1])
        needed = -(-np.array(scale.box.size) // small) * small
        return np.minimum(np.array(self.shard) // self.chunk * small, needed).tolist()
