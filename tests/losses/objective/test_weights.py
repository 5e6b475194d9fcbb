import pytest
import torch

from metroem_losses.objective.weights import common_tissue, similarity_weight, smoothness_weight

SIZE = (40, 60)
NEAR, WITHIN = 10.0, 0.5


def everywhere():
    return torch.ones(1, 1, *SIZE, dtype=torch.bool)


def labels(near=slice(0), within=slice(0)):
    """Labels that are 1 in some columns and 2 in others."""
    found = torch.zeros(1, 1, *SIZE, dtype=torch.uint8)
    found[..., near] = 1
    found[..., within] = 2
    return found


def row(weight):
    return weight[0, 0, 20].tolist()


# Where tissue is compared


def test_small_holes_are_closed_and_large_ones_grow_by_five_pixels():
    known = everywhere()
    known[..., 20, 8:10] = False
    known[..., 30:35] = False
    tissue = common_tissue(known)
    assert tissue[..., :25].all()
    assert not tissue[..., 25:40].any()
    assert tissue[..., 40:].all()


def test_the_edge_of_the_picture_is_no_missing_data():
    assert common_tissue(everywhere()).all()


# Similarity


def similarity(src=None, tgt=None, tissue=None, gaps=()):
    tissue = everywhere() if tissue is None else tissue
    return similarity_weight(tissue, src, tgt, list(gaps), NEAR, WITHIN)


def test_without_labels_all_tissue_counts_alike():
    tissue = everywhere()
    tissue[..., :7] = False
    assert row(similarity(tissue=tissue)) == [0] * 7 + [1] * 53


def test_near_a_defect_of_the_source_similarity_counts_more_and_in_it_less():
    src = labels(near=slice(10, 30), within=slice(18, 22))
    expected = [1] * 10 + [NEAR] * 6 + [WITHIN] * 8 + [NEAR] * 6 + [1] * 30
    assert row(similarity(src)) == expected


def test_defects_of_the_target_do_not_count_nor_do_three_pixels_around():
    tgt = labels(near=slice(10, 30), within=slice(18, 22))
    assert row(similarity(tgt=tgt)) == [1] * 15 + [0] * 10 + [1] * 35


def test_gaps_do_not_count():
    gaps = [torch.zeros(1, 1, *SIZE, dtype=torch.bool) for _ in range(2)]
    gaps[0][..., :5], gaps[1][..., 50:] = True, True
    assert row(similarity(gaps=gaps)) == [0] * 5 + [1] * 45 + [0] * 10


# Smoothness


def smoothness(src=None, both=None, radius=4):
    return smoothness_weight(everywhere() if both is None else both, src, radius, 0.3, 1e-5)


def middle(weight):
    """The row in the middle of the picture, without what fades at its sides."""
    return row(weight)[10:-10]


def test_without_defects_it_is_one_but_fades_at_the_side_of_the_picture():
    weight = smoothness()
    assert middle(weight) == pytest.approx([1] * 40)
    edge = row(weight)[:7]
    assert edge == sorted(edge)
    assert 0.3 < edge[0] < 0.7


def test_with_a_radius_of_nothing_the_steps_can_be_seen():
    """But for a mean of five pixels, which comes last."""
    src = labels(near=slice(20, 40), within=slice(28, 32))
    near = 0.3**0.5
    row = middle(smoothness(src, radius=0))
    assert row[:8] == pytest.approx([1] * 8)
    assert row[12:16] == pytest.approx([near] * 4)
    assert row[8:12] == pytest.approx([1 - k / 5 * (1 - near) for k in (1, 2, 3, 4)])
    assert row[18] == pytest.approx(row[21]) == pytest.approx((2 * near + 3e-5) / 5)


def test_the_lower_weight_reaches_further_and_then_fades():
    """Contraction takes it 4 pixels further, the means another 4 and 2."""
    row = smoothness(labels(near=slice(20, 30)))[0, 0, 20]
    assert row[:10].equal(smoothness()[0, 0, 20, :10])
    assert (row[9:23].diff() < 0).all()
    torch.testing.assert_close(row[22:28], torch.full((6,), 0.3**0.5))


def test_in_a_defect_there_is_hardly_any():
    assert smoothness(labels(within=slice(20, 30)))[0, 0, 20, 22:28].max() < 2e-5


def test_where_data_are_missing_it_fades():
    both = everywhere()
    both[..., 30:] = False
    row = smoothness(both=both)[0, 0, 20]
    assert (row[24:36].diff() < 0).all()
    assert row[37:].max() == 0
