"""Two thousand damaged specs: each is fine, or refused in plain words."""

import copy
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from metroem_core.cli import main

SPEC = (Path(__file__).parents[2] / "docs/examples/first.yaml").read_text()
VALUE = YAML(typ="safe").load(SPEC)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["rig", "tv", "mse", "epe", "synthetic", "gs://b/x", "${HOME}", "../x", "."]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """The path of every part of a value."""
    yield path
    if not isinstance(value, (dict, list)):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield from places(part, (*path, key))


@st.composite
def damaged_values(draw):
    """The demo's spec with some of its parts replaced, removed, renamed or doubled."""
    value = copy.deepcopy(VALUE)
    for _ in range(draw(st.integers(1, 3))):
        parts = [*places(value)][1:]
        if not parts:
            break
        *above, last = draw(st.sampled_from(parts))
        inside = value
        for part in above:
            inside = inside[part]
        change = draw(st.sampled_from(["replace", "remove", "rename", "double"]))
        if change == "replace":
            inside[last] = draw(values)
        elif change == "remove":
            del inside[last]
        elif change == "double" and isinstance(inside, list):
            inside.append(copy.deepcopy(inside[last]))
        elif isinstance(inside, dict):
            inside[draw(st.text(max_size=6)) or f"{last}s"] = inside.pop(last)
    return value


@st.composite
def damaged_texts(draw):
    """The demo's spec as text with some of its characters changed."""
    text = draw(st.sampled_from([SPEC, json.dumps(VALUE)]))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
        odd = st.sampled_from(["\t", "\0", "&a ", "*a", "!!", "{", "]", "'", ": ", "-", "\n", "<<"])
        text = text[:at] + draw(st.one_of(odd, st.text(max_size=2))) + text[at + length :]
    return text


def check(path, *settings):
    options = [word for setting in settings for word in ("--set", setting)]
    result = CliRunner().invoke(main, ["check", str(path), *options])
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    assert result.exit_code in (0, 1)
    if result.exit_code:
        assert result.output.startswith("Error: ")
        assert len(result.output.splitlines()) >= 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


MUTATIONS = [100, pytest.param(1000, marks=pytest.mark.slow)]


def mutated(count, **drawn):
    """A test of so many examples."""
    checks = list(HealthCheck)
    many = settings(max_examples=count, deadline=None, suppress_health_check=checks, database=None)
    return lambda test: many(given(**drawn)(test))


@pytest.mark.parametrize("count", MUTATIONS)
def test_a_damaged_value_never_gives_a_traceback(folder, count):
    @mutated(count, value=damaged_values())
    def never(value):
        path = folder / "spec.json"
        path.write_text(json.dumps(value))
        check(path)

    never()


@pytest.mark.parametrize("count", MUTATIONS)
def test_a_damaged_text_never_gives_a_traceback(folder, count):
    @mutated(count, text=damaged_texts(), name=st.sampled_from(["spec.json", "spec.yaml"]))
    def never(text, name):
        path = folder / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        check(path)

    never()


@pytest.mark.parametrize("count", [50, pytest.param(300, marks=pytest.mark.slow)])
def test_a_damaged_setting_never_gives_a_traceback(folder, count):
    places = ["steps[0].z", "steps[0].image", "steps", "steps[0].size[1]", "x", ""]
    texts = st.one_of(damaged_texts(), st.text(max_size=6), values.map(json.dumps))

    @mutated(count, path=st.sampled_from(places), value=texts)
    def never(path, value):
        spec = folder / "spec.yaml"
        spec.write_text(SPEC)
        check(spec, f"{path}={value}")

    never()
