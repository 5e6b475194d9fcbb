"""The page for users of the older programs: every flag that it names is taken."""

import re
import shlex
from pathlib import Path

import click
import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from metroem_core.cli import main
from metroem_core.plugins import components

PAGE = Path(__file__).parents[2] / "docs/how-to/move-from-older-programs.md"
PARTS = ("pyramid", "pyramid.seq")
LEAST = 60  # flags that the page has at least

# Flags of the trainer of stacks, which is no command here.
STACKS = """
    lambda1 lambda6 mask_smooth_radius mask_neighborhood_radius blank_var_threshold eps
    smoothness_penalty_type similarity_penalty_type smoothness_reduction size trunc fall_time lr
    fine_tuning_lr_factor num_epochs epoch dim padding k batch_size skip vis_interval fine_tuning
    hm mm no_jitter skip_sample_aug dry_run pe_only enc_only folds_only state_archive compose
    rescale_downsampled lm_defect_net hm_defect_net
"""

section = re.compile(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
row = re.compile(r"^\| (.+?) \| (.+?) \|.*\|$", re.MULTILINE)
flag = re.compile(r"--[a-z_][a-z0-9_]*")
archive = re.compile(r"^### Train on from an archive$.*", re.MULTILINE | re.DOTALL)
block = re.compile(r"^```(?:bash|yaml title=[^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
program = re.compile(r"metroem ([a-z0-9-]+)")


def flags():
    """Every command on the page with every flag that it is said to take."""
    for _, text in section.findall(PAGE.read_text()):
        heads = program.findall(text.partition("|")[0])
        for older, here in row.findall(text):
            for name in program.findall(older) or heads[:1]:
                for each in flag.findall(f"{older} {here}"):
                    yield name, each
        for new in re.findall(r"^New: (.*?)\.$", text, re.MULTILINE | re.DOTALL):
            for each in flag.findall(new):
                yield heads[0], each


def command(name):
    """The command of that name."""
    found = main.get_command(click.Context(main), name)
    assert found is not None, f"there is no command {name}"
    return found


@pytest.mark.parametrize(("name", "each"), sorted(set(flags())))
def test_every_flag_on_the_page_is_taken_in_both_spellings(name, each):
    taken = {option for param in command(name).params for option in param.opts}
    assert each in taken
    assert each[:2] + each[2:].replace("_", "-") in taken


def test_the_page_has_them_all():
    assert len(set(flags())) >= LEAST


@pytest.mark.parametrize("name", STACKS.split())
def test_what_became_of_a_flag_of_the_trainer_of_stacks_is_told(name):
    assert f"`--{name}`" in PAGE.read_text()


def test_every_program_of_the_page_is_a_command():
    for name in set(program.findall(PAGE.read_text())):
        command(name)


def write_archive(path):
    """An archive as the stack aligner has them: weights under names of its own, some twice."""
    layers = components().get("network", "encoder_pyramid")().build()
    with torch.no_grad():
        for each in layers.residuals.parameters():
            each *= 0.3  # or vectors of an untrained network lead out of the picture
    weights = list(layers.parameters())
    names = {f"{part}.{n}": each.detach() for n, each in enumerate(weights) for part in PARTS}
    torch.save(names, path)
    return weights


def test_an_archive_of_the_stack_aligner_is_trained_on_as_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    weights = write_archive("archive.pt")
    with h5py.File("tissue_train_mip5.h5", "w") as file:
        file["main"] = np.random.default_rng(0).integers(1, 255, (1, 3, 32, 32), np.uint8)
    convert, spec = block.findall(archive.search(PAGE.read_text())[0])
    said, count = CliRunner().invoke(main, shlex.split(convert)[1:]).output, len(weights)
    assert said == f"module: weights {count} exact, 0 partial, 0 new, {count} skipped\n"
    assert moved("module", weights) == 0
    Path("stacks.yaml").write_text(spec)
    quick = ("steps[0].phases[0].epochs=1", "steps[0].workers=0", "steps[0].pictures_every=100")
    words = ["run", "stacks.yaml", "--out", "run", *(f"--set={each}" for each in quick)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert 0 < moved("run/trained", weights) < 0.01


def moved(folder, weights):
    """How far the weights in a module folder are from others, at most."""
    found = components().get("aligner", "module")(path=folder).build().parameters()
    return max((one - two).abs().max() for one, two in zip(found, weights, strict=True))
