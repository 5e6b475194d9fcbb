"""A folder in a store, for one process at a time: a small file that its owner keeps renewing.

Stores have no locks, and clocks differ. So a lease counts as given up when its file stays the
same for longer than its owner would ever leave it, as the one who waits sees it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from ..errors import UserError
from ..shard import Shard, disturb, owner, shard_of
from ..stores import MISSING, finished, opened

if TYPE_CHECKING:
    import tensorstore as ts

PATIENCE = 60.0  # seconds after which a lease that is not renewed is given up
RENEWED = 4  # times within that
WHOLE = "run"

log = logging.getLogger("metroem.blocks")


@attrs.define(eq=False)
class Lease:
    """The use of a folder, for all of a run or for one slice.

    :param folder: a URL.
    :param lost: somebody else took it, since it was not renewed for too long.
    """

    folder: str
    shard: Shard | None
    store: ts.KvStore = attrs.field(init=False)
    generation: bytes = MISSING
    lost: bool = False
    _end: threading.Event = attrs.field(factory=threading.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.store = opened(self.folder)

    @contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        """Have it; the answer makes sure that it is still had.

        :raises UserError: when another process has it, naming that process.
        """
        self._take()
        renewing = threading.Thread(target=self._renew, daemon=True)
        renewing.start()
        try:
            for file in self._others():
                self._wait_out(file)
            yield self.check
        finally:
            self._end.set()
            renewing.join()
            self._write(None)

    def check(self) -> None:
        """Refuse to go on when it is lost.

        :raises UserError: saying so.
        """
        if self.lost:
            raise UserError(f"{self.folder}: another process has taken over; this one stops")

    @property
    def file(self) -> str:
        """Its file."""
        return _file(self.shard)

    def _take(self) -> None:
        self.generation = self._wait_out(self.file)
        if not self._write(self._text()):
            raise UserError(f"{self.folder} is in use by another process, which was faster")

    def _others(self) -> list[str]:
        """The files of leases that must not be had at the same time."""
        files = [name.decode() for name in self._ask(self.store.list)]
        leases = [name for name in files if name.endswith(".lease") and name != self.file]
        return [name for name in leases if disturb(_shard(name), self.shard)]

    def _wait_out(self, file: str) -> bytes:
        """The generation of a lease that nobody has, which may take a while to see.

        :raises UserError: when somebody has it.
        """
        first = self._ask(partial(self.store.read, file))
        if first.state != "value":
            return MISSING
        known = json.loads(first.value)
        if _is_gone(known):
            return bytes(first.stamp.generation)
        log.warning(f"{self.folder}: seeing whether {known['owner']} is still at work")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(PATIENCE / RENEWED / 4)
            now = self._ask(partial(self.store.read, file))
            if now.state != "value":
                return MISSING
            if now.stamp.generation != first.stamp.generation:
                raise UserError(
                    f"{self.folder} is in use by {known['owner']}. "
                    "Wait for it, stop it, or write somewhere else"
                )
        return bytes(first.stamp.generation)

    def _renew(self) -> None:
        """Write it again and again, so that others see that it is had."""
        while not self._end.wait(PATIENCE / RENEWED):
            try:
                self.lost = self.lost or not self._write(self._text())
            except UserError as error:
                log.warning(str(error))

    def _write(self, text: str | None) -> bool:
        """Write the file if it is as it was left; whether it was."""
        stamp = self._ask(partial(self.store.write, self.file, text, if_equal=self.generation))
        if stamp.generation:
            self.generation = stamp.generation
        return bool(stamp.generation)

    def _text(self) -> str:
        known = {"host": socket.gethostname(), "process": os.getpid(), "at": time.time()}
        return json.dumps({"owner": owner(self.shard), **known})

    def _ask(self, ask: Callable[[], Any]) -> Any:
        return finished(ask, self.folder)


def _file(shard: Shard | None) -> str:
    return f"{WHOLE}.lease" if shard is None else shard.file.replace(".lock", ".lease")


def _shard(file: str) -> Shard | None:
    return None if file == f"{WHOLE}.lease" else shard_of(file)


def _is_gone(known: dict[str, Any]) -> bool:
    """Whether the owner was a process of this machine, which has ended."""
    return known["host"] == socket.gethostname() and not os.path.exists(f"/proc/{known['process']}")
