"""What the guides of the older programs begin with."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from metroem_core.cli import main

sys.path.insert(0, str(Path(__file__).parent))

from volumes_of_guides import SECTIONS, X, Y, Z, exported, precomputed, template, tissue


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Image, mask and field, by name: their paths and their voxels by mip."""
    folder = tmp_path_factory.mktemp("volumes")
    image = {mip: tissue(mip) for mip in (3, 5)}
    defects = {mip: np.zeros_like(image[mip]) for mip in (3, 5)}
    defects[5][64:80] = 200
    defects[3][256:320] = 1
    field = {8: np.zeros((16, 16, SECTIONS, 2), np.float32)}
    field[8][..., 0], field[8][..., 1] = -300.5, 515.5  # y, x in MIP0 pixels
    return {
        "image": (precomputed(folder / "image", 1, "uint8", image), image),
        "defects": (precomputed(folder / "defects", 1, "uint8", defects), defects),
        "field": (precomputed(folder / "field", 2, "float32", field), field),
    }


@pytest.fixture
def metroem(tmp_path, monkeypatch):
    """A function that runs a command line in an empty folder, as a shell would."""
    monkeypatch.chdir(tmp_path)

    def metroem(line, status=0):
        words = shlex.split(line.replace("\\\n", " "))
        result = CliRunner().invoke(main, words)
        assert result.exit_code == status, result.output
        if status:
            assert result.output.startswith("Error: ")
            assert "Traceback" not in result.output
        return result.output

    return metroem


@pytest.fixture
def spec(metroem, volumes):
    """A spec made by `create-spec` from two points, in spec.json."""

    def spec(flags="", **changes):
        Path("spec_template.json").write_text(json.dumps(template(volumes, **changes)))
        points = [(X + 2048 + 77, Y + 2048 + 200, Z + 6), (X + 1800, Y + 2048, Z + 3)]
        Path("points.csv").write_text(exported(*points))
        metroem(f"""create-spec \\
            --src_spec_path ./spec_template.json \\
            --dst_spec_path made/spec.json \\
            --points_path points.csv {flags}""")
        return json.loads(Path("made/spec.json").read_text())

    return spec
