"""`metroem doctor`: whether this machine and what is installed on it are fit for work."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import metadata

import attrs
import click

from metroem_registry import Registry, RegistryError, installed

from .specs import size

LITTLE = 1_000_000_000  # bytes of memory or disk that are soon used up


@attrs.frozen
class Finding:
    """One line of the report; ``remedy`` is given when something is wrong."""

    subject: str
    text: str
    remedy: str = ""


@click.command()
def doctor() -> None:
    """Check versions, devices, plugins, memory and disk; exit status 1 when something is wrong.

    \b
    Example:
      metroem doctor
    """
    wrong = 0
    registry = installed()
    for examine in (versions, devices, plugins, clashes, room):
        for finding in examine(registry):
            wrong += bool(finding.remedy)
            mark = "WRONG" if finding.remedy else "ok"
            click.echo(f"{mark:<6} {finding.subject:<16} {finding.text}")
            if finding.remedy:
                click.echo(f"{'':<23} {finding.remedy}")
    click.echo(f"{wrong} wrong" if wrong else "Nothing is wrong.")
    raise SystemExit(min(wrong, 1))


def versions(registry: Registry) -> Iterator[Finding]:
    """Python, and every package that metroem-core needs."""
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    for requirement in metadata.requires("metroem-core") or ():
        name, _, condition = requirement.partition(";")
        name = "".join(letter if letter.isalnum() or letter in "-_." else " " for letter in name)
        if "extra" in condition:
            continue
        package = name.split()[0]
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed", f"pip install '{requirement}'")


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
    """Every component and every listener, really imported."""
    entries = [*registry.entries(), *registry.entries("hooks")]
    broken = 0
    for entry in entries:
        try:
            registry.get(entry.kind, f"{entry.dist}:{entry.name}")
        except RegistryError as error:
            broken += 1
            remedy = f"pip install --force-reinstall {entry.dist}, or ask its author"
            yield Finding(entry.dist, str(error), remedy)
    yield Finding("components", f"{len(entries) - broken} of {len(entries)} can be imported")


def clashes(registry: Registry) -> Iterator[Finding]:
    """Names that several distributions claim."""
    for group in registry.clashes():
        dists = " and ".join(entry.dist for entry in group)
        kind, name = group[0].kind, group[0].name
        choice = f"{group[0].dist}:{name}"
        yield Finding(f"{kind} {name}", f"comes from {dists}", f"write '{choice}' in specs")


def room(registry: Registry) -> Iterator[Finding]:
    """Memory and disk that are free here."""
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    disk = shutil.disk_usage(".").free
    for subject, free in (("free memory", memory), ("free disk", disk)):
        remedy = "make room before a large run" if free < LITTLE else ""
        yield Finding(subject, f"{size(free)} {'here' * (subject == 'free disk')}".strip(), remedy)
