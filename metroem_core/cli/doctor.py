"""`metroem doctor`: whether this machine and what is installed on it are fit for work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from metroem_registry import Entry, Registry, RegistryError, installed

from ..errors import UserError
from ..plugins import check_hooks
from ..readable import size
from ..spec.describe import describe
from .packages import Finding, extras, versions

LITTLE = 1_000_000_000  # bytes of memory or disk that are soon used up


@click.command()
def doctor() -> None:
    """Check versions, extras, devices, plugins, memory and disk; exit status 1 if any is wrong.

    \b
    Example:
      metroem doctor
    """
    wrong = 0
    registry = installed()
    for look in (versions, extras, devices, plugins, clashes, room):
        for finding in look(registry):
            wrong += bool(finding.remedy)
            mark = "WRONG" if finding.remedy else "ok" if finding.there else "-"
            click.echo(f"{mark:<6} {finding.subject:<16} {finding.text}")
            if finding.remedy:
                click.echo(f"{'':<23} {finding.remedy}")
    click.echo(f"{wrong} wrong" if wrong else "Nothing is wrong.")
    raise SystemExit(min(wrong, 1))


def devices(registry: Registry) -> Iterator[Finding]:
    """What torch can compute on."""
    try:
        import torch
    except Exception as error:  # a broken installation may raise anything
        yield Finding("torch", f"cannot be imported: {error}", "install torch again")
        return
    yield Finding("cpu", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield Finding(f"cuda:{index}", f"{device.name}, {size(device.total_memory)}")
    if not torch.cuda.is_available():
        yield Finding("cuda", "none; everything runs on the CPU")


def plugins(registry: Registry) -> Iterator[Finding]:
    """Every component and every module of hooks, really imported."""
    for text in registry.unreadable:
        yield Finding("metadata", text, "reinstall that distribution, or remove its folder")
    entries = [*registry.entries(), *registry.entries("hooks")]
    broken = 0
    for entry in entries:
        try:
            examine(entry, registry)
        except (RegistryError, UserError) as error:
            broken += 1
            remedy = f"pip install --force-reinstall {entry.dist}, or ask its author"
            yield Finding(entry.dist, str(error), remedy)
    yield Finding("components", f"{len(entries) - broken} of {len(entries)} can be used")


def examine(entry: Entry, registry: Registry) -> None:
    """Import what an entry announces, and refuse what nobody could use."""
    component = registry.get(entry.kind, f"{entry.dist}:{entry.name}")
    if entry.kind == "hooks":
        check_hooks(component, f"{entry.name} of {entry.dist} {entry.version}")
    else:
        describe(component)


def clashes(registry: Registry) -> Iterator[Finding]:
    """Names that several distributions claim."""
    for group in registry.clashes():
        dists = " and ".join(entry.dist for entry in group)
        kind, name = group[0].kind, group[0].name
        choice = f"{group[0].dist}:{name}"
        yield Finding(f"{kind} {name}", f"comes from {dists}", f"write '{choice}' in specs")


def room(registry: Registry) -> Iterator[Finding]:
    """Memory and disk that are free here."""
    for subject, free in (("memory", free_memory()), ("disk here", shutil.disk_usage(".").free)):
        remedy = "make room before a large run" if free < LITTLE else ""
        yield Finding(subject, f"{size(free)} free", remedy)


def free_memory() -> int:
    """Bytes that a program can still have."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
