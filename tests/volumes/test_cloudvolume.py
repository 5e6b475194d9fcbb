import json
import pickle

import attrs
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.testing import SourceConformance
from metroem_volumes.clouds import Cloud
from metroem_volumes.cloudvolume import CloudVolume
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink

PLACE = Box((-3, 5, 7), (61, 45, 9))
HALF = Box((-2, 2, 7), (31, 23, 9))
INFO = VolumeInfo(1, "uint8", {0: Scale(PLACE, (4.0, 4.0, 40.0)), 1: Scale(HALF, (8.0, 8.0, 40.0))})
FIRST = "4_4_40/-3-29_5-37_7-8"


def grey(info=INFO, mip=0, low=1):
    shape = (info.channels, *info.scales[mip].box.shape)
    return np.random.default_rng(mip).integers(low, 100, shape).astype(info.dtype)


def write(path, info=INFO, **options):
    volume = CloudVolumeSink(str(path), chunk=(32, 32, 1), **options).open(info)
    for mip, scale in info.scales.items():
        volume.write(scale.box, mip, grey(info, mip))
    return str(path)


class TestCloudVolume(SourceConformance):
    @pytest.fixture(autouse=True)
    def _volume(self, tmp_path):
        self.component = CloudVolume(write(tmp_path / "v"))


class TestField(SourceConformance):
    outside = np.nan

    @pytest.fixture(autouse=True)
    def _volume(self, tmp_path):
        path = write(tmp_path / "v", attrs.evolve(INFO, channels=2, dtype="float32"))
        self.component = CloudVolume(path, units="MIP0 pixels", components="yx")


class TestCompressedByCloudVolume(SourceConformance):
    @pytest.fixture(autouse=True)
    def _volume(self, tmp_path):
        self.component = CloudVolume(by_cloudvolume(tmp_path / "v"))


def by_cloudvolume(path, **options):
    """A volume as cloud-volume itself writes it, in files that end with .gz."""
    import cloudvolume

    info = cloudvolume.CloudVolume.create_new_info(
        1, "image", "uint8", "raw", (4, 4, 40), PLACE.start, PLACE.size, chunk_size=(32, 32, 1)
    )
    volume = cloudvolume.CloudVolume(f"file://{path}", info=info, progress=False, **options)
    volume.commit_info()
    volume[:] = grey().T
    return str(path)


def test_what_cloud_volume_wrote_is_read_and_its_missing_chunks_are_found(tmp_path):
    path = by_cloudvolume(tmp_path / "v")
    volume = CloudVolume(path, missing="report").open()
    assert isinstance(volume.grids[0], Cloud)
    np.testing.assert_array_equal(volume.read(PLACE, 0), grey())
    (tmp_path / "v" / f"{FIRST}.gz").unlink()
    expected = grey()
    expected[0, 0, :32, :32] = 0
    np.testing.assert_array_equal(volume.read(PLACE, 0), expected)
    assert volume.gaps == [(0, Box((-3, 5, 7), (29, 37, 8)))]
    with pytest.raises(UserError, match="can be read only"):
        CloudVolumeSink(path).open(volume.info)


def test_what_we_write_is_read_by_cloud_volume(tmp_path):
    import cloudvolume

    path = write(tmp_path / "v")
    for mip in INFO.scales:
        volume = cloudvolume.CloudVolume(f"file://{path}", mip=mip, progress=False)
        np.testing.assert_array_equal(np.asarray(volume[:]).T, grey(mip=mip))


@pytest.mark.parametrize(("dtype", "encoding"), [("uint16", "png"), ("uint64", None)])
def test_encodings_that_lose_nothing_lose_nothing(tmp_path, dtype, encoding):
    info = attrs.evolve(INFO, dtype=dtype)
    path = write(tmp_path / "v", info, encoding=encoding or "compressed_segmentation")
    np.testing.assert_array_equal(CloudVolume(path).open().read(PLACE, 0), grey(info))


def test_an_encoding_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match=r'v: "png" encoding only supported for uint8 and uint16'):
        write(tmp_path / "v", attrs.evolve(INFO, dtype="float32"), encoding="png")
    assert not (tmp_path / "v").exists()


def test_a_missing_chunk_stops_the_reading(tmp_path):
    path = write(tmp_path / "v")
    (tmp_path / "v" / FIRST).unlink()
    volume = CloudVolume(path).open()
    with pytest.raises(UserError, match=r"v: nothing is stored at x -3..29, y 5..37, z 7..8 of"):
        volume.read(PLACE, 0)
    assert not volume.gaps


def test_a_missing_chunk_is_read_as_nothing_and_listed_where_it_meets_the_box(tmp_path):
    path = write(tmp_path / "v")
    (tmp_path / "v" / FIRST).unlink()
    volume = CloudVolume(path, missing="report", zero_is_data=True).open()
    found = volume.read(Box((20, 30, 7), (40, 45, 9)), 0)
    assert not found[0, 0, :7, :9].any()
    assert np.count_nonzero(found == 0) == 7 * 9
    assert volume.gaps == [(0, Box((20, 30, 7), (29, 37, 8)))]


def test_a_missing_chunk_may_be_zero_without_a_word(tmp_path):
    path = write(tmp_path / "v")
    (tmp_path / "v" / FIRST).unlink()
    volume = CloudVolume(path, missing="zero").open()
    assert not volume.read(Box((-5, 5, 7), (29, 37, 8)), 0).any()
    assert volume.gaps == []


@pytest.mark.parametrize(("dtype", "nothing"), [("float32", np.nan), ("int16", -32768)])
def test_missing_vectors_are_invalid(tmp_path, dtype, nothing):
    field = VolumeInfo(2, dtype, INFO.scales, {"units": "pixels", "components": "xy"})
    path = write(tmp_path / "v", field)
    (tmp_path / "v" / FIRST).unlink()
    found = CloudVolume(path, missing="report").open().read(Box((-4, 5, 7), (0, 6, 8)), 0)
    np.testing.assert_array_equal(found, np.full_like(found, nothing))


def test_parts_of_a_box_beyond_the_volume_are_listed(tmp_path):
    volume = CloudVolume(write(tmp_path / "v")).open()
    volume.read(Box((-5, 0, 7), (10, 10, 10)), 0)
    assert volume.gaps == [
        (0, Box((-5, 0, 9), (10, 10, 10))),
        (0, Box((-5, 0, 7), (10, 5, 9))),
        (0, Box((-5, 5, 7), (-3, 10, 9))),
    ]


def test_a_zero_that_is_data_is_lifted_and_nothing_else(tmp_path):
    sink = CloudVolumeSink(str(tmp_path / "v")).open(INFO)
    sink.write(PLACE, 0, np.zeros((1, *PLACE.shape), np.uint8))
    found = CloudVolume(str(tmp_path / "v"), zero_is_data=True).open()
    assert found.read(Box((-4, 5, 7), (-2, 6, 8)), 0).ravel().tolist() == [0, 1]


def test_a_truncated_chunk_is_told_with_its_file(tmp_path):
    path = write(tmp_path / "v")
    with open(tmp_path / "v" / FIRST, "r+b") as file:
        file.truncate(100)
    for missing in ("error", "report", "zero"):
        volume = CloudVolume(path, missing=missing).open()
        with pytest.raises(UserError, match=r"mip 0: .*-3-29_5-37_7-8.* received 100 bytes") as e:
            volume.read(PLACE, 0)
        assert "\n" not in str(e.value)


def test_a_mip_that_does_not_exist_is_refused(tmp_path):
    volume = CloudVolume(write(tmp_path / "v")).open()
    with pytest.raises(UserError, match="there is no mip 3; the volume has mip 0, 1"):
        volume.read(PLACE, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "v: no precomputed volume is there: it has no file 'info'"),
        ("{", "v/info: not JSON"),
        ("[]", "v/info: expected a JSON object"),
        ('{"scales": 3}', "v/info: not that of a precomputed volume"),
        (json.dumps({"scales": [], "num_channels": 1, "data_type": "text"}), "v: holds text"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, text, message):
    (tmp_path / "v").mkdir()
    if text is not None:
        (tmp_path / "v/info").write_text(text)
    with pytest.raises(UserError, match=message):
        CloudVolume(str(tmp_path / "v")).open()


def test_a_scale_whose_folder_is_gone_is_all_missing(tmp_path):
    path = write(tmp_path / "v")
    for each in (tmp_path / "v/8_8_40").iterdir():
        each.unlink()
    (tmp_path / "v/8_8_40").rmdir()
    with pytest.raises(UserError, match=r"of mip 1 and 3 more places"):
        CloudVolume(path).open().read(HALF, 1)


def test_an_opened_volume_goes_on_in_another_process(tmp_path):
    volume = CloudVolume(write(tmp_path / "v")).open()
    volume.read(PLACE, 0)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(volume)).read(PLACE, 0), grey())


def test_attributes_come_back(tmp_path):
    info = attrs.evolve(INFO, attributes={"units": "pixels", "made": {"by": ["us", 1]}})
    assert CloudVolume(write(tmp_path / "v", info)).open().info == info


def test_mips_of_one_resolution_do_not_share_a_folder(tmp_path):
    scale = INFO.scales[0]
    info = attrs.evolve(INFO, scales={0: scale, 1: Scale(HALF, scale.voxel_size)})
    volume = CloudVolume(write(tmp_path / "v", info)).open()
    np.testing.assert_array_equal(volume.read(HALF, 1), grey(info, 1))


def test_only_cloud_volumes_own_secrets_call_for_it(tmp_path, monkeypatch):
    from metroem_volumes.clouds import only_cloudvolume

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    assert only_cloudvolume("graphene://https://server/table")
    assert not only_cloudvolume("precomputed://gs://bucket/a")
    assert not only_cloudvolume("some/folder")
    (tmp_path / ".cloudvolume/secrets").mkdir(parents=True)
    (tmp_path / ".cloudvolume/secrets/google-secret.json").write_text("{}")
    assert only_cloudvolume("gs://bucket/a")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "elsewhere")
    assert not only_cloudvolume("gs://bucket/a")
