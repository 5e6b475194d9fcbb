"""A Dask cluster."""

from __future__ import annotations

import importlib
from concurrent.futures import Executor
from typing import Any

import attrs
from attrs.validators import gt

from metroem_core.errors import UserError, said


@attrs.frozen
class Cluster:
    """A cluster that is made for the run, and ends with it.

    :param kind: its class, such as ``dask.distributed.LocalCluster``,
        ``dask_jobqueue.SLURMCluster`` or ``dask_kubernetes.operator.KubeCluster``.
    :param parameters: what the class is given.
    """

    kind: str
    parameters: dict[str, Any] = attrs.field(factory=dict, hash=False)

    def start(self) -> Any:
        """The cluster itself.

        :raises UserError: when there is no such class, or when it refuses.
        """
        module, _, name = self.kind.rpartition(".")
        try:
            make = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(
                f"there is no cluster {self.kind} ({said(error)}). Is its package installed?"
            ) from None
        try:
            return make(**self.parameters)
        except Exception as error:  # the class may be anybody's
            raise UserError(f"{self.kind} cannot be started: {said(error)}") from error


@attrs.frozen
class Dask:
    """Compute on a Dask cluster: one that is there, or one that is made for the run.

    Every process of a worker does one task at a time, with one thread, so that all compute alike:
    give workers one thread each, and as many as there are cores or GPUs. The scheduler and the
    workers need the same packages as this process; files named with ``--plugin`` are sent to them.
    Tasks of a worker that ends are done by others; when the scheduler goes away and comes back,
    what was lost is sent again.

    :param address: of the scheduler, such as ``tcp://login1:8786``.
    :param cluster: a cluster to make instead.
    :param patience: seconds to wait for a scheduler that went away, or for workers of ``cluster``
        when all that there were are gone.
    """

    address: str | None = None
    cluster: Cluster | None = None
    patience: float = attrs.field(default=120.0, validator=gt(0))

    def __attrs_post_init__(self) -> None:
        if (self.address is None) == (self.cluster is None):
            raise ValueError("give 'address' or 'cluster', and not both")

    def open(self) -> Executor:
        """The cluster, when it answers.

        :raises UserError: when it does not, or when a worker lacks a package.
        """
        try:
            from .dask_pool import Pool
        except ImportError as error:
            raise UserError(
                f"the executor 'dask' cannot be used ({said(error)}): "
                "pip install 'metroem-core[dask]'"
            ) from None
        if self.cluster is None:
            return Pool(str(self.address), self.patience)
        return Pool.of(self.cluster.start(), self.patience)
