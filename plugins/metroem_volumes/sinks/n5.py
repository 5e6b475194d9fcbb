"""Multiscale groups of N5 datasets, to write."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import deep_iterable, gt, in_

from metroem_core.geometry import VolumeInfo
from metroem_core.spec import Output

from ..n5 import OURS, volume_at
from ..places import Spec, make_files, read_json
from ..stored import WritableVolume, writable
from ..tensors import rehearse
from ..writing import check_attributes, first_mip

CODECS = ("gzip", "zstd", "none")


@attrs.frozen
class N5Sink:
    """An N5 group that holds the datasets ``s0``, ``s1`` and so on, with axes x, y, z, c.

    :param path: the folder, or its URL.
    :param chunk: voxels x, y, z of a block.
    :param compression: of the blocks. Older readers know only ``gzip`` and ``none``.
    """

    path: Output
    chunk: tuple[int, int, int] = attrs.field(
        default=(512, 512, 1), converter=tuple, validator=deep_iterable(gt(0))
    )
    compression: Literal["gzip", "zstd", "none"] = attrs.field(
        default="gzip", validator=in_(CODECS)
    )

    def exists(self) -> bool:
        """Whether there is something already."""
        return read_json(self.path.rstrip("/"), "attributes.json") is not None

    def open(self, info: VolumeInfo) -> WritableVolume:
        """The group, made if there is none."""
        path = self.path.rstrip("/")
        first = first_mip(info, "N5 groups")
        check_attributes(info, "N5 groups")
        if read_json(path, "attributes.json") is None:
            mips = enumerate(sorted(info.scales))
            arrays = [(f"s{number}/", self._array(info, mip)) for number, mip in mips]
            group = {"attributes.json": {"n5": "2.0.0", **first, OURS: info.attributes}}
            made = rehearse(path, group, arrays)
            make_files(path, dict(sorted(made.items(), reverse=True)))
        found, grids = volume_at(path, read_json(path, "attributes.json") or {})
        return writable(path, found, info, grids, self.chunk)

    def _array(self, info: VolumeInfo, mip: int) -> Spec:
        """How TensorStore makes the dataset of a mip."""
        scale = info.scales[mip]
        level = {"zstd": {"level": 1}, "gzip": {"level": 1}}.get(self.compression, {})
        kind = {"none": "raw"}.get(self.compression, self.compression)
        metadata: dict[str, Any] = {
            "dimensions": [*scale.box.size, info.channels],
            "blockSize": [*np.minimum(self.chunk, scale.box.size).tolist(), info.channels],
            "dataType": info.dtype,
            "compression": {"type": kind, **level},
            "axes": list("xyzc"),
            "resolution": [*scale.voxel_size, 1],
            "units": ["nm", "nm", "nm", ""],
            "offset": list(scale.box.start),
        }
        return {"driver": "n5", "metadata": metadata, "create": True}
