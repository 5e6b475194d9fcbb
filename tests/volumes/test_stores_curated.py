"""Sets made from stores that fail."""

import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink
from metroem_volumes.synthetic import Synthetic

CHUNK = "4_4_40/32-64_32-64_2-3"


@pytest.fixture
def stored(tmp_path):
    """The folder of a precomputed volume, ``image``."""
    whole = Box((0, 0, 0), (96, 96, 5))
    info = VolumeInfo(1, "uint8", {0: Scale(whole, (4.0, 4.0, 40.0))})
    sink = CloudVolumeSink(str(tmp_path / "image"), chunk=(32, 32, 1)).open(info)
    sink.write(whole, 0, Synthetic(size=(96, 96, 5)).open().read(whole, 0))
    return tmp_path


@pytest.fixture
def curated(tmp_path):
    """A function that makes a set of three pairs of an image at a path."""

    def curated(path, **image):
        step = {
            "type": "curate",
            "pairs": {"type": "box", "start": [32, 32, 1], "stop": [64, 64, 4]},
            "image": {"type": "cloudvolume", "path": str(path), **image},
            "mips": [0],
            "size": [32, 32],
            "to": "set",
        }
        load({"steps": [step]}, out=tmp_path / "run").run()
        return read_set(tmp_path / "run/set")

    return curated


def refused(curated, tmp_path, path, **image):
    """What is said of a set that is not made."""
    with pytest.raises(UserError) as caught:
        curated(path, **image)
    assert not (tmp_path / "run/set").exists()
    return str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v", "s3://http://127.0.0.1:9/bucket/v"])
def test_a_server_that_is_not_there_is_told_in_a_line_and_nothing_is_written(
    curated, tmp_path, url
):
    said = refused(curated, tmp_path, url)
    assert "127.0.0.1:9" in said
    assert "the store cannot be reached" in said
    assert "\n" not in said
    assert not (tmp_path / "run/set.part").exists()


def test_a_bucket_that_is_not_there_is_told(curated, tmp_path, s3):
    bucket = s3[0].replace("sections", "nowhere")
    said = refused(curated, tmp_path, f"{bucket}/v")
    assert "nowhere/v" in said
    assert "\n" not in said


@pytest.mark.parametrize("missing", ["error", "report", "zero"])
def test_a_truncated_chunk_is_never_read_as_no_data(curated, stored, missing):
    chunk = stored / "image" / CHUNK
    chunk.write_bytes(chunk.read_bytes()[:100])
    head, *pairs = refused(curated, stored, stored / "image", missing=missing).splitlines()
    assert "2 of 3 tasks failed; the others are done" in head
    told = "".join(sorted(pairs))
    for pair in ("pair 1 (source at (48, 48, 2))", "pair 2 (source at (48, 48, 3))"):
        assert f"{pair}: {stored / 'image'}: mip 0" in told


def test_a_body_that_always_ends_too_soon_is_told(curated, stored, web):
    url, faults = web(stored)
    faults.only = CHUNK
    faults.extend(["truncate"] * 1000)
    said = refused(curated, stored, f"{url}/image")
    assert "the store cannot be reached" in said


def test_a_set_goes_on_when_the_store_is_mended(curated, stored):
    chunk = stored / "image" / CHUNK
    content = chunk.read_bytes()
    chunk.write_bytes(content[:100])
    refused(curated, stored, stored / "image")
    assert (stored / "run/set.part/pairs/000000.h5").exists()
    chunk.write_bytes(content)
    assert len(curated(stored / "image")) == 3


def test_a_missing_chunk_is_a_mistake_or_reported(curated, stored, caplog):
    (stored / "image" / CHUNK).unlink()
    said = refused(curated, stored, stored / "image")
    assert "nothing is stored at x 32..64, y 32..64, z 2..3 of mip 0" in said
    found = curated(stored / "image", missing="report")
    assert not found.read(1, 0).src.any()
    assert "pair 1: image: nothing is stored at x 32..64, y 32..64, z 2..3" in caplog.text


def test_no_chunk_is_fetched_twice_for_neighbouring_pairs(curated, stored, web):
    """Its content, that is: whether it is still the same is asked."""
    url, faults = web(stored)
    assert len(curated(f"{url}/image")) == 3
    assert sum(each.endswith(CHUNK) for each in faults.seen) <= 2
