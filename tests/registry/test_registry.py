import subprocess
import sys
import threading
from typing import Protocol

import pytest

from metroem_registry import (
    AmbiguousName,
    BrokenComponent,
    Entry,
    Registry,
    RegistryError,
    UnknownKind,
    UnknownName,
    did_you_mean,
    installed,
    kind,
    kind_of,
)

RIGIDITY = Entry("smoothness", "rigidity", "fractions:Fraction", "metroem-core", "1")
ELASTIC = Entry("smoothness", "rigidity", "decimal:Decimal", "metroem-elastic", "2")
BROKEN = Entry("smoothness", "curl", "no_such_module:Curl", "metroem-curl", "3")


def test_a_component_is_got_by_kind_and_name():
    from fractions import Fraction

    assert Registry([RIGIDITY]).get("smoothness", "rigidity") is Fraction


def test_nothing_is_imported_before_it_is_used():
    assert Registry([BROKEN]).names("smoothness") == ["curl"]


def test_a_broken_plugin_fails_only_in_use_and_is_named():
    registry = Registry([RIGIDITY, BROKEN])
    registry.get("smoothness", "rigidity")
    with pytest.raises(BrokenComponent, match=r"comes from metroem-curl 3, .*no_such_module"):
        registry.get("smoothness", "curl")


def test_a_missing_attribute_is_told_like_a_missing_module():
    registry = Registry([Entry("smoothness", "x", "fractions:Nothing", "metroem-x", "1")])
    with pytest.raises(BrokenComponent, match="Nothing"):
        registry.get("smoothness", "x")


def test_an_unknown_name_is_answered_with_a_near_one():
    with pytest.raises(UnknownName, match="no smoothness is called 'rigidty'. Did you mean 'rig"):
        Registry([RIGIDITY]).get("smoothness", "rigidty")


def test_an_unknown_name_without_a_near_one_lists_what_there_is():
    with pytest.raises(UnknownName, match="Installed: curl, rigidity"):
        Registry([RIGIDITY, BROKEN]).get("smoothness", "xyz")


def test_an_unknown_kind_is_answered_with_a_near_one():
    with pytest.raises(UnknownKind, match="Did you mean 'smoothness'"):
        Registry([RIGIDITY]).entries("smothness")


def test_equal_names_are_listed_both_and_refused_bare():
    registry = Registry([RIGIDITY, ELASTIC])
    assert registry.entries("smoothness") == [RIGIDITY, ELASTIC]
    with pytest.raises(AmbiguousName, match=r"metroem-core 1 and metroem-elastic 2.*Choose with"):
        registry.get("smoothness", "rigidity")


def test_the_distribution_chooses_between_equal_names():
    from decimal import Decimal

    registry = Registry([RIGIDITY, ELASTIC])
    assert registry.get("smoothness", "metroem-elastic:rigidity") is Decimal
    assert registry.name_in_specs(ELASTIC) == "metroem-elastic:rigidity"
    assert registry.clashes() == [[RIGIDITY, ELASTIC]]


def test_an_alias_knows_what_it_is_an_alias_of():
    rig = Entry("smoothness", "rig", "some.rigidity:Rigidity", "d", "1")
    rigidity = Entry("smoothness", "rigidity", "some.rigidity:Rigidity", "d", "1")
    registry = Registry([rig, rigidity])
    assert registry.original(rig) == registry.original(rigidity) == rigidity


def test_the_entry_of_a_component_is_the_inverse_of_getting_it():
    registry = Registry([RIGIDITY])
    assert registry.entry_of("smoothness", registry.get("smoothness", "rigidity")) == RIGIDITY


def test_a_component_added_by_hand_is_here():
    class Curl: ...

    registry = Registry()
    registry.add("smoothness", "curl", Curl)
    assert registry.get("smoothness", "curl") is Curl
    assert registry.entries("smoothness")[0].dist == "here"


def test_adding_again_replaces_so_that_a_notebook_cell_can_be_run_twice():
    def cell():
        class Curl: ...

        return Curl

    registry = Registry()
    registry.add("smoothness", "curl", cell())
    second = cell()
    registry.add("smoothness", "curl", second)
    assert registry.get("smoothness", "curl") is second


def test_adding_another_class_by_the_same_name_is_refused():
    class Curl: ...

    class Other: ...

    registry = Registry()
    registry.add("smoothness", "curl", Curl)
    with pytest.raises(RegistryError, match="already added"):
        registry.add("smoothness", "curl", Other)


def test_hooks_are_announced_like_components_but_are_no_kind():
    hooks = Entry("hooks", "bar", "json", "d", "1")
    registry = Registry([hooks, RIGIDITY])
    assert registry.kinds() == ["smoothness"]
    assert registry.entries() == [RIGIDITY]
    assert registry.entries("hooks") == [hooks]


def test_many_threads_get_the_same_component():
    registry, found = Registry([RIGIDITY]), []
    barrier = threading.Barrier(8)

    def get():
        barrier.wait()
        found.append(registry.get("smoothness", "rigidity"))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_what_comes_with_the_core_is_found_by_one_pass_over_metadata():
    registry = installed()
    entry = registry.find("smoothness", "rigidity")
    assert (entry.dist, entry.target.split(":")[1]) == ("metroem-core", "Rigidity")
    assert {"bar", "jsonl"} <= {e.name for e in registry.entries("hooks")}


@pytest.mark.parametrize("text", [b"no section\n", b"\xff\xfe[x]"])
def test_metadata_that_cannot_be_read_stops_nobody_and_is_named(tmp_path, monkeypatch, text):
    folder = tmp_path / "odd-1.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_bytes(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = installed()
    assert "rigidity" in registry.names("smoothness")
    assert registry.unreadable


def test_a_plugin_that_exits_when_imported_is_broken_like_others(tmp_path, monkeypatch):
    (tmp_path / "exiting.py").write_text("raise SystemExit('a\\nb')")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry([Entry("smoothness", "x", "exiting:X", "metroem-x", "1")])
    with pytest.raises(BrokenComponent, match="SystemExit: a b"):
        registry.get("smoothness", "x")


def test_the_registry_needs_neither_torch_nor_numpy():
    code = "import sys, metroem_registry as r; r.installed(); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "numpy", "metroem_core"} & set(modules)


def test_a_kind_is_a_protocol_with_a_name():
    @kind("colour")
    class Colour(Protocol): ...

    class Red(Colour): ...

    assert kind_of(Colour) == "colour"
    assert kind_of(Red) is None
    assert kind_of("colour") is None


def test_near_names_ignore_case():
    assert did_you_mean("MSE", ["mse", "ncc"]) == "mse"
    assert did_you_mean("zzz", ["mse", "ncc"]) is None
