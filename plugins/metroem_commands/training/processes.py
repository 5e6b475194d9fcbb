"""Several processes that run one spec together, started as ``torchrun`` does."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metroem_core.errors import UserError

from .devices import visible

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

HERE = "127.0.0.1"
TOLD = (1, 2)  # statuses with which a command ends that has said what is wrong


def among_others() -> bool:
    """Whether ``torchrun`` has started this process."""
    return "RANK" in os.environ


def first() -> bool:
    """Whether this process is the one that tells and writes."""
    return os.environ.get("RANK", "0") == "0"


def start(command: Sequence[str], devices: Sequence[str], port: int, logs: Path) -> None:
    """Run a command of `metroem` in a process for every device.

    The first shows what it says; what the others say goes to files.

    :param port: where they meet; another one if that is taken.
    :param logs: the folder of these files.
    :raises UserError: when a process fails without having said why.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    count = len(devices)
    settings = {
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count)),
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "10",  # seconds for the others, when one has failed
        **os.environ,
        **visible(devices),
    }
    with environment(settings), quiet("torch.distributed.elastic"):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id="train",
            rdzv_backend="static",
            rdzv_endpoint=f"{HERE}:{free(port)}",
            rdzv_configs={"rank": 0},
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(
                str(logs), {rank: Std.ALL if rank else Std.NONE for rank in range(count)}
            ),
        )
        try:
            elastic_launch(config, sys.executable)("-m", "metroem_core.cli", *command)
        except ChildFailedError as error:
            raise reason(error, logs) from None
        except SignalException:
            raise KeyboardInterrupt from None


def reason(error: ChildFailedError, logs: Path) -> BaseException:
    """Why processes failed: nothing but the status, if the first has said it."""
    if 0 in error.failures and error.failures[0].exitcode in TOLD:
        return SystemExit(error.failures[0].exitcode)
    rank, failure = error.get_first_failure()
    files = sorted(logs.glob(f"*/*/{rank}/stderr.log"), key=lambda each: each.stat().st_mtime)
    lines = files[-1].read_text(encoding="utf-8", errors="replace").split("\n") if files else []
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    where = f". All it said is in {files[-1]}" if files else ""
    return UserError(f"process {rank} ended with status {failure.exitcode}: {last.strip()}{where}")


def free(port: int) -> int:
    """The port, or one that is free if another program has it."""
    with socket.socket() as probe:
        try:
            probe.bind((HERE, port))
        except OSError:
            probe.bind((HERE, 0))
            click.echo(f"note: the port {port} is taken; another one is used", err=True)
        return int(probe.getsockname()[1])


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """These environment variables, for a while."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """No messages of the loggers under a name, for a while."""
    known: dict[str, Any] = dict(logging.root.manager.loggerDict)
    loggers = [logging.getLogger(each) for each in known if each.startswith(name)]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
