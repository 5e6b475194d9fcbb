import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from metroem_commands.reporting.facts import collect
from metroem_commands.reporting.labels import label
from metroem_commands.reporting.markup import Markup, tag
from metroem_commands.reporting.page import page
from metroem_commands.reporting.plots import Axis
from metroem_core.cli import main
from metroem_core.run import load
from metroem_core.testing import CommandConformance

VIEWER = "https://viewer.example/"
TIME = "2030-01-01T00:00:0{}+00:00"


class TestReport(CommandConformance):
    component = "metroem_commands.report:report"


def write_run(folder, *steps, log=(), finished=None):
    """A run folder as it is on disk, of steps that each write to a folder of their own number."""
    folder.mkdir(exist_ok=True)
    values = [{"type": "odd", **step, "to": f"${{RUN}}/{n}"} for n, step in enumerate(steps)]
    done = range(len(steps)) if finished is None else finished
    record = {
        "spec": {"steps": values},
        "components": [
            {"kind": "step", "name": "odd", "target": "a:B", "dist": "metroem-odd", "version": "7"}
        ],
        "python": "3.11.0",
        "packages": {"metroem-core": "0.1.0"},
        "finished": {
            str(n): {
                "at": TIME.format(9),
                "seconds": 90.0 * (n + 1),
                "outputs": [values[n]["to"]],
                "made_from": {"parameters": values[n]},
            }
            for n in done
        },
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
    for number in range(len(steps)):
        (folder / str(number)).mkdir(exist_ok=True)
    return folder


def event(second, name, step=0, **more):
    return {"time": TIME.format(second), "event": name, "step": step, **more}


def html(folder):
    return page(collect(folder, VIEWER))


def words(text):
    """What people read, without elements, styles and programs."""
    text = re.sub(r"<(style|script).*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def chapters(text):
    return re.findall(r"<h2 id=.*?>(.*?)</h2>", text)


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """The report of two small sections that were aligned."""
    folder = tmp_path_factory.mktemp("run")
    step = {
        "type": "align_pair",
        "image": {"type": "synthetic", "size": [256, 256, 8], "deformation": 6, "jitter": 4},
        "z": 4,
        "size": [128, 128],
        "aligner": "block_match",
        "metrics": ["ncc"],
    }
    load({"steps": [step]}, out=folder).run()
    return html(folder)


def test_the_page_needs_no_other_file(aligned):
    assert not re.search(r"<link|@import|url\(", aligned)
    sources = re.findall(r'src="([^"]*)"', aligned)
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_a_pair_has_quality_pictures_maps_and_places(aligned):
    assert chapters(aligned) == [
        "Quality",
        "Before and after",
        "Worst places",
        "Correlation maps",
        "Fields",
        "Pictures",
        "Time",
        "What ran",
    ]
    said = words(aligned)
    assert "section 4 onto 3" in said
    assert re.search(r"ncc 0\.\d+ 0\.\d+ \+0\.\d+ better", said)
    assert "growth of area, no folds" in said
    assert said.count("Enlarge") == 0  # what is only a hint is no text


def test_steps_are_called_by_what_they_write(tmp_path):
    """Several have the same component: without that they could not be told apart."""

    def called(value):
        return label(0, {"type": "x", **value}, tmp_path)

    assert called({}) == "step 0 (x)"
    assert called({"to": f"{tmp_path}/a/b"}) == "step 0 (x, a/b)"
    assert called({"to": {"type": "zarr", "path": "gs://bucket/total"}}) == "step 0 (x, total)"
    assert called({"volumes": [{"to": {"path": "/y/image"}}]}) == "step 0 (x, image)"
    fields = {"-1": {"path": f"{tmp_path}/f/1"}, "-2": {"path": f"{tmp_path}/f/2"}}
    assert called({"volume": {"fields": fields}}) == "step 0 (x, f/1 and f/2)"
    assert called({"to": None, "stage": 1, "tag": "new"}) == "step 0 (x, stage 1, new)"


def test_every_component_version_and_parameter_is_told(aligned):
    said = words(aligned)
    assert "aligner block_match metroem-core 0.1.0 metroem_aligners.block_match:BlockMatch" in said
    assert "image.deformation 6.0" in said
    assert "aligner.max_disp 48" in said


def test_only_chapters_with_content_are_there(tmp_path):
    assert chapters(html(write_run(tmp_path / "run", {"depth": 3}))) == ["Time", "What ran"]


def test_text_is_text(tmp_path):
    said = html(write_run(tmp_path / "run", {"note": '<img src=x onerror="alert(1)">'}))
    assert "<img src=x" not in said
    assert "&lt;img src=x" in said


def test_attributes_cannot_be_left():
    assert tag("a", "<", title='"><script>') == '<a title="&quot;&gt;&lt;script&gt;">&lt;</a>'
    assert tag("p", Markup("<b>")) == "<p><b></p>"


def test_numbers_that_got_worse_are_warned_of(tmp_path):
    folder = write_run(tmp_path / "run", {})
    numbers = {"before": {"ncc": 0.9, "epe_mean": 4.0}, "after": {"ncc": 0.5, "epe_mean": 1.0}}
    (folder / "0" / "numbers.json").write_text(json.dumps(numbers))
    said = words(html(folder))
    assert "step 0 (odd, 0): ncc got worse, from 0.9 to 0.5" in said
    assert "ncc 0.9 0.5 -0.4 worse" in said
    assert "epe_mean 4 1 -3 better" in said


def test_numbers_of_any_form_do_no_harm(tmp_path):
    folder = write_run(tmp_path / "run", {}, {}, {})
    for number, text in enumerate(("half a fi", '{"after": [1]}', '{"after": {"x": null}}')):
        (folder / str(number) / "numbers.json").write_text(text)
    assert "Quality" not in chapters(html(folder))


def test_a_failed_run_says_what_failed_and_tells_the_rest(tmp_path):
    error = "RuntimeError: no <memory>"
    log = [
        event(0, "step_started", 1),
        event(1, "progress", 1, done=1, total=4, values={"loss": 3.0}),
        event(2, "progress", 1, done=2, total=4, values={"loss": 2.0}),
        event(3, "step_ended", 1, error=error),
    ]
    folder = write_run(tmp_path / "run", {}, {}, {}, log=log, finished=[0])
    (folder / "traceback.txt").write_text("Traceback: in line 7")
    found = collect(folder, VIEWER)
    assert [step.state for step in found.steps] == ["done", "failed", "not started"]
    said = words(page(found))
    assert (
        "step 1 (odd, 1) failed RuntimeError: no &lt;memory&gt; Traceback Traceback: in line 7"
        in said
    )
    assert "Curves" in said


def test_a_run_that_was_killed_is_told_as_far_as_it_came(tmp_path):
    log = [event(0, "step_started"), event(2, "progress", done=3, total=8, values={})]
    folder = write_run(tmp_path / "run", {}, log=log, finished=[])
    with open(folder / "log.jsonl", "a") as file:
        file.write('{"time": "2030-01')
    said = words(html(folder))
    assert "step 0 (odd, 0) has not finished" in said
    assert "after 3 of 8 pieces" in said


def test_a_step_that_went_on_is_one_curve(tmp_path):
    log = [
        event(0, "step_started"),
        *(event(1, "progress", done=n, total=9, values={"loss": 9.0}) for n in (1, 2, 3)),
        event(2, "step_started"),
        *(event(3 + n, "progress", done=n, total=9, values={"loss": 1.0}) for n in (2, 4)),
    ]
    log_of = collect(write_run(tmp_path / "run", {}, log=log), VIEWER).steps[0].log
    assert log_of.series["loss"] == [(1, 9.0), (2, 1.0), (4, 1.0)]
    assert log_of.rate == pytest.approx(1)


def test_what_is_not_finite_breaks_the_line_and_is_warned_of(tmp_path):
    values = [1.0, 2.0, None, 3.0, 1.0]
    log = [
        event(1, "progress", done=n, total=5, values={"loss": value})
        for n, value in enumerate(values)
    ]
    text = html(write_run(tmp_path / "run", {}, log=log))
    assert text.count("<polyline") == 2
    assert "loss was not finite 1 times" in words(text)


def test_training_and_validation_share_a_plot_of_their_module(tmp_path):
    folder = write_run(tmp_path / "run", {})
    training = folder / "0" / "0_mip2in_x" / "training"
    training.mkdir(parents=True)
    epochs = [
        {"epoch": n, "train": {"loss": 3.0 - n} if n else {}, "validation": {"loss": 4.0 - n}}
        for n in range(3)
    ]
    lines = "".join(f"{json.dumps(epoch)}\n" for epoch in epochs)
    (training / "log.jsonl").write_text(lines)
    text = html(folder)
    assert text.count("<polyline") == 2
    said = words(text)
    assert "step 0 (odd, 0), 0_mip2in_x loss" in said
    assert "validation 2" in said
    assert "0_mip2in_x validation loss 4 2 -2 better" in said


def test_pictures_before_and_after_are_shown_in_turn(tmp_path):
    folder = write_run(tmp_path / "run", {})
    for name in ("before", "after", "x_before", "x_after", "alone"):
        Image.new("RGB", (40, 30), "red").save(folder / "0" / f"{name}.png")
    (folder / "0" / "broken.png").write_bytes(b"no picture")
    text = html(folder)
    assert text.count('<fieldset class="flicker">') == 2
    assert "alone.png" in text
    assert "broken.png" not in text


def test_maps_and_fields_in_files_are_drawn(tmp_path):
    folder = write_run(tmp_path / "run", {})
    np.save(folder / "0" / "map.npy", np.random.default_rng(0).random((20, 30)))
    np.save(folder / "0" / "flow.npy", np.full((2, 20, 30), np.nan))
    np.save(folder / "0" / "words.npy", np.array(["a"]))
    said = words(html(folder))
    assert "0/map.npy" in said
    assert "0/flow.npy: field" in said
    assert "words.npy" not in said


def test_notes_of_a_set_are_warnings(tmp_path):
    folder = write_run(tmp_path / "run", {})
    about = {"series": {"x1": {"mips": {"4": {"notes": {"3": ["source: there is no data"]}}}}}}
    (folder / "0" / "set.json").write_text(json.dumps(about))
    assert "x1, mip 4, pair 3: source: there is no data" in words(html(folder))


def test_sections_that_cannot_be_read_again_are_a_warning(tmp_path):
    gone = {"type": "hdf5", "path": str(tmp_path / "gone.h5")}
    step = {"type": "align_pair", "image": gone, "z": 1, "offset": -1, "mip": 0, "start": [0, 0]}
    said = words(html(write_run(tmp_path / "run", {**step, "size": [8, 8]})))
    assert "its sections cannot be read again" in said
    assert "gone.h5" in said


def test_a_moved_run_finds_its_results(tmp_path):
    folder = write_run(tmp_path / "old", {})
    (folder / "0" / "numbers.json").write_text('{"after": {"ncc": 1}}')
    moved = folder.rename(tmp_path / "new")
    assert "Quality" in chapters(html(moved))


def test_a_folder_without_a_run_is_refused_and_the_next_one_named(tmp_path):
    write_run(tmp_path / "spec-run", {})
    (tmp_path / "beside" / "runs").mkdir(parents=True)
    write_run(tmp_path / "beside" / "runs" / "chain", {})
    for wrong, right in (("spec-rum", "spec-run"), ("beside", "beside/runs/chain")):
        said = CliRunner().invoke(main, ["report", str(tmp_path / wrong)])
        assert said.exit_code == 1
        assert f"Did you mean {tmp_path / right}?" in said.output


def test_the_page_is_written_where_it_is_wanted(tmp_path):
    folder = write_run(tmp_path / "run", {})
    for out, where in (([], folder / "report.html"), (["--out", "p.html"], tmp_path / "p.html")):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            said = CliRunner().invoke(main, ["report", str(folder), *out])
        assert said.exit_code == 0, said.output
        assert "Look at" in said.output
        assert where.read_text().startswith("<!doctype html>")


def test_axes_have_round_numbers():
    assert Axis.over([0.1, 0.9], 0, 100, True).ticks() == [0.2, 0.4, 0.6, 0.8]
    assert Axis.over([1.0, 1e4], 0, 100, True).ticks() == [1, 10, 100, 1e3, 1e4]
    assert Axis.over([5.0, 5.0], 0, 100, True)(5) == 50
