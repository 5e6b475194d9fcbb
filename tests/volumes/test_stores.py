"""Volumes in stores that fail now and then, and for good."""

import gzip
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from metroem_core import stores
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_volumes import places
from metroem_volumes.cloudvolume import CloudVolume
from metroem_volumes.n5 import N5
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink
from metroem_volumes.sinks.n5 import N5Sink
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.zarr import Zarr

PLACE = Box((-3, 5, 7), (61, 45, 9))
INFO = VolumeInfo(1, "uint8", {0: Scale(PLACE, (4.0, 4.0, 40.0))})
CHUNK = (32, 32, 1)
FORMATS = [(CloudVolumeSink, CloudVolume), (ZarrSink, Zarr), (N5Sink, N5)]


def grey(info=INFO):
    shape = (info.channels, *info.scales[0].box.shape)
    return np.random.default_rng(0).integers(1, 255, shape, dtype=np.uint8)


def stored(sink, path):
    """A volume that a sink has written."""
    volume = sink(str(path), chunk=CHUNK).open(INFO)
    volume.write(PLACE, 0, grey())
    return volume


@pytest.mark.parametrize(("sink", "source"), FORMATS)
def test_a_web_server_is_read(web, tmp_path, sink, source):
    stored(sink, tmp_path / "v")
    url, _ = web(tmp_path)
    np.testing.assert_array_equal(source(f"{url}/v").open().read(PLACE, 0), grey())


@pytest.mark.parametrize("faults", [[500], [503, 429], ["reset"], ["truncate"], ["slow 0.3"]])
@pytest.mark.parametrize("only", ["info", "4_4_40/-3-29_5-37_7-8"])
def test_faults_that_pass_do_no_harm(web, tmp_path, faults, only):
    stored(CloudVolumeSink, tmp_path / "v")
    url, coming = web(tmp_path)
    coming.only = only
    coming.extend(faults)
    np.testing.assert_array_equal(CloudVolume(f"{url}/v").open().read(PLACE, 0), grey())
    assert not coming, "all faults were met"


@pytest.mark.parametrize("fault", [500, "reset", "truncate"])
@pytest.mark.parametrize("missing", ["error", "report", "zero"])
def test_a_fault_that_stays_is_told_and_never_read_as_nothing(web, tmp_path, fault, missing):
    stored(CloudVolumeSink, tmp_path / "v")
    url, coming = web(tmp_path)
    volume = CloudVolume(f"{url}/v", missing=missing).open()
    coming.extend([fault] * 1000)
    with pytest.raises(UserError, match=r"v: mip 0: the store cannot be reached") as error:
        volume.read(PLACE, 0)
    assert "\n" not in str(error.value)
    assert not volume.gaps


def test_a_refusal_is_not_a_missing_chunk(web, tmp_path):
    stored(CloudVolumeSink, tmp_path / "v")
    url, coming = web(tmp_path)
    volume = CloudVolume(f"{url}/v", missing="report").open()
    coming.extend([403] * 1000)
    with pytest.raises(UserError, match=r"access was refused .* credentials"):
        volume.read(PLACE, 0)


def test_a_missing_chunk_of_a_web_server_is_listed(web, tmp_path):
    stored(CloudVolumeSink, tmp_path / "v")
    (tmp_path / "v/4_4_40/29-61_5-37_8-9").unlink()
    url, _ = web(tmp_path)
    volume = CloudVolume(f"{url}/v", missing="report").open()
    assert not volume.read(PLACE, 0)[0, 1, :32, 32:].any()
    assert volume.gaps == [(0, Box((29, 5, 8), (61, 37, 9)))]


@pytest.mark.parametrize("source", [CloudVolume, Zarr, N5])
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v", "s3://http://127.0.0.1:9/bucket/v"])
def test_a_server_that_is_not_there_is_told_in_one_line(source, url):
    with pytest.raises(UserError, match=r"127.0.0.1:9.*: the store cannot be reached") as error:
        source(url).open()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("sink", "source"), FORMATS)
def test_a_bucket_is_written_and_read(s3, sink, source):
    bucket, *_ = s3
    written = stored(sink, f"{bucket}/v")
    np.testing.assert_array_equal(written.read(PLACE, 0), grey())
    np.testing.assert_array_equal(source(f"{bucket}/v").open().read(PLACE, 0), grey())
    with pytest.raises(UserError, match="exists already"):
        sink(f"{bucket}/v").open(VolumeInfo(1, "uint16", INFO.scales))


@pytest.mark.parametrize(("sink", "source"), FORMATS)
def test_a_bucket_of_google_is_written_and_read(gcs, sink, source):
    path = f"gs://sections/{sink.__name__}"
    written = stored(sink, path)
    np.testing.assert_array_equal(written.read(PLACE, 0), grey())
    np.testing.assert_array_equal(source(path).open().read(PLACE, 0), grey())
    assert any(name.startswith(f"{sink.__name__}/") for name in gcs)


def test_what_is_not_in_a_bucket_of_google_is_told(gcs):
    with pytest.raises(UserError, match=r"gs://sections/none: no precomputed volume is there"):
        CloudVolume("gs://sections/none").open()


def test_a_bucket_with_faults_that_pass_is_written_and_read_whole(s3):
    bucket, faults, _ = s3
    volume = CloudVolumeSink(f"{bucket}/v", chunk=CHUNK).open(INFO)
    faults.extend([500, 503])
    volume.write(PLACE, 0, grey())
    assert not faults
    faults.extend([503, 500])
    np.testing.assert_array_equal(CloudVolume(f"{bucket}/v").open().read(PLACE, 0), grey())
    assert not faults


def test_a_missing_object_is_listed(s3):
    bucket, _, client = s3
    stored(CloudVolumeSink, f"{bucket}/v")
    client.delete_object(Bucket="sections", Key="v/4_4_40/-3-29_5-37_7-8")
    volume = CloudVolume(f"{bucket}/v", missing="report").open()
    volume.read(PLACE, 0)
    assert volume.gaps == [(0, Box((-3, 5, 7), (29, 37, 8)))]


def test_objects_that_cloud_volume_compressed_are_read(s3):
    bucket, _, client = s3
    stored(CloudVolumeSink, f"{bucket}/v")
    for each in client.list_objects_v2(Bucket="sections")["Contents"]:
        body = client.get_object(Bucket="sections", Key=each["Key"])["Body"].read()
        packed = {"Body": gzip.compress(body), "ContentEncoding": "gzip"}
        client.put_object(Bucket="sections", Key=each["Key"], **packed)
    np.testing.assert_array_equal(CloudVolume(f"{bucket}/v").open().read(PLACE, 0), grey())


def test_a_bucket_that_does_not_exist_is_refused(s3):
    bucket = s3[0].replace("sections", "nowhere")
    with pytest.raises(UserError, match=r"nowhere/v"):
        CloudVolume(f"{bucket}/v").open()
    with pytest.raises(UserError, match=r"nowhere/v/info: .*does the bucket exist"):
        CloudVolumeSink(f"{bucket}/v").open(INFO)


def test_credentials_come_from_where_they_are(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", *stores.ROLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(stores, "on_amazon", lambda: False)
    assert stores.credentials() == "anonymous"
    (tmp_path / "none").touch()
    assert stores.credentials() == "default"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    assert stores.credentials() == "environment"


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("gs://bucket/a/b/", {"driver": "gcs", "bucket": "bucket", "path": "a/b/"}),
        ("precomputed://gs://bucket", {"driver": "gcs", "bucket": "bucket"}),
        ("https://host/a", {"driver": "http", "base_url": "https://host/a/"}),
        ("file:///a/b", {"driver": "file", "path": "/a/b/"}),
    ],
)
def test_urls_are_those_that_people_know(path, spec):
    assert places.kvstore(path) == spec


def test_an_unknown_scheme_is_refused():
    with pytest.raises(UserError, match="gss://a/b: no store is called like that"):
        CloudVolume("gss://a/b").open()


def test_an_interrupted_read_ends_at_once(web, tmp_path):
    stored(CloudVolumeSink, tmp_path / "v")
    url, coming = web(tmp_path)
    coming.extend([""] + ["slow 20"] * 100)
    code = (
        "from metroem_volumes.cloudvolume import CloudVolume\n"
        f"volume = CloudVolume('{url}/v').open()\n"
        "print('reading', flush=True)\n"
        "volume.read(volume.info.scales[0].box, 0)\n"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ}, **pipes) as process:
        process.stdout.readline()
        time.sleep(0.5)
        start = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    assert b"KeyboardInterrupt" in errors
    assert time.perf_counter() - start < 5


def test_an_answer_that_never_comes_is_given_up(web, tmp_path):
    url, coming = web(tmp_path)
    coming.extend(["slow 30"] * 10)
    code = (
        "from metroem_core import stores\n"
        "from metroem_volumes import cloudvolume\n"
        "stores.RETRIES['max_retries'] = 1\n"
        f"cloudvolume.CloudVolume('{url}/v').open()\n"
    )
    env = {**os.environ, "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=25)
    assert "v/info: the store cannot be reached" in done.stderr
