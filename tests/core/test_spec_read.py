import copy

import pytest

from metroem_core.spec import SpecError, override, parse


def read(tmp_path, text, name="spec.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse(path)[0]


def refusal(tmp_path, text, name):
    with pytest.raises(SpecError) as error:
        read(tmp_path, text, name)
    return str(error.value)


def test_yaml_is_yaml_1_2(tmp_path):
    assert read(tmp_path, "{a: 1e-4, b: yes, c: 017}") == {"a": 1e-4, "b": "yes", "c": 17}


def test_json_and_yaml_give_equal_values(tmp_path):
    value = {"steps": [{"type": "x", "n": 1, "f": 0.5, "t": True, "z": None}]}
    json = '{"steps": [{"type": "x", "n": 1, "f": 0.5, "t": true, "z": null}]}'
    assert read(tmp_path, json, "a.json") == read(tmp_path, json, "a.yaml") == value


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbf{}", "a.json") == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", '{\n "a": 1,\n "b" 2}', "a.json, line 3, column 6: not JSON: Expecting ':'"),
        ("a.json", "", "a.json, line 1, column 1: not JSON"),
        ("a.json", '{"NaN": 1,\n "b": [NaN]}', "a.json, line 2, column 8: not JSON: NaN is not a"),
        ("a.yaml", "a: " + "x" * 5_000_001, "more than 5,000,000 characters of YAML"),
        ("a.json", '{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("a.json", "[" * 100_000, "nested more than 64 levels deep"),
        ("a.yaml", "a: [1,\n b: }", "a.yaml, line 2, column 5: not YAML"),
        ("a.yaml", "a: 1\na: 2", "a.yaml, line 2, column 1: not YAML"),
        ("a.yaml", "a: !!python/object:os.system x", "not YAML"),
        ("a.yaml", "a: !!float x", "not YAML"),
        ("a.yaml", "a: &a [*a]", "spec.a[0]: this YAML alias contains itself"),
        ("a.yaml", "[" * 100 + "]" * 100, "nested more than 64 levels deep"),
        ("a.yaml", "1: x", "spec: the key 1 must be text: put quotes around it"),
        ("a.yaml", "a: 2001-01-01", "spec.a: a date cannot stand in a spec: put quotes"),
        ("a.yaml", "a: \x00", "not YAML"),
        ("a.yaml", b"\xff\xfe\x00", "not a text file in UTF-8"),
    ],
)
def test_what_is_no_spec_is_refused_with_its_place(tmp_path, name, text, said):
    assert said in refusal(tmp_path, text, name)


def test_an_alias_is_a_copy(tmp_path):
    value = read(tmp_path, "{a: &x {n: 1}, b: *x}")
    value["a"]["n"] = 2
    assert value["b"]["n"] == 1


def test_aliases_that_multiply_are_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("metroem_core.spec.read.MOST", 1000)
    doubling = [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 20)]
    bomb = "a0: &a0 [x, x]\n" + "".join(doubling)
    assert "more than 1,000 values" in refusal(tmp_path, bomb, "a.yaml")


def test_keys_given_twice_in_json_are_told_with_their_place(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"steps": [{"a": 1, "a": 2, "b": 1, "b": 1}]}')
    assert list(map(str, parse(path)[1])) == [
        "spec.steps[0]: 'a' is given twice; keep one",
        "spec.steps[0]: 'b' is given twice; keep one",
    ]


SPEC = {"steps": [{"type": "train", "loss": "rigidity", "lr": 1, "mips": [4, 6]}]}


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("steps[0].lr=1e-4", ("lr",), 1e-4),
        ("steps[0].mips[1]=5", ("mips", 1), 5),
        ("steps[0].mips=[1, 2]", ("mips",), [1, 2]),
        ("steps[0].new=true", ("new",), True),
        ("steps[0].to=a=b", ("to",), "a=b"),
        ("steps[0].loss.power=2", ("loss",), {"type": "rigidity", "power": 2}),
        ("steps[0].loss={type: tv}", ("loss",), {"type": "tv"}),
    ],
)
def test_single_values_can_be_set(setting, path, value):
    changed = copy.deepcopy(SPEC)
    assert override(changed, [setting]) == []
    found = changed["steps"][0]
    for part in path:
        found = found[part]
    assert found == value


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("steps[3].lr=1", "there is no [3]: the list has 1 items"),
        ("stps[0].lr=1", "there is no 'stps' here; did you mean 'steps'?"),
        ("steps.lr=1", "there is nothing called 'lr' in a list"),
        ("steps[0].lr.x=1", "there is nothing called 'x' in a single value"),
        ("steps[0][1]=1", "[1] needs a list, but there is a mapping"),
        ("steps[0].lr", "write it as steps[1].lr=1e-4"),
        ("=3", "write it as steps[1].lr=1e-4"),
        ("steps[0].lr={", "not YAML"),
        ("steps[0].lr=&a [*a]", "contains itself"),
        ("steps[0].lr=" + "[" * 3000, "nested more than 64 levels deep"),
        ("steps[0].lr={1: 2}", "the key 1 must be text"),
    ],
)
def test_a_setting_that_does_not_fit_is_told(setting, said):
    (problem,) = override(copy.deepcopy(SPEC), [setting])
    assert str(problem).startswith(f"--set {setting}: ")
    assert said in str(problem)


def test_all_settings_that_do_not_fit_are_told_at_once():
    assert len(override(copy.deepcopy(SPEC), ["a.b=1", "steps[0].lr=2", "steps[7]=1"])) == 2
