"""The packages that metroem-core needs, or can use, as `metroem doctor` finds them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

import attrs

from metroem_registry import Registry

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OURS = "metroem-core"
DEVELOPERS = ("dev", "test")  # extras that nobody needs to work with


@attrs.frozen
class Finding:
    """One line of the report.

    :param remedy: what to do, when something is wrong.
    :param there: whether it is there; not all that is missing is needed.
    """

    subject: str
    text: str
    remedy: str = ""
    there: bool = True


def versions(registry: Registry) -> Iterator[Finding]:
    """Python, and every package that is needed, against the versions that are needed."""
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    for needed in requirements(""):
        version = installed_version(needed.name)
        fits = version is not None and needed.specifier.contains(version, prereleases=True)
        remedy = "" if fits else f"pip install '{needed.name}{needed.specifier}'"
        yield Finding(needed.name, version or "not installed", remedy)


def extras(registry: Registry) -> Iterator[Finding]:
    """What only some need, and how to have it."""
    always = {needed.name for needed in requirements("")}
    for extra in metadata.metadata(OURS).get_all("Provides-Extra") or ():
        names = [each.name for each in requirements(extra) if each.name not in always]
        if extra in DEVELOPERS or not names:
            continue
        found = {name: installed_version(name) for name in names}
        text = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.items())
        there = all(found.values())
        advice = "" if there else f"; if you need it: pip install '{OURS}[{extra}]'"
        yield Finding(f"[{extra}]", text + advice, there=there)


def requirements(extra: str) -> Iterator[Requirement]:
    """What has to be installed with an extra, or without any."""
    from packaging.requirements import Requirement

    for needed in map(Requirement, metadata.requires(OURS) or ()):
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


def installed_version(name: str) -> str | None:
    """The version of a package, or None when it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
