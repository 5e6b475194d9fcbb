import json
from typing import Any, Literal, Protocol

import attrs
import pytest
from attrs.validators import ge, gt, lt

from metroem_core.spec import Added, Location, Output, Problem, SpecError, build, dump
from metroem_core.spec.dump import account
from metroem_registry import Entry, Registry, kind


@kind("shape")
class Shape(Protocol): ...


@attrs.frozen
class Size:
    """A size.

    :param width: in pixels.
    """

    width: int
    height: int = 1


@attrs.frozen
class Square:
    """A square.

    :param side: how long a side is.
    """

    side: float = attrs.field(validator=[gt(0), lt(100)])
    rounds: int = attrs.field(default=0, validator=ge(0))


@attrs.frozen
class Group:
    """Shapes, and all that a spec can hold."""

    members: tuple[Shape, ...] = ()
    first: Shape | None = None
    size: Size | None = None
    corner: tuple[int, int] = (0, 0)
    names: list[str] = attrs.field(factory=list)
    by_name: dict[str, Shape] = attrs.field(factory=dict)
    mode: Literal["fast", "exact", 3] = "fast"
    on: bool = False
    either: Shape | tuple[Shape, ...] | None = None
    label: str = ""
    anything: Any = None


@attrs.frozen
class Reader:
    """Reads a file."""

    path: Location
    to: Output = "result"


@pytest.fixture
def shapes():
    registry = Registry([Entry("shape", "odd", "no_such_module:Odd", "metroem-odd", "0.2")])
    for name, component in {"square": Square, "group": Group, "reader": Reader}.items():
        registry.add("shape", name, component)
    return registry


def problems(value, registry, annotation=Shape, **paths):
    with pytest.raises(SpecError) as error:
        build(value, annotation, registry, **paths)
    return str(error.value).splitlines()


FULL = {
    "type": "group",
    "members": ["group", {"type": "square", "side": 2}],
    "first": {"type": "square", "side": 1.5, "rounds": 2},
    "size": {"width": 3},
    "corner": [4, -5],
    "names": ["a", "b"],
    "by_name": {"x": {"type": "square", "side": 3}},
    "mode": 3,
    "on": True,
    "either": [{"type": "square", "side": 4}],
    "label": "10",
    "anything": {"deep": [1, "two", None]},
}


def test_a_name_alone_is_a_component_without_parameters(shapes):
    assert build("group", Shape, shapes) == Group()


def test_annotations_are_the_wiring(shapes):
    group = build(FULL, Shape, shapes)
    assert group.members == (Group(), Square(2.0))
    assert group.first == Square(1.5, 2)
    assert group.size == Size(3, 1)
    assert group.either == (Square(4.0),)


def test_a_tree_becomes_json_and_an_equal_tree_again(shapes):
    group = build(FULL, Shape, shapes)
    assert build(json.loads(json.dumps(dump(group, Shape, shapes))), Shape, shapes) == group


def test_what_is_built_already_is_taken_as_it_is(shapes):
    assert build({"type": "group", "first": Square(2)}, Shape, shapes).first == Square(2)


def test_an_int_stands_for_a_float_and_becomes_one(shapes):
    side = build({"type": "square", "side": 2}, Shape, shapes).side
    assert (side, type(side)) == (2.0, float)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("sqare", "spec: no shape is called 'sqare'. Did you mean 'square'?"),
        (3, "spec: expected a shape: a name or {type: name, ...}, got 3"),
        ({"side": 3}, "spec: 'type' must name a shape: group, odd, reader, square"),
        ("odd", "spec: shape 'odd' comes from metroem-odd 0.2, but importing no_such_module:Odd"),
        ("square", "spec: Square needs 'side' (float): how long a side is."),
        ({"type": "square", "side": "2"}, "spec.side: expected float, got '2': leave the quotes"),
        ({"type": "square", "side": True}, "spec.side: expected float, got true"),
        ({"type": "square", "side": 10**400}, "spec.side: expected a finite number"),
        ({"type": "square", "side": 0}, "spec: 'side' must be > 0: 0.0"),
        ({"type": "square", "side": 1, "rounds": 1.0}, "spec.rounds: expected int, got 1.0"),
        ({"type": "square", "side": 1, "rounds": None}, "spec.rounds: expected int, got null"),
        ({"type": "square", "side": 1, "sid": 2}, "spec.sid: Square has no such parameter; did"),
        ({"type": "square", "side": 1, "zz": 2}, "has no such parameter; it has side, rounds"),
        ({"type": "group", "on": 1}, "spec.on: expected bool, got 1"),
        ({"type": "group", "mode": "exakt"}, "spec.mode: expected 'fast' or 'exact' or 3, got 'ex"),
        ({"type": "group", "mode": 3.0}, "spec.mode: expected 'fast' or 'exact' or 3, got 3.0"),
        ({"type": "group", "corner": [1]}, "spec.corner: expected [int, int], got [1]"),
        ({"type": "group", "corner": [1, "2"]}, "spec.corner[1]: expected int, got '2'"),
        ({"type": "group", "members": "square"}, "spec.members: expected list of a shape, got"),
        ({"type": "group", "size": {}}, "spec.size: Size needs 'width' (int): in pixels."),
        ({"type": "group", "size": 3}, "spec.size: expected {width, height}, got 3"),
        ({"type": "group", "by_name": []}, "spec.by_name: expected mapping to a shape, got []"),
        ({"type": "group", "by_name": {"x": 1}}, "spec.by_name.x: expected a shape"),
        ({"type": "group", "either": ["sqare"]}, "spec.either[0]: no shape is called 'sqare'"),
        ({"type": "group", "either": "sqare"}, "spec.either: no shape is called 'sqare'"),
        (
            {"type": "group", "either": 7},
            "spec.either: expected a shape or list of a shape or null",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(shapes, value, line):
    (told,) = problems(value, shapes)
    assert line in told


def test_all_mistakes_are_told_at_once(shapes):
    value = {
        "type": "group",
        "members": ["sqare", {"type": "square", "side": -1, "rounds": -2}],
        "modus": "fast",
        "corner": "here",
    }
    assert problems(value, shapes) == [
        "spec.modus: Group has no such parameter; did you mean 'mode'?",
        "spec.members[0]: no shape is called 'sqare'. Did you mean 'square'?",
        "spec.members[1]: 'side' must be > 0: -1.0",
        "spec.members[1]: 'rounds' must be >= 0: -2",
        "spec.corner: expected [int, int], got 'here'",
    ]


def test_a_value_out_of_range_is_told_beside_a_wrong_one(shapes):
    assert problems({"type": "square", "side": "x", "rounds": -1}, shapes) == [
        "spec.side: expected float, got 'x'",
        "spec: 'rounds' must be >= 0: -1",
    ]


def test_problems_known_before_are_told_with_the_new_ones(shapes):
    known = [Problem("spec", "'a' is given twice; keep one")]
    assert problems("sqare", shapes, known=known)[0] == "spec: 'a' is given twice; keep one"


def test_a_component_that_is_no_attrs_class_is_refused(shapes):
    class Plain: ...

    shapes.add("shape", "plain", Plain)
    assert problems("plain", shapes) == [
        "spec: shape 'plain' is no attrs class, so no spec can build it"
    ]


def test_a_check_of_the_component_itself_is_a_problem_like_others(shapes):
    @attrs.frozen
    class Even:
        number: int = 1

        def __attrs_post_init__(self):
            if self.number % 2:
                raise ValueError("the number must be even")

    shapes.add("shape", "even", Even)
    assert problems("even", shapes) == ["spec: the number must be even"]


def test_inputs_start_at_the_spec_and_outputs_at_the_run(shapes, tmp_path):
    (tmp_path / "data.txt").write_text("x")
    reader = {"type": "reader", "path": "data.txt", "to": "out.txt"}
    folder = tmp_path / "run"
    tree = build(reader, Shape, shapes, base=tmp_path, folder=folder)
    assert tree == Reader(str(tmp_path / "data.txt"), str(folder / "out.txt"))


def test_a_default_output_lies_in_the_run_too(shapes, tmp_path):
    (tmp_path / "data.txt").write_text("x")
    tree = build({"type": "reader", "path": "data.txt"}, Shape, shapes, base=tmp_path)
    assert tree.to.endswith("/result")


def test_what_an_earlier_part_writes_is_read_from_the_run(shapes, tmp_path):
    (tmp_path / "data.txt").write_text("x")
    readers = [
        {"type": "reader", "path": "data.txt", "to": "made"},
        {"type": "reader", "path": "made/inside.txt", "to": "more"},
    ]
    tree = build(readers, tuple[Shape, ...], shapes, base=tmp_path, folder=tmp_path / "run")
    assert tree[1].path == str(tmp_path / "run" / "made" / "inside.txt")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nothing.txt", "no such file or folder: {base}/nothing.txt. Relative paths start at the"),
        ("/no/such", "no such file or folder: /no/such"),
        ("${METROEM_NOT_SET}/x", "the environment variable METROEM_NOT_SET is not set"),
        ("", "not a path"),
        ("a\0b", "not a path"),
        (3, "expected a path, got 3"),
    ],
)
def test_a_path_that_cannot_be_read_is_told(shapes, tmp_path, path, said):
    (line,) = problems({"type": "reader", "path": path}, shapes, base=tmp_path)
    assert said.format(base=tmp_path) in line


def test_environment_variables_stand_in_paths_only(shapes, tmp_path, monkeypatch):
    monkeypatch.setenv("METROEM_HERE", str(tmp_path))
    assert build({"type": "reader", "path": "${METROEM_HERE}"}, Shape, shapes).path == str(tmp_path)
    group = build({"type": "group", "label": "${METROEM_HERE}"}, Shape, shapes)
    assert group.label == "${METROEM_HERE}"


def test_a_url_is_left_alone(shapes):
    url = "gs://bucket/image"
    assert build({"type": "reader", "path": url}, Shape, shapes).path == url


def test_two_parts_must_not_write_to_one_place(shapes, tmp_path):
    readers = [{"type": "reader", "path": "gs://b/i"}] * 2
    (line,) = problems(readers, shapes, tuple[Shape, ...], base=tmp_path)
    assert line.startswith("spec[1].to: an earlier step writes to 'result' too")


@pytest.mark.parametrize("to", ["run.json", ".", "log.jsonl"])
def test_the_record_of_a_run_is_not_overwritten(shapes, to):
    (line,) = problems({"type": "reader", "path": "gs://b/i", "to": to}, shapes)
    assert "is kept for the record of the run" in line


def test_a_name_that_two_distributions_claim_is_written_with_its_distribution(shapes):
    shapes = Registry(
        [
            Entry("shape", "size", f"{__name__}:Size", "metroem-a", "1"),
            Entry("shape", "size", f"{__name__}:Square", "metroem-b", "1"),
        ]
    )
    assert dump(Size(1), Shape, shapes)["type"] == "metroem-a:size"


@attrs.frozen
class Row:
    """Shapes in a row.

    :param shapes: from left to right.
    """

    shapes: tuple[Shape, ...]


def test_a_list_is_short_for_the_chain_of_a_kind_that_has_one(shapes):
    shapes.add("shape", "chain", Row)
    square = {"type": "square", "side": 2}
    row = Row((Square(2.0), Row((Group(),))))
    assert build([square, ["group"]], Shape, shapes) == row
    assert build({"type": "group", "first": [square]}, Shape, shapes).first == Row((Square(2.0),))
    assert build(dump(row, Shape, shapes), Shape, shapes) == row
    assert problems(["group", {"type": "square"}], shapes) == [
        "spec[1]: Square needs 'side' (float): how long a side is."
    ]


def test_a_list_is_no_component_of_a_kind_without_a_chain(shapes):
    assert problems(["group"], shapes) == [
        'spec: expected a shape: a name or {type: name, ...}, got ["group"]'
    ]


def test_an_editor_is_told_that_a_list_may_stand_for_a_chain(shapes):
    import jsonschema

    from metroem_core.spec.schema import schema

    shapes.add("shape", "chain", Row)
    rules = schema(Group, shapes)
    jsonschema.Draft202012Validator(rules).validate({"first": [{"type": "square", "side": 2}]})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(rules).validate({"first": [3]})


def test_a_path_is_an_input_also_where_a_value_may_stand_in_its_place(shapes, tmp_path):
    @attrs.frozen
    class Either:
        """Something given in a file or in place.

        :param spec: the file, or what would stand in it.
        """

        spec: Location | dict[str, Any]

    shapes.add("shape", "either", Either)
    file = tmp_path / "spec.json"
    file.touch()
    assert account(Either(str(file)), Shape, shapes).inputs == (str(file),)
    assert account(Either({"type": "x"}), Shape, shapes).inputs == ()


def test_a_folder_that_is_added_to_is_neither_an_input_nor_an_output(shapes, tmp_path):
    @attrs.frozen
    class Adding:
        """Something that adds to a folder.

        :param data: the folder.
        """

        data: Added

    shapes.add("shape", "adding", Adding)
    found = build({"type": "adding", "data": str(tmp_path)}, Shape, shapes)
    told = account(found, Shape, shapes)
    assert (told.inputs, told.outputs, told.added) == ((), (), (str(tmp_path),))
