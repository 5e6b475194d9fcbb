"""Calls on a Dask cluster that outlive its scheduler."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import Any

from distributed import Client, KilledWorker
from distributed.client import CancelledError

from metroem_core.blocks import WorkerDied
from metroem_core.errors import UserError, said

from .dask_worker import NAME, calmly, idle

FIRST = 5.0  # seconds that a scheduler has to answer at the start
PAUSE = 0.2  # seconds between two tries to reach a scheduler
COUNTED = 1.0  # seconds between two counts of the workers
LONELY = 15.0  # seconds without workers, after which that is said
SENT = 0.001  # seconds that messages to the scheduler wait for others
FORGOTTEN = 0.003  # seconds between two looks at whether the scheduler forgot a call

log = logging.getLogger("metroem.dask")


class Pool(Executor):
    """The workers of a cluster.

    All that is asked of it runs in a thread with its own event loop. A call is one coroutine,
    which sends it again when the scheduler was lost.

    :ivar workers: how many there are at the moment.
    :ivar worth: seconds that a call should take, since to send it takes about a hundredth of one.
    """

    worth = 0.1

    def __init__(self, address: str, patience: float, cluster: Any = None) -> None:
        self.address, self.patience, self.cluster = address, patience, cluster
        self.workers = 0
        self._client: Client | None = None
        self._calls: set[Future[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._connecting, self._asking = asyncio.Lock(), asyncio.Lock()
        self._known: set[str] = set()
        self._deserted: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._run(self._begin()).result()
        except BaseException:
            self.shutdown()
            raise

    @classmethod
    def of(cls, cluster: Any, patience: float) -> Pool:
        """The workers of a cluster that ends with this."""
        return cls(cluster.scheduler_address, patience, cluster)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result of a function, computed by some worker."""
        future = self._run(self._call(function, args, kwargs))
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; end it if it is only for this."""
        for call in list(self._calls):
            if cancel_futures:
                call.cancel()
            with suppress(BaseException):
                call.exception()
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self.cluster is not None:
            self.cluster.close()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Wait for what is under way; after an exception give it up."""
        self.shutdown(cancel_futures=kind is not None)
        return None

    def _run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _begin(self) -> None:
        """Reach the scheduler, and wait for what killed runs left behind."""
        client = await self._connected(FIRST)
        found = await client.run(idle, on_error="return")
        for worker, error in found.items():
            if isinstance(error, Exception) and "ModuleNotFoundError" in said(error):
                raise UserError(f"the worker {worker} lacks what is needed: {error}")
        self._counting = asyncio.create_task(self._count())

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await self._leave(self._client)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The result of a call, sent again as often as the scheduler is lost."""
        while True:
            client = await self._connected(self.patience)
            key = f"{NAME}{uuid.uuid4().hex}"
            try:
                future = client.submit(calmly, function, args, kwargs, key=key, pure=False)
            except Exception:
                if client.status == "running":
                    raise
                continue
            try:
                result = await self._unless_deserted(future)
                await self._forget(client, future)
                return result
            except KilledWorker:
                raise WorkerDied() from None
            except CancelledError:
                if client.status == "running":
                    await asyncio.sleep(PAUSE)
            except UserError:
                raise
            except Exception:
                if future.status == "error":
                    raise
                await asyncio.sleep(PAUSE)
            finally:
                future.release()

    async def _unless_deserted(self, future: Any) -> Any:
        """What a call gives, unless nobody is left to do it."""
        given = asyncio.ensure_future(_given(future))
        await asyncio.wait({given, self._deserted}, return_when=asyncio.FIRST_COMPLETED)
        if given.done():
            return given.result()
        given.cancel()
        raise UserError(
            f"all workers of the cluster are gone, and in {self.patience:g} s none has come. See "
            "why they end (memory, time limit); then start the run again, and it goes on"
        )

    async def _forget(self, client: Client, future: Any) -> None:
        """Wait until the scheduler knows a call no more, which it might otherwise have repeated
        when the worker with the result ends just now. One call asks for all that wait.
        """
        future.release()
        self._known.add(future.key)
        try:
            async with self._asking:
                while future.key in self._known:
                    await asyncio.sleep(FORGOTTEN)
                    states = await client.scheduler.get_task_status(keys=list(self._known))
                    self._known -= {key for key, state in states.items() if state is None}
        except OSError:
            self._known.discard(future.key)

    async def _connected(self, patience: float) -> Client:
        """A client with a scheduler, which is waited for.

        :raises UserError: when none answers.
        """
        async with self._connecting:
            if self._client is not None and self._client.status == "running":
                return self._client
            if self._client is not None:
                log.warning(f"the Dask scheduler at {self.address} went away; waiting for it")
                await self._leave(self._client)
            self._client = await self._reach(patience)
            self._client.scheduler_comm.interval = SENT
            self.workers = len(await self._client.scheduler.ncores())
            return self._client

    async def _reach(self, patience: float) -> Client:
        """A new client, as soon as a scheduler answers."""
        client = Client(self.address, asynchronous=True, timeout=patience, set_as_default=False)
        try:
            return await client
        except ValueError as error:
            raise UserError(f"{self.address} is no address of a scheduler: {said(error)}") from None
        except OSError:
            raise UserError(
                f"no Dask scheduler answers at {self.address}, after {patience:g} s. "
                "Start it (dask scheduler), or mend the address"
            ) from None
        finally:
            if client.status != "running":
                await self._leave(client)

    async def _leave(self, client: Client | None) -> None:
        if client is not None:
            with suppress(Exception):  # whatever state it is in
                await asyncio.wait_for(client.close(), FIRST)

    async def _count(self) -> None:
        """Know how many workers there are, and say when there are none.

        To a cluster that is only for this nobody but itself brings new ones.
        """
        lonely, ever = 0.0, False
        while True:
            await asyncio.sleep(COUNTED)
            with suppress(OSError, AttributeError):
                if self._client is not None and self._client.status == "running":
                    self.workers = len(await self._client.scheduler.ncores())
            lonely = 0.0 if self.workers else lonely + COUNTED
            ever = ever or self.workers > 0
            if lonely == LONELY:
                log.warning(f"the Dask cluster at {self.address} has no workers; waiting for some")
            lost = ever and lonely >= self.patience and self.cluster is not None
            if lost and not self._deserted.done():
                self._deserted.set_result(None)


async def _given(future: Any) -> Any:
    return await future
