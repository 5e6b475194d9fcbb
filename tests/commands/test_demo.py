import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from metroem_commands.demonstration.making import FULL, QUICK, write
from metroem_commands.demonstration.telling import table
from metroem_core.cli import main
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.testing import CommandConformance

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial/first-run.md"
HDF5Sink = components().get("sink", "hdf5")


class TestDemo(CommandConformance):
    component = "metroem_commands.demo:demo"


def steps(folder, effort=QUICK, data=None):
    return load(write(folder, effort, 1, data), out=folder).spec.steps


@pytest.mark.parametrize("effort", [FULL, QUICK])
def test_its_spec_is_valid_and_goes_through_the_whole_chain(tmp_path, effort):
    names = [type(step).__name__ for step in steps(tmp_path, effort)]
    assert list(dict.fromkeys(names)) == [
        "Curate", "Train", "Generate", "Measure", "Align", "Render",
    ]  # fmt: skip


def test_another_seed_is_other_tissue_other_places_and_other_weights(tmp_path):
    one, other = (tmp_path / name for name in ("one", "other"))
    write(one, QUICK, 1, None)
    write(other, QUICK, 2, None)
    for name in ("demo.yaml", "points.csv", "untrained/0_mip4in_small/weights.safetensors"):
        assert (one / name).read_bytes() != (other / name).read_bytes()


def test_another_demo_is_not_written_over_the_first(tmp_path):
    write(tmp_path, QUICK, 1, None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for effort, seed in ((QUICK, 2), (FULL, 1)):
        with pytest.raises(UserError, match="holds another demo; choose another folder with --out"):
            write(tmp_path, effort, seed, None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    write(tmp_path, QUICK, 1, None)


@pytest.fixture
def sections(tmp_path):
    """A file of six sections, of one mip."""
    volume = components().get("source", "synthetic")(size=(640, 600, 6), mips=1).open()
    path = tmp_path / "sections.h5"
    sink = HDF5Sink(str(path)).open(volume.info)
    sink.write(volume.info.scale(0).box, 0, volume.read(volume.info.scale(0).box, 0))
    return {"type": "hdf5", "path": str(path)}


def test_sections_of_ones_own_have_no_truth_and_are_read_at_the_mip_they_have(tmp_path, sections):
    curate, *rest = steps(tmp_path / "out", data=sections)
    assert curate.image_mip == 0
    assert all(step.truth is None for step in rest if type(step).__name__ == "Measure")


def test_pictures_lie_in_the_volume(tmp_path, sections):
    step = steps(tmp_path / "out", data=sections)[0]
    for place in step.pairs.places():
        for mip in step.mips:
            assert step.frame(place.src, mip).box.overlap(step.image.open().info.scale(0).box)
        x, y, z = place.src
        assert 128 <= x <= 640 - 128
        assert 128 - 4 <= y <= 600 - 128
        assert 1 <= z < 6


def test_too_little_data_is_told(tmp_path):
    data = np.zeros((6, 300, 700), np.uint8).tolist()
    with pytest.raises(UserError, match="6 sections of 320 x 320 pixels at least.* 700 x 300"):
        write(tmp_path, QUICK, 1, {"type": "array", "data": data})


def test_a_path_without_a_volume_is_told(tmp_path):
    done = CliRunner().invoke(main, ["demo", "--data", str(tmp_path / "no.h5")])
    assert done.exit_code == 1
    assert "no such file" in done.output


def write_numbers(folder, epe):
    quality = {
        "quality/stage 0": (5.0, 0.4), "quality/stage 1": (4.0, 0.5),
        "quality/refined": (3.0, 0.6), "quality/untrained": (2.0, 0.7),
    }  # fmt: skip
    for name, (error, ncc) in quality.items():
        (folder / name).mkdir(parents=True)
        before, after = {"ncc": 0.3}, {"ncc": ncc}
        if epe:
            before, after = {**before, "epe_median": 6.0}, {**after, "epe_median": error}
        text = json.dumps({"before": before, "after": after})
        (folder / name / "numbers.json").write_text(text)
    whole = {
        "before": {"ncc": 0.2},
        "after": {"ncc": 0.8},
        "residual": {"median": 0.25},
    }
    (folder / "total.report.json").write_text(json.dumps({"all": whole}))


def test_the_table_has_a_line_for_every_way_of_aligning(tmp_path):
    write_numbers(tmp_path, epe=True)
    lines = table(tmp_path).splitlines()
    assert [line.split()[-2:] for line in lines[1:]] == [
        ["6.00", "0.30"], ["5.00", "0.40"], ["4.00", "0.50"], ["3.00", "0.60"], ["2.00", "0.70"],
        ["-", "0.20"], ["0.25", "0.80"],
    ]  # fmt: skip


def test_without_a_truth_the_table_has_no_errors(tmp_path):
    write_numbers(tmp_path, epe=False)
    assert "error" not in table(tmp_path)


def rows(text):
    """The numbers of a table by the title of their row; None where there is none."""
    lines = [re.fullmatch(r"(\S.*?)((?: +(?:\d+\.\d+|-))+)", line) for line in text.splitlines()]
    found = {line[1]: line[2].split() for line in lines if line}
    return {
        title: [None if cell == "-" else float(cell) for cell in cells]
        for title, cells in found.items()
    }


def better(shown):
    """What a table says for certain: which rows are nearer to the truth, or more alike."""
    before, coarse, fine, refined, untrained, volume, aligned = (
        shown[title]
        for title in (
            "pairs, not aligned",
            "the network of the coarse mip",
            "and that of the fine one",
            "and then optimise",
            "without any training",
            "volume, not aligned",
            "volume, aligned",
        )
    )
    stages = (before, coarse, fine, refined)
    yield from (one[0] > then[0] for one, then in pairwise(stages))
    yield from (then[n] > one[n] for one, then in pairwise(stages[:3]) for n in (1, 2))
    yield from (untrained[n] > before[n] for n in (1, 2))
    yield before[0] > untrained[0]
    yield from (aligned[n] > volume[n] for n in (1, 2))


def tutorial():
    """The table that the tutorial shows."""
    return re.search(r"^```text\n( +error px.*?)^```", TUTORIAL.read_text(), re.M | re.S)[1]


def test_the_tutorial_shows_the_rows_and_columns_that_there_are(tmp_path):
    write_numbers(tmp_path, epe=True)
    assert list(rows(tutorial())) == list(rows(table(tmp_path)))
    assert tutorial().split("\n")[0].split() == ["error", "px", "ncc", "cpc"]
    assert all(len(numbers) == 3 for numbers in rows(tutorial()).values())
    assert all(better(rows(tutorial())))


@pytest.mark.slow
def test_a_quick_demo_makes_pairs_and_the_volume_better(tmp_path):
    done = CliRunner().invoke(main, ["demo", "--quick", "--out", str(tmp_path / "demo")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "demo/report.html").stat().st_size > 100_000
    volume = json.loads((tmp_path / "demo/total.report.json").read_text())["all"]
    assert volume["after"]["cpc"] > volume["before"]["cpc"] + 0.1

    ran = done.output.partition("error px")[2]
    assert rows(ran).keys() == rows(tutorial()).keys()
    assert all(better(rows(ran)))

    again = CliRunner().invoke(main, ["demo", "--quick", "--out", str(tmp_path / "demo")])
    assert again.output.count("skipped, up to date") == 12
