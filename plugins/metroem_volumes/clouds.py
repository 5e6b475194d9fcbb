"""What only cloud-volume reads: graphene, its own encodings, compressed files, its credentials."""

from __future__ import annotations

import os
import re
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metroem_core.errors import UserError, said
from metroem_core.geometry import Triple

from .boxes import Slices
from .places import Absent, local, names
from .stored import Reading

if TYPE_CHECKING:
    from cloudvolume import CloudVolume

ENCODINGS = ("raw", "jpeg", "png", "compressed_segmentation")  # that TensorStore reads
COMPRESSED = (".gz", ".br", ".zstd", ".xz", ".bz2")
SECRETS = {"gs": "google-secret.json", "s3": "aws-secret.json"}
STANDARD = {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "s3": "AWS_ACCESS_KEY_ID"}
SCHEMES = ("graphene", "middleauth+https", "ngauth+https", "matrix", "tigerdata", "nokura")

_colour = re.compile(r"\x1b\[[0-9;]*m")


def only_cloudvolume(path: str) -> bool:
    """Whether a path, or what gives access to it, is known to cloud-volume only."""
    path = path.removeprefix("precomputed://")
    scheme = path.partition("://")[0] if "://" in path else "file"
    if scheme not in SECRETS:
        return scheme in SCHEMES
    secret = Path("~/.cloudvolume/secrets", SECRETS[scheme]).expanduser()
    return secret.exists() and STANDARD[scheme] not in os.environ


def is_compressed(path: str, key: str) -> bool:
    """Whether the chunks of a scale are local files that cloud-volume has compressed."""
    here = local(path)
    return here is not None and any(
        name.endswith(COMPRESSED) for name in islice(names(os.path.join(here, key)), 100)
    )


class Cloud:
    """One scale of a volume that cloud-volume reads.

    :param path: of the volume.
    :param mip: the number of the scale.
    """

    def __init__(self, path: str, mip: int) -> None:
        self.path, self.mip = path, mip

    def __reduce__(self) -> tuple[Any, ...]:
        return Cloud, (self.path, self.mip)

    @cached_property
    def volume(self) -> CloudVolume:
        """The volume at the mip."""
        return cloud(self.path, self.mip)

    @property
    def chunk(self) -> Triple:
        """Voxels z, y, x of a chunk."""
        x, y, z = map(int, self.volume.chunk_size)
        return z, y, x

    @property
    def piece(self) -> Triple:
        """The same: it is not written in shards."""
        return self.chunk

    @property
    def origin(self) -> Triple:
        """The first chunk begins where the scale does."""
        return 0, 0, 0

    def begin(self, part: Slices) -> Reading:
        """Read a part (C, Z, Y, X) when it is asked for."""
        return lambda: self._read(part)

    def _read(self, part: Slices) -> np.ndarray:
        from cloudvolume.exceptions import EmptyVolumeException

        corner = map(int, self.volume.voxel_offset)
        spans = zip(part[::-1], corner, strict=True)
        x, y, z = (slice(each.start + a, each.stop + a) for each, a in spans)
        try:
            return np.array(self.volume[x, y, z].T, order="C")
        except EmptyVolumeException:
            raise Absent(f"{self.path}: a chunk of mip {self.mip} is not there") from None
        except Exception as error:  # cloud-volume lets everything through that its parts raise
            raise UserError(f"{self.path}: mip {self.mip}: {plain(error)}") from None

    def write(self, part: Slices, voxels: np.ndarray) -> None:
        """Refused: what is written is written with TensorStore."""
        raise UserError(f"{self.path}: can be read only")


def cloud(path: str, mip: int = 0) -> CloudVolume:
    """A volume that cloud-volume opens."""
    from cloudvolume import CloudVolume

    path = path if "://" in path else f"file://{os.path.abspath(path)}"
    try:
        return CloudVolume(path, mip=mip, progress=False, cache=False, parallel=1)
    except Exception as error:  # cloud-volume lets everything through that its parts raise
        raise UserError(f"{path}: cloud-volume cannot open it: {plain(error)}") from None


def plain(error: Exception) -> str:
    """What cloud-volume says of a failure, without colours."""
    return _colour.sub("", said(error))
