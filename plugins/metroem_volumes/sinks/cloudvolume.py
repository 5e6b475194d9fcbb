"""Volumes in Neuroglancer's precomputed format, to write."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import deep_iterable, gt, in_

from metroem_core.errors import UserError
from metroem_core.geometry import VolumeInfo
from metroem_core.spec import Output

from ..clouds import is_compressed, only_cloudvolume
from ..cloudvolume import info_at, scale, tensor
from ..places import make_files
from ..precomputed import Info, info_of, volume_info
from ..stored import WritableVolume, writable
from ..tensors import Tensor, rehearse
from ..writing import agree

CHUNK = (512, 512, 1)
ENCODINGS = ("raw", "png", "jpeg", "compressed_segmentation")


@attrs.frozen
class CloudVolumeSink:
    """A volume in the precomputed format, in a local folder or at ``gs://`` or ``s3://``.

    :param path: the folder, or its URL.
    :param chunk: voxels x, y, z of a piece.
    :param encoding: of the pieces. ``raw`` keeps everything and is fastest, ``png`` is for uint8
        and uint16, ``compressed_segmentation`` for labels; ``jpeg`` changes the values a little.
    """

    path: Output
    chunk: tuple[int, int, int] = attrs.field(
        default=CHUNK, converter=tuple, validator=deep_iterable(gt(0))
    )
    encoding: Literal["raw", "png", "jpeg", "compressed_segmentation"] = attrs.field(
        default="raw", validator=in_(ENCODINGS)
    )

    def exists(self) -> bool:
        """Whether there is something already."""
        return info_at(self.path.rstrip("/")) is not None

    def open(self, info: VolumeInfo) -> WritableVolume:
        """The volume, made if there is none."""
        path = self.path.rstrip("/")
        if only_cloudvolume(path):
            raise UserError(f"{path}: can be read only; write to a folder, gs:// or s3://")
        wanted = info_of(info, self.chunk, self.encoding)
        found = info_at(path)
        if found is None:
            arrays = [("", scale(number)) for number in range(len(info.scales))]
            make_files(path, rehearse(path, {"info": wanted}, arrays))
            found = info_at(path) or wanted
        agree(path, volume_info(found, path), info)
        numbered = enumerate(sorted(info.scales))
        grids = {mip: self._grid(path, found, mip, number) for number, mip in numbered}
        return writable(path, info, info, grids, self.chunk)

    def _grid(self, path: str, found: Info, mip: int, number: int) -> Tensor:
        if is_compressed(path, found["scales"][number]["key"]):
            raise UserError(
                f"{path}: its chunks were compressed by cloud-volume: it can be read only"
            )
        return tensor(path, mip, number)
