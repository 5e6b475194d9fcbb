"""Volumes in Neuroglancer's precomputed format, as CloudVolume reads them."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import in_

from metroem_core.errors import UserError
from metroem_core.spec import Location

from .clouds import ENCODINGS, Cloud, cloud, is_compressed, only_cloudvolume
from .places import Spec, kvstore, read_json
from .precomputed import Info, volume_info
from .stored import RULES, Grid, StoredVolume
from .tensors import Tensor, marked
from .writing import FIRST

AXES = (3, 2, 1, 0)


@attrs.frozen
class CloudVolume:
    """A volume in the precomputed format: EM, masks, labels or fields.

    It lies in a local folder or at a URL: ``gs://BUCKET/PATH``, ``s3://BUCKET/PATH``,
    ``s3://https://SERVER/BUCKET/PATH``, ``https://``, ``file://``, each with or without
    ``precomputed://`` before it, or ``graphene://``. Credentials are those of the usual
    environment variables and files, and of cloud-volume's ``~/.cloudvolume/secrets``.

    :param path: the folder that holds the file ``info``.
    :param missing: what to do about chunks that were never stored: ``error`` stops, ``report``
        reads them as no data and lists each of their boxes, ``zero`` reads them as no data and is
        silent, as for masks whose black chunks are left out.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    :param units: of the vectors of a field that does not say it itself, such as ``pixels``.
    :param components: of such a field: ``xy``, or ``yx`` when the first moves along y.
    """

    path: Location
    missing: Literal["error", "report", "zero"] = attrs.field(default="error", validator=in_(RULES))
    zero_is_data: bool = False
    units: str | None = None
    components: Literal["xy", "yx"] | None = None

    def open(self) -> StoredVolume:
        """The volume, ready to read."""
        path = self.path.rstrip("/")
        info = info_at(path)
        if info is None:
            raise UserError(f"{path}: no precomputed volume is there: it has no file 'info'")
        volume = marked(volume_info(info, path), self.units, self.components)
        grids = {mip: grid(path, info, mip) for mip in volume.scales}
        return StoredVolume(path, volume, grids, self.missing, self.zero_is_data)


def info_at(path: str) -> Info | None:
    """The ``info`` of a volume, or None where there is none."""
    if only_cloudvolume(path):
        return dict(cloud(path).info)
    return read_json(path, "info")


def grid(path: str, info: Info, mip: int) -> Grid:
    """A mip, read with TensorStore where that is possible."""
    number = mip - int(info.get(FIRST, 0))
    found = info["scales"][number]
    lacking = found.get("encoding", "raw") not in ENCODINGS
    if lacking or only_cloudvolume(path) or is_compressed(path, found["key"]):
        return Cloud(path, number)
    return tensor(path, mip, number)


def tensor(path: str, mip: int, number: int) -> Tensor:
    """A mip, read with TensorStore.

    :param number: of its scale in the ``info``.
    """
    return Tensor(f"{path}: mip {mip}", {**scale(number), "kvstore": kvstore(path)}, AXES)


def scale(number: int) -> Spec:
    """Which array of a volume TensorStore shall open."""
    return {"driver": "neuroglancer_precomputed", "scale_index": number}
