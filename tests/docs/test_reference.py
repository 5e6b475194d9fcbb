"""Everything that there is stands on its page of the reference."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import click
import pytest

from metroem_core import hookspecs, kinds
from metroem_core.spec import build
from metroem_core.spec.describe import describe
from metroem_core.spec.paths import Paths
from metroem_registry import installed, kind_of

pytest.importorskip("mkdocs", reason="the pages are written by a hook of mkdocs")
pytest.importorskip("latex2mathml", reason="the pages show formulas")

GENERATE = Path(__file__).parents[2] / "docs/generate"
REGISTRY = installed()
OURS = [entry for entry in REGISTRY.entries() if entry.dist == "metroem-core"]
COMMANDS = [entry.name for entry in OURS if entry.kind == "command"]
COMPONENTS = [entry for entry in OURS if entry.kind != "command"]
HOOKS = [name for name in vars(hookspecs) if name.startswith("metroem_")]
CONTRACTS = {kind_of(each): each for each in vars(kinds).values() if kind_of(each)}

each_component = pytest.mark.parametrize(
    "entry", COMPONENTS, ids=lambda entry: f"{entry.kind}-{entry.name}"
)


@pytest.fixture(scope="module")
def generator():
    """A function that imports one of the modules that write the pages."""
    sys.path.insert(0, str(GENERATE))
    yield importlib.import_module
    sys.path.remove(str(GENERATE))


@pytest.fixture(scope="module")
def pages(generator):
    """The text of every written page, by its path."""
    return generator("reference_pages").pages(REGISTRY)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_on_its_page_with_its_arguments(hook, pages):
    page = pages["reference/hooks.md"]
    arguments = re.search(rf"^{hook}\((.*)\)", page, re.MULTILINE)[1]
    assert re.findall(r"(\w+):", arguments) == list(
        inspect.signature(getattr(hookspecs, hook)).parameters
    )
    assert f"\n## {hook}\n" in page


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_kind_is_on_its_page(kind, pages):
    assert f"\n## {kind}\n" in pages["reference/kinds.md"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_its_page_with_its_options(name, pages):
    _, _, section = pages["reference/commands.md"].partition(f"\n## metroem {name}\n")
    params = REGISTRY.get("command", name).params
    assert all(each.opts[0] in section for each in params if isinstance(each, click.Option))


@each_component
def test_every_component_is_on_its_page_with_its_parameters(entry, pages):
    page = pages[f"reference/components/{entry.kind}.md"]
    original = REGISTRY.original(entry).name
    _, _, section = page.partition(f"\n## {original}\n")
    assert entry.name == original or f"`{entry.name}`" in section
    parameters = describe(REGISTRY.get(entry.kind, original)).parameters
    assert all(f"| `{each.name}` |" in section for each in parameters)


@pytest.mark.parametrize("kind", ["metric", "objective", "similarity", "smoothness"])
def test_what_measures_is_on_its_page_with_its_formula(kind, pages):
    sections = pages[f"reference/components/{kind}.md"].split("\n## ")[1:]
    assert [each.split("\n")[0] for each in sections if "```latex" not in each] == []


@each_component
def test_every_component_is_on_its_page_with_an_example(entry, pages):
    page = pages[f"reference/components/{entry.kind}.md"]
    _, _, section = page.partition(f"\n## {REGISTRY.original(entry).name}\n")
    assert "```yaml" in section.partition("\n## ")[0]


@each_component
def test_what_a_page_says_of_a_component_makes_one(entry, generator, monkeypatch):
    monkeypatch.setattr(Paths, "input", lambda self, path: path)
    component = REGISTRY.get(entry.kind, entry.name)
    said = generator("component_pages").example(REGISTRY, entry.kind, entry.name)
    assert isinstance(build(said, CONTRACTS[entry.kind], REGISTRY), component)


def test_a_line_over_a_mean_is_as_long_as_the_mean(generator):
    drawn = generator("formulas").mathml(r"\overline{a + b} + \hat c", "block")
    long, short = drawn.split("</mrow>", 1)
    assert 'style="border-top' in long
    assert "<mover" in short


def test_docstrings_become_markdown(generator):
    text = generator("docstrings").markdown(
        r"""Turn by :math:`\alpha`, see ``angle`` of :class:`~metroem.Turn`.

        .. math:: \alpha =
                  1

        :param angle: in degrees,
            to the left.
        """
    )
    alpha = generator("formulas").inline(r"\alpha")
    assert "<mi>α</mi>" in alpha
    assert text == (
        f"Turn by {alpha}, see `angle` of `metroem.Turn`.\n\n"
        "```latex\n\\alpha =\n1\n```\n\n- `angle`: in degrees, to the left."
    )
