import json

import h5py
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from metroem_commands.reporting.look import Look
from metroem_commands.reporting.looks import of_measure
from metroem_commands.reporting.measuring import measure, summary
from metroem_commands.reporting.volumes import evenly, middle, of_align, of_render
from metroem_commands.reporting.worst import worst
from metroem_core.geometry import Box
from metroem_core.sets import FileName, create_field
from metroem_core.sets.layout import create_images, created

SIZE = 96
STEP = 3  # pixels that each section lies further along x than the one before


def tissue(width=SIZE + 6 * STEP):
    rough = gaussian_filter(np.random.default_rng(0).normal(size=(SIZE, width)), 2)
    return (128 + 90 * rough / np.abs(rough).max()).astype(np.uint8)


def drifting():
    """Five sections (Z, Y, X), each of which shows what the first one shows, further along x."""
    whole = tissue()
    return np.stack([whole[:, 15 - STEP * z : 15 - STEP * z + SIZE] for z in range(5)])


def write(path, voxels, **attributes):
    with h5py.File(path, "w") as file:
        file["main"] = voxels
        file["main"].attrs.update(attributes)
    return {"type": "hdf5", "path": str(path)}


def aligning(folder):
    """What the record says of a step that takes the drift away, and has written its fields."""
    fields = np.zeros((2, 5, SIZE, SIZE), np.float32)
    fields[0] = STEP * np.arange(5)[:, None, None]
    to = write(folder / "total.h5", fields, units="pixels", components="xy")
    image = write(folder / "raw.h5", drifting())
    return {"mip": 0, "image": image, "fields": {"-1": {}}, "to": {**to, "compression": "gzip"}}


def test_sections_are_seen_through_their_total_fields(tmp_path):
    looks = list(of_align(aligning(tmp_path), tmp_path / "total.h5"))
    assert [look.name for look in looks] == [f"section {z} onto {z - 1}" for z in range(1, 5)]
    inner = np.s_[:, : SIZE - 5 * STEP]
    for look in looks:
        before, after = ([plane[inner] for plane in planes] for planes in (look.before, look.after))
        assert np.abs(before[0] - before[1]).max() > 0.1
        np.testing.assert_allclose(*after, atol=1e-5)
        assert (look.field[0] == STEP * look.z).all()


def test_sections_that_are_aligned_onto_later_ones_are_seen_so(tmp_path):
    value = {**aligning(tmp_path), "fields": {"1": {}}}
    names = [look.name for look in of_align(value, tmp_path / "total.h5")]
    assert names == [f"section {z} onto {z + 1}" for z in range(4)]


def test_rendered_sections_are_seen_beside_the_raw_ones(tmp_path):
    raw = write(tmp_path / "raw.h5", drifting())
    to = write(tmp_path / "aligned.h5", np.stack([tissue(SIZE)] * 5))
    value = {"mip": 0, "volumes": [{"nature": "image", "source": raw, "to": to}]}
    looks = list(of_render(value, tmp_path / "aligned.h5"))
    assert len(looks) == 4
    assert all((look.after[0] == look.after[1]).all() for look in looks)


def test_pairs_of_a_set_are_seen_with_their_fields(tmp_path):
    """Pictures of sets have X before Y, and so have the vectors of their fields."""
    whole = tissue().T.astype(np.float32) / 255  # (X, Y)
    src, tgt = whole[:SIZE], whole[STEP : SIZE + STEP]
    with created(tmp_path / str(FileName((50, 40, 7), 1))) as file:
        create_images(file, 1, (SIZE, SIZE))[:] = np.stack([src, tgt])[None]
    with created(tmp_path / str(FileName((50, 40, 7), 1, "x", 0))) as file:
        field = np.zeros((1, 2, SIZE, SIZE), np.float32)
        field[:, 1] = STEP
        create_field(file, field.shape)[:] = field
    quality = tmp_path / "quality"
    quality.mkdir()
    pairs = [{"pair": 0, "place": [200, 300, 7]}]
    (quality / "numbers.json").write_text(json.dumps({"pairs": pairs}))
    value = {"data": str(tmp_path), "mip": 1, "stage": 0, "tag": "x"}
    (look,) = of_measure(value, quality)
    assert (look.z, look.start, look.pixel) == (7, (200 - SIZE, 300 - SIZE), 2)
    assert (look.field[0] == STEP).all()
    inner = np.s_[:, : SIZE - STEP]
    np.testing.assert_allclose(look.after[0][inner], look.after[1][inner], atol=1e-4)


def section(after=None, field=None):
    src = tissue(SIZE).astype(np.float32) / 255
    still = src if after is None else after
    return measure(Look("it", (src, src[::-1]), (src, still), field, 5, (1000, 2000), 4))


def test_equal_sections_are_alike_and_no_place_is_bad():
    before, after = summary([section()])
    assert after["cpc"] == pytest.approx(1, abs=1e-3)
    assert before["cpc"] < 0.5
    assert worst([section()]) == []


def test_the_worst_place_is_where_the_pictures_differ():
    other = tissue(SIZE).astype(np.float32) / 255
    other[24:36, 48:60] = other[24:36, 48:60][::-1, ::-1]
    place = worst([section(other)])[0]
    assert place.what.startswith("correlation")
    x, y, z = place.position
    assert 1000 + 4 * 48 < x < 1000 + 4 * 60
    assert 2000 + 4 * 24 < y < 2000 + 4 * 36
    assert z == 5


def test_folds_are_worse_than_anything():
    field = np.zeros((2, SIZE, SIZE), np.float32)
    field[0, 40, 41] = -3
    other = np.ascontiguousarray(tissue(SIZE)[::-1].astype(np.float32) / 255)
    found = section(other, field)
    assert found.folds > 0
    assert worst([found])[0].what.startswith("fold")


def test_a_fold_through_several_tiles_is_one_place():
    field = np.zeros((2, SIZE, SIZE), np.float32)
    field[0, :, 41] = -3
    places = [place for place in worst([section(field=field)]) if place.what.startswith("fold")]
    assert len(places) == 1


def test_nothing_is_known_of_sections_without_data():
    empty = np.zeros((SIZE, SIZE), np.float32)
    found = measure(Look("it", (empty, empty), (empty, empty)))
    assert np.isnan(found.after).all()
    assert summary([found]) == ({}, {})


def test_of_large_volumes_the_middle_of_some_sections_is_seen():
    box = middle(Box((0, 0, 0), (5000, 800, 500)))
    assert (box.start[:2], box.size) == ((1988, 0), (1024, 800, 500))
    chosen = evenly(box)
    assert len(chosen) <= 16
    assert (chosen[0], chosen[-1] > 450) == (1, True)
