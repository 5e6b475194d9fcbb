"""Volumes of fields and pictures in a bucket that refuses for a while."""

import json

import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.run import load

SIZE = (96, 96, 2)
IMAGE = {"type": "synthetic", "size": list(SIZE)}
WHOLE = Box((0, 0, 0), SIZE)
SMALL = {"block": [32, 32], "together": 1}


@pytest.fixture
def fields(tmp_path):
    """A volume of fields of one vector."""
    told = {"units": "pixels", "components": "xy"}
    info = VolumeInfo(2, "float32", {0: Scale(WHOLE, (4.0, 4.0, 40.0))}, told)
    voxels = np.ones((2, *WHOLE.shape), np.float32)
    components().get("sink", "zarr")(path=str(tmp_path / "f")).open(info).write(WHOLE, 0, voxels)
    return {"type": "zarr", "path": str(tmp_path / "f")}


def steps(fields, path):
    """Each of the steps that write volumes, to a path."""
    to = {"type": "cloudvolume", "path": path, "chunk": [32, 32, 1]}
    return {
        "render": {
            "type": "render", "fields": fields, "volumes": [{"source": IMAGE, "to": to}], **SMALL,
        },
        "align": {"type": "align", "fields": {"-1": fields}, "mip": 0, "to": to, **SMALL},
        "generate": {
            "type": "generate", "mip": 0, "aligner": "block_match",
            "volume": {"image": IMAGE, "fields": {"-1": to}, "halo": 16, **SMALL},
        },
    }  # fmt: skip


def written(path):
    return components().get("source", "cloudvolume")(path=path).open().read(WHOLE, 0)


@pytest.mark.parametrize("kind", ["render", "align", "generate"])
def test_what_a_store_refuses_is_not_done_and_can_be_done_later(s3, tmp_path, fields, kind):
    url, faults, client = s3
    spec = {"steps": [steps(fields, f"{url}/v")[kind]]}
    faults.only = "_32-64_1-2"  # chunks of the second section
    faults[:] = [403] * 1000
    with pytest.raises(UserError, match="access was refused") as error:
        load(spec, out=tmp_path / "run").run()
    assert "Traceback" not in str(error.value)
    keys = [each["Key"] for each in client.list_objects_v2(Bucket="sections")["Contents"]]
    assert not [key for key in keys if key.endswith("_32-64_1-2")]
    marked = [key for key in keys if "32-64_1-2" in key and key.endswith(".done")]
    assert not marked
    faults.only = ""
    faults.clear()
    load(spec, out=tmp_path / "run").run()
    load({"steps": [steps(fields, str(tmp_path / "here"))[kind]]}, out=tmp_path / "other").run()
    np.testing.assert_array_equal(written(f"{url}/v"), written(str(tmp_path / "here")))
    assert json.loads((tmp_path / "run/run.json").read_text())


def test_a_volume_in_a_bucket_that_no_run_made_is_kept(s3, tmp_path, fields):
    url, _, _ = s3
    scale = Scale(WHOLE, (4.0, 4.0, 40.0))
    sink = components().get("sink", "cloudvolume")(path=f"{url}/v", chunk=(32, 32, 1))
    sink.open(VolumeInfo(1, "uint8", {0: scale})).write(WHOLE, 0, np.ones((1, *WHOLE.shape), "u1"))
    with pytest.raises(UserError, match="v exists already. Remove it, or choose another place"):
        load({"steps": [steps(fields, f"{url}/v")["render"]]}, out=tmp_path / "run").run()
    assert written(f"{url}/v").all()
