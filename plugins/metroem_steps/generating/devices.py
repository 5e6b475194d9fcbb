"""Which of several GPUs a process takes, so that each has its own as long as there are enough."""

from __future__ import annotations

import fcntl
import os
import tempfile
from functools import cache
from itertools import count
from pathlib import Path


@cache
def claimed(devices: tuple[str, ...]) -> str:
    """The device that this process takes, and keeps: the one that fewest others have taken."""
    folder = Path(tempfile.gettempdir()) / f"metroem-devices-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    rounds = ((folder / f"{device}.{others}", device) for others in count() for device in devices)
    return next(device for path, device in rounds if locked(path))


def locked(path: Path) -> bool:
    """Whether this process is the one that has a file, from now until it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return False
    return True
