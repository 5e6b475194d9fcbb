"""Folders in a file system or a bucket, as TensorStore knows them."""

from __future__ import annotations

import errno
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError, explain, said

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorstore as ts

Spec = dict[str, Any]

RETRIES = {"max_retries": 6, "initial_delay": "200ms", "max_delay": "8s"}
CACHE = 2**26  # bytes of chunks that are kept, since the next section often lies in the same ones
STALLED = "60"  # seconds after which an answer that does not come on is asked for again

MISSING = b"\x02"  # the generation of a file that does not exist
ROLES = (
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)

_own_server = re.compile(r"^s3://(https?://[^/]+)/([^/]+)/?(.*)$")
_bucket = re.compile(r"^(gs|s3)://([^/]+)/?(.*)$")
_preamble = re.compile(
    r"^([A-Z_]+: )?(Error (opening|reading|parsing object member) \"\w+\"( driver)?: )*"
)


def kvstore(path: str) -> Spec:
    """The key-value store of a folder.

    :param path: a local one, or a URL ``file://``, ``gs://BUCKET/PATH``, ``s3://BUCKET/PATH``,
        ``s3://https://SERVER/BUCKET/PATH``, ``http://`` or ``https://``.
    """
    if found := _own_server.match(path):
        return {**bucket("s3", found[2], found[3]), "endpoint": found[1], **region()}
    if found := _bucket.match(path):
        return bucket(found[1], found[2], found[3])
    if path.startswith(("http://", "https://")):
        return {"driver": "http", "base_url": folder(path)}
    if "://" in path and not path.startswith("file://"):
        known = "file, gs, s3, http or https"
        raise UserError(f"{path}: no store is called like that; take {known}")
    return {"driver": "file", "path": folder(os.path.abspath(path.removeprefix("file://")))}


def bucket(scheme: str, name: str, path: str) -> Spec:
    """The store of a folder in a bucket, with the credentials that there are."""
    spec: Spec = {"driver": {"gs": "gcs"}.get(scheme, scheme), "bucket": name}
    if scheme == "s3":
        spec["aws_credentials"] = {"type": credentials()}
    return {**spec, "path": folder(path)} if path else spec


def credentials() -> str:
    """Where the credentials for S3 come from."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return "environment"
    named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    stored = Path(named).expanduser().exists() or any(name in os.environ for name in ROLES)
    return "default" if stored or on_amazon() else "anonymous"


def on_amazon() -> bool:
    """Whether this is a machine of Amazon's, which may have a role."""
    vendor = Path("/sys/devices/virtual/dmi/id/sys_vendor")
    return vendor.is_file() and "Amazon" in vendor.read_text()


def region() -> Spec:
    """The region to name to a server that is not Amazon's."""
    return {"aws_region": os.environ.get("AWS_DEFAULT_REGION", "us-east-1")}


def folder(path: str) -> str:
    """A path that ends as one of a folder."""
    return path.rstrip("/") + "/"


def local(path: str) -> Path | None:
    """The local folder of a path, or None where it is elsewhere."""
    spec = kvstore(path)
    return Path(spec["path"]) if spec["driver"] == "file" else None


@cache
def context() -> ts.Context:
    """What all stores of this process share: retries, and a little memory for chunks."""
    import tensorstore as ts

    os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", STALLED)
    os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", "1")
    stores = ("http", "s3", "gcs")
    return ts.Context(
        {"cache_pool": {"total_bytes_limit": CACHE}, "file_io_sync": False}
        | {f"{name}_request_retries": RETRIES for name in stores}
    )


def opened(path: str) -> ts.KvStore:
    """The key-value store of a folder, ready to read and write."""
    import tensorstore as ts

    store: ts.KvStore = finished(lambda: ts.KvStore.open(kvstore(path), context=context()), path)
    return store


def finished(ask: Callable[[], ts.Future[Any] | ts.WriteFutures], where: str) -> Any:
    """The result of a request to TensorStore.

    :param ask: makes the request.
    :raises Absent: when there is no such chunk or file.
    :raises UserError: in one line, when it failed.
    """
    try:
        return ask().result()
    except (ValueError, IndexError, NotImplementedError, RuntimeError, OSError) as error:
        raise failure(error, where) from None


class Absent(UserError):
    """There is nothing stored."""


class Full(UserError):
    """No more can be stored."""


def failure(error: Exception, where: str) -> UserError:
    """What TensorStore says of a failure, for people."""
    text = str(error)
    short = _preamble.sub("", text).partition(" [")[0].partition("\n")[0]
    if text.startswith("NOT_FOUND") and "Bucket" not in short:
        return Absent(f"{where}: {short}")
    if "No space left" in text:
        return Full(explain(OSError(errno.ENOSPC, "No space left on device", where)))
    if text.startswith(("PERMISSION_DENIED", "UNAUTHENTICATED")):
        return UserError(f"{where}: access was refused ({short}); are the credentials in place?")
    if text.startswith(("ABORTED", "UNAVAILABLE", "DEADLINE")):
        return UserError(f"{where}: the store cannot be reached: {short}")
    return UserError(f"{where}: {short or said(error)}")
