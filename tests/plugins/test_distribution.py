"""The bundled distribution passes the check that third parties run, and the check has teeth."""

import subprocess
import sys
from types import ModuleType

import attrs
import click
import pytest

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.plugins import check_hooks
from metroem_core.testing.distribution import (
    DistributionConformance,
    check_command,
    check_component,
)


class TestBundled(DistributionConformance):
    distribution = "metroem-core"


def module_of(**functions):
    module = ModuleType("listener")
    vars(module).update(functions)
    return module


def test_a_component_with_a_documented_parameter_passes():
    @attrs.frozen
    class Sharp:
        """Sharpen.

        :param power: how much.
        """

        power: float = 1.0

    check_component(Sharp)


def test_a_component_that_can_be_changed_is_refused():
    @attrs.define
    class Soft:
        """Soften."""

    with pytest.raises(AssertionError, match="must not change once it is made"):
        check_component(Soft)


def test_a_component_that_is_no_attrs_class_is_refused():
    class Plain:
        """Nothing."""

    with pytest.raises(AssertionError, match=r"decorate it with @attrs.frozen"):
        check_component(Plain)


def test_a_component_without_a_docstring_is_refused():
    with pytest.raises(AssertionError, match="needs a docstring"):
        check_component(attrs.frozen(type("Silent", (), {})))


def test_a_parameter_without_a_line_in_the_docstring_is_named():
    @attrs.frozen
    class Half:
        """Half documented."""

        power: float = 1.0

    with pytest.raises(AssertionError, match="a line ':param name:' for power"):
        check_component(Half)


def test_a_command_says_what_its_options_do():
    @click.command()
    @click.option("--loud")
    def shout(loud):
        """Shout."""

    with pytest.raises(AssertionError, match="a help text for loud"):
        check_command(shout)


def test_a_misspelt_hook_is_refused():
    @hookimpl
    def metroem_run_start(run): ...

    with pytest.raises(UserError, match="the plugin odd misuses a hook.*metroem_run_start"):
        check_hooks(module_of(metroem_run_start=metroem_run_start), "odd")


def test_a_module_without_hooks_is_refused():
    def metroem_run_started(run): ...

    with pytest.raises(UserError, match=r"Mark its functions with @metroem_core.hookimpl"):
        check_hooks(module_of(metroem_run_started=metroem_run_started), "odd")


def test_the_pytest_plugin_does_not_import_torch():
    code = "import metroem_core.pytest_plugin, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
