"""Specs: from a file to a checked tree of components, and back.

text --parse--> value --build--> tree --dump--> value
"""

from .build import build
from .dump import dump
from .overrides import override
from .paths import Added, Location, Output
from .problems import Problem, SpecError
from .read import parse, plain

__all__ = [
    "Added",
    "Location",
    "Output",
    "Problem",
    "SpecError",
    "build",
    "dump",
    "override",
    "parse",
    "plain",
]
