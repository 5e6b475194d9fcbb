import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from metroem_commands.benchmark import benchmark
from metroem_core.testing import CommandConformance

SMALL = ["--size", "48", "--batch", "1", "--repeat", "1"]
OPERATIONS = ["sum", "mul", "pow", "sqrt", "conv2d"]


class TestBenchmark(CommandConformance):
    component = "metroem_commands.benchmark:benchmark"


def run(*flags: str) -> Result:
    return CliRunner().invoke(benchmark, [*SMALL, *flags])


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    flags = ["--dtype", "float32", "--dtype", "autocast", "--aligner", "block_match", "--json"]
    said = run(*flags)
    assert said.exit_code == 0, said.output
    return json.loads(said.output)


def test_every_operation_is_timed_both_ways(rows: list[dict[str, Any]]) -> None:
    timed = [(row["what"], row["dtype"]) for row in rows[:-1]]
    assert timed == [(name, dtype) for dtype in ("float32", "autocast") for name in OPERATIONS]
    assert all(row["forward_s"] > 0 and row["backward_s"] > 0 for row in rows[:-1])


def test_only_the_convolution_reaches_for_the_ceiling_of_products(
    rows: list[dict[str, Any]],
) -> None:
    assert {row["what"] for row in rows[:-1] if row["forward_flops"] > 0} == {"conv2d"}
    assert all(row["forward_bytes"] > 0 for row in rows[:-1])


def test_a_whole_aligner_is_timed_in_pixels_too(rows: list[dict[str, Any]]) -> None:
    row = rows[-1]
    assert row["what"] == "aligner"
    assert row["mpix_s"] == pytest.approx(48 * 48 / row["forward_s"] / 1e6)


def test_the_table_has_a_line_for_everything_below_its_head() -> None:
    said = run("--dtype", "float32")
    assert [line.split()[0] for line in said.output.splitlines()] == ["forward", *OPERATIONS]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--size", "0"], "--size: must be >= 1: 0"),
        (["--dtype", "int8"], "'int8' is not one of"),
        (["--aligner", "{oops"], "--aligner"),
    ],
)
def test_wrong_flags_are_told_in_one_line(flags: list[str], told: str) -> None:
    said = run(*flags)
    assert said.exit_code == 2
    assert told in said.output.splitlines()[-1]
