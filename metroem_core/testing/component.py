"""What holds for components of every kind."""

from __future__ import annotations

import pickle
import typing
from typing import Any

import attrs
import pytest


class Conformance:
    """Laws that every component keeps. There is a class like this one for each kind.

    Inherit from the one of your kind, under a name that begins with ``Test``, and say which
    component it is about; pytest then finds the laws as tests of your class::

        class TestCurl(SmoothnessConformance):
            component = Curl(weight=2)

    A component that needs a file sets ``self.component`` in an autouse fixture instead.
    """

    component: Any

    def test_it_is_a_frozen_attrs_class(self) -> None:
        assert attrs.has(type(self.component)), "decorate the class with @attrs.frozen"
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            self.component.anything = 1

    def test_its_parameters_make_it_again(self) -> None:
        names = [f.alias for f in attrs.fields(type(self.component)) if f.init]
        values = attrs.asdict(self.component, recurse=False)
        again = type(self.component)(**dict(zip(names, values.values(), strict=True)))
        assert again == self.component
        assert attrs.evolve(self.component) == self.component

    def test_its_like_has_the_same_hash(self) -> None:
        assert hash(attrs.evolve(self.component)) == hash(self.component)

    def test_it_can_be_sent_to_another_process(self) -> None:
        assert pickle.loads(pickle.dumps(self.component)) == self.component

    def test_its_annotations_can_be_read_at_run_time(self) -> None:
        hints = typing.get_type_hints(type(self.component), include_extras=True)
        missing = [f.name for f in attrs.fields(type(self.component)) if f.name not in hints]
        assert not missing, f"parameters without an annotation: {', '.join(missing)}"

    def test_it_and_its_parameters_are_documented(self) -> None:
        doc = vars(type(self.component)).get("__doc__") or ""
        assert doc.strip(), "the docstring of the class is its documentation"
        names = [f.alias for f in attrs.fields(type(self.component)) if f.init]
        missing = [name for name in names if f":param {name}:" not in doc]
        assert not missing, f"the docstring has no ':param NAME:' for: {', '.join(missing)}"
