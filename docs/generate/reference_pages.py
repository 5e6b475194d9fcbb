"""Writes the reference pages from the code whenever mkdocs builds the site."""

from __future__ import annotations

import click
from component_pages import OURS, index_page, kind_page
from contract_pages import CONTRACTS, call, data_page, kinds_page, testing_page
from docstrings import fenced, markdown
from formulas import FENCE
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from metroem_core import hookspecs
from metroem_core.cli import main
from metroem_registry import Registry, installed

COMMANDS = """\
Exit status: 0 for success, 1 when the content of a file is wrong or a step fails, 2 when a command
is called wrongly, 130 when a run is stopped. Messages go to stderr.
"""
WIDTH = 88


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Have formulas drawn."""
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [FENCE]}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the written pages to the site, and those of components to its contents."""
    written = pages(installed())
    for path, text in written.items():
        files.append(File.generated(config, path, content=text))
    reference = next(each["Reference"] for each in config.nav or () if "Reference" in each)
    reference.append({"Components": [path for path in written if "/components/" in path]})
    return files


def pages(registry: Registry) -> dict[str, str]:
    """The text of every written page, by its path in the site."""
    kinds = [kind for kind in CONTRACTS if kind in registry.kinds() and kind != "command"]
    return {
        "reference/commands.md": commands_page(registry),
        "reference/kinds.md": kinds_page(kinds),
        "reference/data.md": data_page(),
        "reference/hooks.md": hooks_page(),
        "reference/testing.md": testing_page(),
        "reference/components/index.md": index_page(registry, kinds),
        **{
            f"reference/components/{kind}.md": kind_page(registry, kind, markdown(CONTRACTS[kind]))
            for kind in kinds
        },
    }


def commands_page(registry: Registry) -> str:
    """The help of every command, as it is printed."""
    ours = {entry.name for entry in registry.entries("command") if entry.dist == OURS}
    settings = {**main.context_settings, "terminal_width": WIDTH}
    context = click.Context(main, info_name="metroem", **settings)
    sections = [f"## metroem\n\n{fenced('text', main.get_help(context))}"]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if name in ours and command is not None:
            inner = click.Context(command, context, name)
            sections.append(f"## metroem {name}\n\n{fenced('text', command.get_help(inner))}")
    return "\n\n".join(["# Commands", COMMANDS, *sections])


def hooks_page() -> str:
    """Every hook, in the order in which a run meets them."""
    sections = []
    for name, hook in vars(hookspecs).items():
        if name.startswith("metroem_"):
            sections += [f"## {name}", fenced("python", call(name, hook)), markdown(hook)]
    return "\n\n".join(["# Hooks", markdown(hookspecs), *sections])
