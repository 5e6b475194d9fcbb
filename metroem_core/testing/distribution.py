"""What every distribution that brings components has to keep."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import attrs
import click
import pytest

import metroem_core.kinds
from metroem_core.plugins import check_hooks
from metroem_core.spec.describe import describe
from metroem_registry import Entry, Registry, installed, kind_of

KINDS = frozenset(filter(None, map(kind_of, vars(metroem_core.kinds).values())))
LIGHT = ("hooks", "command")  # imported whenever a spec is run, or the commands are listed
IMPORT = (
    "import importlib, sys; importlib.import_module(sys.argv[1]); print('torch' in sys.modules)"
)


class DistributionConformance:
    """Laws of everything that a distribution announces. Say which one, as ``pip`` knows it::

        class TestDistribution(DistributionConformance):
            distribution = "metroem-curl"

    Name in ``new_kinds`` the kinds of component that it adds to those of ``metroem_core.kinds``.
    """

    distribution: ClassVar[str]
    new_kinds: ClassVar[frozenset[str]] = frozenset()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for every entry point, or for every module that must be quick to import."""
        entries = announced(installed(), self.distribution)
        if "entry" in metafunc.fixturenames:
            metafunc.parametrize("entry", entries, ids=lambda entry: f"{entry.kind} {entry.name}")
        if "quick_module" in metafunc.fixturenames:
            metafunc.parametrize("quick_module", sorted(quick_modules(entries)))

    def test_it_is_installed_and_announces_something(self, registry: Registry) -> None:
        dists = sorted({entry.dist for entry in all_entries(registry)})
        assert self.distribution in dists, f"found only {', '.join(dists)}: is it installed?"

    def test_its_kinds_are_known(self, entry: Entry) -> None:
        known = KINDS | self.new_kinds | {"hooks"}
        assert entry.kind in known, f"there are: {', '.join(sorted(known))}"

    def test_what_it_announces_can_be_imported_and_is_what_its_kind_asks_for(
        self, entry: Entry, registry: Registry
    ) -> None:
        component = registry.get(entry.kind, f"{entry.dist}:{entry.name}")
        if entry.kind == "hooks":
            check_hooks(component, entry.name)
        elif entry.kind == "command":
            check_command(component)
        else:
            check_component(component)

    def test_what_is_imported_for_every_run_or_listing_does_not_import_torch(
        self, quick_module: str
    ) -> None:
        command = [sys.executable, "-c", IMPORT, quick_module]
        done = subprocess.run(command, capture_output=True, text=True)
        advice = f"import torch inside the functions of {quick_module}, or in another module"
        assert done.stdout.strip() == "False", done.stderr or advice


def all_entries(registry: Registry) -> list[Entry]:
    """Every component and every module of hooks."""
    return [*registry.entries(), *registry.entries("hooks")]


def announced(registry: Registry, distribution: str) -> list[Entry]:
    """What one distribution announces."""
    return [entry for entry in all_entries(registry) if entry.dist == distribution]


def quick_modules(entries: list[Entry]) -> set[str]:
    """The modules that others wait for: hooks, commands, and the packages that hold anything."""
    modules = {entry: entry.target.partition(":")[0] for entry in entries}
    return {
        module if entry.kind in LIGHT else module.partition(".")[0]
        for entry, module in modules.items()
    }


def check_component(component: Any) -> None:
    """A component is a frozen attrs class that says what it does, and what each parameter does."""
    assert isinstance(component, type), "must be a class"
    assert attrs.has(component), "must be an attrs class: decorate it with @attrs.frozen"
    assert is_frozen(component), "must not change once it is made: decorate it with @attrs.frozen"
    description = describe(component)
    assert description.summary, "needs a docstring"
    silent = [each.name for each in description.parameters if not each.doc]
    assert not silent, f"the docstring needs a line ':param name:' for {', '.join(silent)}"


def is_frozen(component: type) -> bool:
    """Whether an attrs class refuses to have its objects changed."""
    blank: Any = object.__new__(component)
    try:
        blank.any_attribute = None
    except AttributeError as error:
        return isinstance(error, attrs.exceptions.FrozenError)
    return False


def check_command(command: Any) -> None:
    """A command is a click command that says what it does."""
    assert isinstance(command, click.Command), "must be a click command"
    assert command.help, "needs a docstring"
    options = [each for each in command.params if isinstance(each, click.Option)]
    silent = [each.name for each in options if not each.help]
    assert not silent, f"needs a help text for {', '.join(map(str, silent))}"
