import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from click.testing import CliRunner

from metroem_core.cli import doctor, main, packages
from metroem_core.run import Spec, load
from metroem_core.spec import dump
from metroem_registry import Entry, Registry

TOYS = Path(__file__).parents[1] / "core/toy_steps.py"
SPEC = Path(__file__).parents[2] / "docs/examples/first.yaml"


def metroem(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments], prog_name="metroem")


@pytest.fixture
def spec(tmp_path):
    """A function that writes a spec of steps to a file."""

    def spec(*steps):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps({"steps": steps}))
        return path

    return spec


def test_help_shows_every_command_with_its_purpose():
    said = metroem("--help")
    assert said.exit_code == 0
    for name in ("components", "show", "check", "run", "schema", "doctor", "completion", "demo"):
        assert f"\n  {name} " in said.output


def test_help_cuts_no_sentence():
    said = " ".join(metroem("--help").output.split())
    assert "Make one field for every section, through which all of them fit together. " in said


def test_a_command_that_is_not_there_is_told_with_the_nearest():
    said = metroem("rum")
    assert said.exit_code == 2
    assert "No such command 'rum'. Did you mean 'run'?" in said.output


def test_where_there_is_no_spec_a_way_to_one_is_told(tmp_path):
    assert "`metroem init` writes a spec to start from" in metroem("run", tmp_path / "no").output


@pytest.mark.parametrize("arguments", [["--help"], ["components"], ["components", "--json"]])
def test_listing_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom metroem_core.cli import main\n"
        "try: main(sys.argv[1:], prog_name='metroem')\n"
        "except SystemExit: print('\\nMODULES', *sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    ).stdout
    modules = said.split("MODULES")[1].split()
    assert not {"torch", "numpy", "h5py", "cloudvolume"} & set(modules)


def test_components_are_listed_with_their_distribution():
    said = metroem("components", "smoothness").output
    assert "smoothness   rigidity         metroem-core 0.1.0\n" in said
    assert "smoothness   rig              metroem-core 0.1.0   alias of rigidity\n" in said


def test_components_are_listed_for_programs():
    rows = json.loads(metroem("components", "source", "--json").output)
    assert {"array", "hdf5", "synthetic"} <= {row["name"] for row in rows}
    assert rows[0]["target"] == "metroem_volumes.array:Array"


def test_a_plugin_file_adds_components():
    said = metroem("components", "step", "--plugin", TOYS).output
    assert "step         write            here -\n" in said


def test_a_component_is_shown_with_its_parameters():
    said = metroem("show", "smoothness", "rigidity").output
    assert "from metroem-core 0.1.0" in said
    assert "diagonal: float >= 0, default 1.0" in said


def test_a_component_is_shown_for_programs():
    page = json.loads(metroem("show", "smoothness", "rig", "--json").output)
    assert page["alias_of"] == "rigidity"
    assert {each["name"] for each in page["parameters"]} >= {"power", "diagonal"}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["components", "sorce"], 1, "no kind of component is called 'sorce'. Did you mean 'sou"),
        (["show", "sorce", "x"], 1, "Did you mean 'source'?"),
        (["show", "source", "hdf"], 1, "no source is called 'hdf'. Did you mean 'hdf5'?"),
        (
            ["check", "no_such_file.json"],
            1,
            "Error: no such file: no_such_file.json. `metroem init`",
        ),
        (["check", str(SPEC.with_name("frst.yaml"))], 1, f"Did you mean '{SPEC}'?"),
        (["check", str(SPEC.parent)], 1, "is not a file"),
        (["components", "--plugin", "no_such.py"], 1, "no_such.py"),
        (["run"], 2, "Missing argument 'SPEC'"),
        (["chekc"], 2, "No such command 'chekc'"),
        (["components", "--jsno"], 2, "No such option"),
        (["components", "--plugin", __file__], 1, "implements no hook"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(arguments, status, said):
    result = metroem(*arguments)
    assert result.exit_code == status
    assert said in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_good_spec_is_good(spec):
    path = spec({"type": "write"})
    said = metroem("check", path, "--plugin", TOYS)
    assert (said.exit_code, said.output) == (0, f"{path}: 1 step, nothing wrong.\n")


TEN_MISTAKES = """{"steps": [
  {"type": "align_pear"},
  {"type": "align_pair", "z": "20", "offset": 1.5, "sise": [1, 2],
   "image": {"type": "hdf5", "path": "nothing.h5"},
   "aligner": {"type": "optimise", "similarity": "mce",
               "smoothness": {"type": "rigidity", "power": 0.5, "power": 0.2}}},
  {"type": "align_pair", "z": 1, "image": "synthetic"}]}"""


def test_ten_mistakes_give_ten_lines(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(TEN_MISTAKES)
    result = metroem("check", path)
    head, *lines = result.output.splitlines()
    assert result.exit_code == 1
    assert head == f"Error: {path} is not a valid spec."
    assert [line.split(":")[0] for line in lines] == [
        "spec.steps[1].aligner.smoothness",
        "spec.steps[0]",
        "spec.steps[1].sise",
        "spec.steps[1].image.path",
        "spec.steps[1].z",
        "spec.steps[1].aligner.similarity",
        "spec.steps[1].aligner.smoothness",
        "spec.steps[1].offset",
        "spec.steps[2]",
        "spec.steps[2].to",
    ]
    for remedy in (
        "'power' is given twice; keep one",
        "Did you mean 'align_pair'?",
        "did you mean 'size'?",
        "no such file or folder",
        "leave the quotes away",
        "Did you mean 'mse'?",
        "'power' must be >= 1: 0.2",
        "expected int, got 1.5",
        "needs 'aligner' (an aligner)",
        "give this one another name",
    ):
        assert remedy in result.output
    assert "Traceback" not in result.output


def test_the_same_mistakes_stop_a_run(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(TEN_MISTAKES)
    assert metroem("run", path).output == metroem("check", path).output


def test_values_are_set_from_the_command_line(spec, tmp_path):
    path = spec({"type": "write"})
    done = metroem(
        "run", path, "--set", "steps[0].lines=1", "--plugin", TOYS, "--out", tmp_path / "o"
    )
    assert done.exit_code == 0
    assert (tmp_path / "o/lines.txt").read_text() == "0\n"
    assert "step 0 (write): to do, not done yet" in done.stderr
    assert "step 0 (write): done after 0 s" in done.stderr


def test_results_lie_beside_the_spec_by_default(spec, tmp_path):
    assert metroem("run", spec({"type": "write"}), "--plugin", TOYS).exit_code == 0
    assert (tmp_path / "runs/spec/lines.txt").exists()


def test_a_dry_run_tells_and_does_nothing(spec, tmp_path):
    steps = [{"type": "write", "to": "a"}, {"type": "write", "after": "a", "to": "b"}]
    said = metroem("run", spec(*steps), "--plugin", TOYS, "--dry-run")
    assert said.exit_code == 0
    assert said.output.splitlines()[:3] == [
        "step 0 (write): to do, not done yet",
        f"  writes        6 B  {tmp_path}/runs/spec/a",
        "  computes 3 lines (tasks: 3)",
    ]
    assert "not known yet" in said.output
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_tells_of_every_step_that_could_not_begin(spec, tmp_path):
    (tmp_path / "broken.h5").write_text("no HDF5")
    image = {"type": "hdf5", "path": str(tmp_path / "broken.h5")}
    step = {"type": "align_pair", "image": image, "aligner": "block_match", "z": 1, "size": [9, 9]}
    said = metroem("run", spec(step, {**step, "to": "other"}), "--dry-run")
    assert said.exit_code == 1
    assert "not known yet" not in said.output
    wanted = r"Error: step 0 \(align_pair\): .*broken.*\nstep 1 \(align_pair\): .*broken"
    assert re.search(wanted, said.stderr)


def test_a_failed_step_is_told_in_one_line(spec):
    result = metroem("run", spec({"type": "write", "fail": "no luck"}), "--plugin", TOYS)
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: step 0 (write): no luck\n")


def test_a_full_disk_under_the_log_is_told_in_one_line(spec, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o/log.jsonl").symlink_to("/dev/full")
    result = metroem("run", spec({"type": "write"}), "--plugin", TOYS, "--out", tmp_path / "o")
    assert result.exit_code == 1
    assert "Error: the listener jsonl of metroem-core 0.1.0 failed: the disk is" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_the_schema_takes_the_shipped_specs_and_refuses_others():
    from ruamel.yaml import YAML

    schema = json.loads(metroem("schema").output)
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    shipped = YAML(typ="safe").load(SPEC.read_text())
    validator.validate(shipped)
    for change in ({"type": "align_pear"}, {"sise": 3}, {"mip": -1}, {"z": "20"}):
        wrong = {"steps": [{**shipped["steps"][0], **change}]}
        assert not validator.is_valid(wrong), change


def test_the_schema_takes_what_is_written_out_in_full(tmp_path):
    schema = json.loads(metroem("schema").output)
    run = load(SPEC, out=tmp_path)
    jsonschema.Draft202012Validator(schema).validate(dump(run.spec, Spec, run.registry))


def test_the_demo_spec_is_the_same_tree_after_a_round_trip(tmp_path):
    run = load(SPEC, out=tmp_path)
    written = json.loads(json.dumps(dump(run.spec, Spec, run.registry)))
    assert load(written, out=tmp_path).spec == run.spec


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell):
    assert "_METROEM_COMPLETE" in metroem("completion", shell).output


def test_kinds_and_names_are_completed():
    complete = {"_METROEM_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    words = {**complete, "COMP_WORDS": "metroem show smoothness ri"}
    said = CliRunner().invoke(main, [], prog_name="metroem", env=words).output
    assert "rigidity" in said
    assert "tv" not in said


@pytest.fixture
def healthy(monkeypatch):
    """A machine with memory and disk enough, whatever this one has."""
    monkeypatch.setattr(doctor, "free_memory", lambda: 8 * doctor.LITTLE)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))


def test_the_doctor_finds_nothing_wrong_here(healthy):
    result = metroem("doctor")
    assert "ok     torch            2." in result.output
    assert result.output.endswith("Nothing is wrong.\n")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.setattr(doctor, "free_memory", lambda: 10**6), "WRONG  memory           1 MB"),
        (
            lambda m: m.setattr(packages.metadata, "requires", lambda _: ["torch>=99"]),
            "pip install 'torch>=99'",
        ),
        (
            lambda m: m.setattr(packages.metadata, "requires", lambda _: ["no-such-package>=1"]),
            "WRONG  no-such-package  not installed",
        ),
        (
            lambda m: m.setattr(
                doctor, "installed", lambda: Registry([Entry("hooks", "odd", "json", "d", "1")])
            ),
            "the plugin odd of d 1 implements no hook",
        ),
    ],
)
def test_the_doctor_finds_what_is_wrong(healthy, monkeypatch, change, said):
    change(monkeypatch)
    result = metroem("doctor")
    assert said in result.output
    assert result.output.endswith("1 wrong\n")
    assert result.exit_code == 1


def test_the_doctor_tells_how_to_have_what_only_some_need(healthy, monkeypatch):
    monkeypatch.setattr(packages, "installed_version", {"tensorboard": "2.0"}.get)
    lines = {line.split()[1]: line for line in metroem("doctor").output.splitlines() if "[" in line}
    assert lines["[tensorboard]"].startswith("ok")
    assert lines["[view]"].startswith("- ")
    assert lines["[view]"].endswith("if you need it: pip install 'metroem-core[view]'")
    assert "[dev]" not in lines


def test_settings_that_do_not_fit_are_told_with_all_the_rest(spec):
    path = spec({"type": "align_pear"})
    result = metroem("check", path, "--set", "stps[0].z=1")
    assert len(result.output.splitlines()) == 3
    assert "did you mean 'steps'?" in result.output
    assert "Did you mean 'align_pair'?" in result.output


def test_a_spec_without_steps_is_refused(spec):
    assert "'steps' must have at least one" in metroem("check", spec()).output


def test_a_json_spec_may_name_its_schema(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"$schema": "m.json", "steps": [{"type": "write"}]}))
    assert metroem("check", path, "--plugin", TOYS).exit_code == 0


def test_outputs_must_not_lie_in_each_other(spec):
    path = spec({"type": "write", "to": "a"}, {"type": "write", "to": "a/b"})
    assert "an earlier step writes to 'a/b' too" in metroem("check", path, "--plugin", TOYS).output


def test_a_clashing_command_is_not_unknown(monkeypatch):
    clash = [Entry("command", "run", f"x:{each}", each, "1") for each in ("a", "b")]
    monkeypatch.setattr(main, "registry", Registry(clash))
    result = metroem("run", "--odd", "spec.json")
    assert result.exit_code == 1
    assert "Choose with 'a:run' or 'b:run'" in result.output


@pytest.mark.slow
def test_listing_costs_at_most_three_times_the_bare_imports():
    script = Path(__file__).parents[1] / "bench/listing.py"
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    ratios = [float(line.split(" x ")[0].split()[-1]) for line in said.stdout.splitlines()]
    assert len(ratios) == 2
    assert max(ratios) <= 3
