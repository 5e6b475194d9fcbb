import math

import pytest
import torch
import torch.nn.functional as F

from metroem_core.errors import UserError
from metroem_core.field import (
    affine,
    compose,
    down,
    fold_mask,
    from_corner_grid,
    from_corner_units,
    from_half_images,
    jacobian_determinant,
    least_area,
    left_inverse,
    length,
    max_vector,
    mean_vector,
    min_vector,
    pack,
    priority_vote,
    random_smooth,
    right_inverse,
    round_trip,
    sample,
    sample_valid,
    to_corner_grid,
    to_corner_units,
    to_half_images,
    unpack,
    up,
    vote,
)

SIZES = [(12, 12), (9, 16), (16, 7)]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
FIELD_FUNCTIONS = {
    "sample": lambda u: sample(u, u),
    "sample, border": lambda u: sample(u, u, "border"),
    "sample_valid": lambda u: sample_valid(u, u.isfinite().all(1, keepdim=True), u)[0],
    "compose": lambda u: compose(u, u),
    "up": up,
    "down": down,
    "to_half_images": to_half_images,
    "from_half_images": from_half_images,
    "to_corner_units": to_corner_units,
    "from_corner_units": from_corner_units,
    "to_corner_grid": to_corner_grid,
    "from_corner_grid": lambda u: from_corner_grid(u.movedim(1, -1)),
    "length": length,
    "mean_vector": mean_vector,
    "min_vector": min_vector,
    "max_vector": max_vector,
    "left_inverse": left_inverse,
    "right_inverse": right_inverse,
    "round_trip": lambda u: round_trip(u, u),
    "jacobian_determinant": jacobian_determinant,
    "least_area": least_area,
    "vote of 3": lambda u: vote([u, 0.5 * u, 0.8 * u.flip(1)]),
    "vote of 5": lambda u: vote([u, 2 * u, u.flip(1), -u, 0.5 * u]),
    "priority_vote": lambda u: priority_vote([u, 0.5 * u, 0.9 * u], torch.ones(3, *u[:, :1].shape)),
}
EXACT = {
    "left_inverse": lambda u: left_inverse(u, 1e-12),
    "right_inverse": lambda u: right_inverse(u, 1e-12),
}
each_function = pytest.mark.parametrize("name", FIELD_FUNCTIONS)


def constant(dx, dy, size=(12, 15)):
    return torch.tensor([dx, dy], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, *size).clone()


def coordinates(size):
    """The image (1, 2, H, W) whose channels are the x and the y of every pixel."""
    y, x = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in size], indexing="ij")
    return torch.stack([x, y])[None]


def random_field(size, length, seed=0, count=1):
    """A smooth field with vectors of about a length, in pixels."""
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(count, 2, 4, 4, generator=generator, dtype=torch.float64)
    return length * F.interpolate(knots, size=size, mode="bicubic", align_corners=True)


def inside(values, margin=4):
    return values[..., margin:-margin, margin:-margin]


@pytest.mark.parametrize("size", SIZES)
def test_a_zero_field_leaves_an_image_alone(size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(sample(image, constant(0, 0, size)), image)


def test_it_pulls_component_0_along_x_and_1_along_y():
    image = torch.zeros(1, 1, 12, 15, dtype=torch.float64)
    image[0, 0, 5, 9] = 1
    warped = sample(image, constant(2, 1))
    assert warped[0, 0, 4, 7].item() == pytest.approx(1)
    assert warped.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("size", SIZES)
def test_sampling_coordinates_gives_the_positions(size):
    field = random_field(size, 1)
    positions = coordinates(size) + field
    limits = torch.tensor([size[1] - 1, size[0] - 1]).view(1, 2, 1, 1)
    reached = positions.clamp(min=torch.zeros(()), max=limits)
    torch.testing.assert_close(sample(coordinates(size), field, "border"), reached)


def test_outside_an_image_there_is_0_or_its_border():
    image = torch.ones(1, 1, 12, 15, dtype=torch.float64)
    assert sample(image, constant(100, 0)).max() == 0
    assert sample(image, constant(1e30, 0)).max() == 0
    torch.testing.assert_close(sample(image, constant(100, 0), "border"), image)


@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("component", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_invalid_vector_gives_0_and_only_there(value, component, padding):
    field = constant(0, 0)
    field[0, component, 3, 4] = value
    image = torch.rand(1, 1, 12, 15, dtype=torch.float64)
    expected = image.clone()
    expected[0, 0, 3, 4] = 0
    torch.testing.assert_close(sample(image, field, padding), expected)


def test_one_field_serves_many_images_and_one_image_many_fields():
    images, fields = torch.rand(3, 2, 12, 15).double(), random_field((12, 15), 1, count=3)
    torch.testing.assert_close(sample(images, fields[:1])[2:], sample(images[2:], fields[:1]))
    torch.testing.assert_close(sample(images[:1], fields)[2:], sample(images[:1], fields[2:]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_image_keeps_its_type_whatever_that_of_the_field(dtype):
    image = torch.rand(1, 1, 12, 15).to(dtype)
    for field in (constant(1, 0).float(), constant(1, 0)):
        warped = sample(image, field)
        assert warped.dtype == dtype
        torch.testing.assert_close(warped[..., :-1], image[..., 1:], atol=0.01, rtol=0)


def test_positions_are_exact_in_large_images():
    image = torch.rand(1, 1, 8, 4096)
    warped = sample(image, constant(100, 0, (8, 4096)).float())
    torch.testing.assert_close(warped[..., :-100], image[..., 100:], atol=1e-3, rtol=0)


def test_gradients_of_image_and_field():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    field = (random_field((5, 6), 0.7) + 0.01).requires_grad_()
    assert torch.autograd.gradcheck(sample, (image, field))
    valid = torch.rand(1, 1, 5, 6) > 0.2
    assert torch.autograd.gradcheck(lambda *x: sample_valid(x[0], valid, x[1])[0], (image, field))


def test_gradients_are_finite_beside_what_is_invalid():
    image = torch.rand(1, 1, 12, 15, dtype=torch.float64, requires_grad=True)
    field = constant(0.3, 0.3)
    field[0, 0, 3, 4] = math.nan
    field.requires_grad_()
    sample_valid(image, image > 0.5, field)[0].sum().backward()
    assert image.grad.isfinite().all()
    assert field.grad.isfinite().all()


def test_a_field_of_another_size_is_refused():
    with pytest.raises(UserError, match=r"\(12, 16\) rows and columns .* \(12, 15\)"):
        sample(torch.rand(1, 1, 12, 16), constant(0, 0).float())


def test_no_grey_bleeds_into_what_has_no_data():
    image = torch.full((1, 1, 12, 15), 0.7, dtype=torch.float64)
    image[..., 5:] = 0
    for dx, reach in ((0.25, 5), (0.5, 5), (0.75, 4)):
        warped, valid = sample_valid(image, image != 0, constant(dx, 0))
        torch.testing.assert_close(warped[..., :reach], torch.full_like(warped[..., :reach], 0.7))
        assert (warped[..., reach:] == 0).all()
        assert valid.equal(warped != 0)


def test_values_that_are_not_valid_have_no_influence():
    image = torch.rand(1, 2, 12, 15, dtype=torch.float64)
    valid, field = torch.rand(1, 1, 12, 15) > 0.3, random_field((12, 15), 2)
    changed = torch.where(valid, image, math.nan)
    expected, found = sample_valid(image, valid, field), sample_valid(changed, valid, field)
    torch.testing.assert_close(found, expected)


def test_a_zero_field_is_neutral_to_composition():
    field = random_field((20, 24), 2)
    torch.testing.assert_close(compose(constant(0, 0, (20, 24)), field), field)
    torch.testing.assert_close(compose(field, constant(0, 0, (20, 24))), field)


def test_constant_fields_add_up():
    torch.testing.assert_close(compose(constant(2, 1), constant(-0.5, 3)), constant(1.5, 4))


def test_a_composed_field_warps_as_both_do_in_turn():
    size = (40, 48)
    f, g = random_field(size, 1, seed=1), random_field(size, 1, seed=2)
    in_turn = sample(sample(coordinates(size), g), f)
    torch.testing.assert_close(
        inside(sample(coordinates(size), compose(f, g)), 8), inside(in_turn, 8), atol=1e-6, rtol=0
    )


def test_composition_is_associative_up_to_interpolation():
    f, g, h = (random_field((40, 48), 1, seed=seed) for seed in range(3))
    left, right = compose(compose(f, g), h), compose(f, compose(g, h))
    torch.testing.assert_close(inside(left, 8), inside(right, 8), atol=0.02, rtol=0)


def test_an_invalid_vector_stays_one_in_composition_and_spoils_no_other():
    first, second = constant(1, 0), constant(0, 2)
    first[0, 0, 3, 4], second[0, 1, 8, 8] = math.nan, math.inf
    composed = compose(first, second)
    invalid = ~composed.isfinite().all(dim=1)
    assert invalid.nonzero().tolist() == [[0, 3, 4], [0, 8, 7]]
    torch.testing.assert_close(composed[0, :, 8, 8], torch.tensor([1.0, 2.0]).double())


@pytest.mark.parametrize("mips", [1, 2, 3])
def test_vectors_grow_and_shrink_with_the_grid(mips):
    factor = 2**mips
    finer = constant(1, -2, (8 * factor, 16 * factor))
    torch.testing.assert_close(up(constant(1, -2, (8, 16)), mips), factor * finer)
    torch.testing.assert_close(down(finer, mips), constant(1, -2, (8, 16)) / factor)


def test_twice_one_mip_is_two_mips_down():
    field = random_field((16, 24), 3)
    torch.testing.assert_close(down(down(field)), down(field, 2))


def test_a_linear_field_comes_back_from_up_and_down():
    field = coordinates((8, 10)) * 0.1
    torch.testing.assert_close(inside(down(up(field)), 1), inside(field, 1))


def test_the_same_place_moves_the_same_way_at_every_mip():
    image, field = coordinates((32, 40)), random_field((32, 40), 1)
    coarse = sample(F.avg_pool2d(image, 2), down(field))
    torch.testing.assert_close(
        inside(coarse), inside(F.avg_pool2d(sample(image, field), 2)), atol=0.02, rtol=0
    )


def test_a_vector_is_invalid_at_another_mip_when_most_of_it_is():
    field = constant(1, 1, (4, 6))
    field[0, 0, 0, 0] = field[0, 1, 2:, 2:4] = math.nan
    assert (~down(field).isfinite().all(dim=1)).nonzero().tolist() == [[0, 1, 1]]
    torch.testing.assert_close(down(field)[0, :, 0, 0], torch.full((2,), 0.5).double())
    assert (~up(field).isfinite().all(dim=1)).sum() == 4 * 5


def test_rows_that_do_not_fill_a_coarser_pixel_are_left_out():
    assert down(constant(2, 2, (7, 10)), 2).shape == (1, 2, 1, 2)


@each_function
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_gives_what_float64_gives_and_is_kept(name, dtype):
    work, field = FIELD_FUNCTIONS[name], (random_field((9, 14), 0.4) + 0.2).to(dtype)
    result, expected = work(field), work(field.double())
    assert result.dtype == dtype
    tolerance = 20 * torch.finfo(dtype).eps * expected.abs().max().item() + 4e-3
    torch.testing.assert_close(result.double(), expected, atol=tolerance, rtol=0)


@each_function
def test_a_sample_does_not_depend_on_the_others_of_its_batch(name):
    work, fields = FIELD_FUNCTIONS[name], random_field((9, 14), 0.4, count=3)
    fields[1, 0, 4, 5] = math.nan
    alone = torch.cat([work(one) for one in fields.chunk(3)])
    torch.testing.assert_close(work(fields), alone, equal_nan=True)


@each_function
def test_no_function_changes_its_field(name):
    field = random_field((9, 14), 0.4)
    field[0, 1, 3, 3] = math.inf
    before = field.clone()
    FIELD_FUNCTIONS[name](field)
    assert field.equal(before)


@each_function
def test_gradients_are_right(name):
    field = (random_field((5, 6), 0.15) + 0.23).requires_grad_()
    assert torch.autograd.gradcheck(EXACT.get(name, FIELD_FUNCTIONS[name]), field)


@each_function
def test_gradients_are_finite_at_a_zero_field(name):
    field = constant(0, 0, (6, 8)).requires_grad_()
    FIELD_FUNCTIONS[name](field).sum().backward()
    assert field.grad.isfinite().all()


@pytest.mark.parametrize("size", SIZES)
def test_units_come_back(size):
    field = random_field(size, 2)
    for there, back in (
        (to_half_images, from_half_images),
        (to_corner_units, from_corner_units),
        (to_corner_grid, from_corner_grid),
    ):
        torch.testing.assert_close(back(there(field)), field)


def test_half_of_a_picture_is_one_unit():
    assert to_half_images(constant(7.5, 6, (12, 15)))[0, :, 0, 0].tolist() == [1, 1]
    assert to_half_images(constant(2, 3), (6, 4))[0, :, 0, 0].tolist() == [1, 1]


def test_a_corner_grid_is_what_grid_sample_takes_with_aligned_corners():
    image, field = torch.rand(1, 2, 9, 14).double(), random_field((9, 14), 1)
    sampled = F.grid_sample(image, to_corner_grid(field), align_corners=True)
    torch.testing.assert_close(inside(sampled), inside(sample(image, field)))


def test_a_corner_grid_needs_two_pixels_each_way():
    with pytest.raises(UserError, match="2 pixels each way, not 1 x 15"):
        to_corner_grid(constant(0, 0, (1, 15)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_statistics_are_those_of_the_valid_vectors(dtype):
    field = random_field((40, 30), 3, count=2).to(dtype)
    field[0, 0, :20], field[1, 1, 5:9, 5:9] = math.nan, math.inf
    field[0, 1, 0, 0] = 1000  # beside an invalid component
    found = mean_vector(field), min_vector(field), max_vector(field)
    for one, mean, least, largest in zip(field, *found, strict=True):
        known = one[:, one.isfinite().all(dim=0)]
        torch.testing.assert_close(mean.flatten(), known.double().mean(dim=1).to(dtype))
        assert least.flatten().equal(known.amin(dim=1))
        assert largest.flatten().equal(known.amax(dim=1))


def test_the_mean_of_many_vectors_is_exact():
    field = torch.full((1, 2, 1200, 1024), 1000.1)
    assert mean_vector(field).equal(field[..., :1, :1])


def test_statistics_of_nothing_are_zero():
    nothing = constant(math.nan, 0)
    for statistic in (mean_vector, min_vector, max_vector):
        assert statistic(nothing).flatten().tolist() == [0, 0]
        assert statistic(constant(1, 1), torch.zeros(1, 1, 12, 15).bool()).abs().max() == 0


def test_a_length_by_hand():
    assert length(constant(3, 4)).unique().tolist() == [5]
    assert not length(constant(math.inf, 0)).isfinite().any()


@pytest.mark.parametrize("size", [(40, 48), (150, 90), (97, 131)])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-9])
def test_the_left_inverse_undoes_a_smooth_field_from_the_left(size, tolerance):
    field = random_field(size, 1, count=2)
    inverse = left_inverse(field, tolerance)
    assert round_trip(inverse, field).max() < tolerance


@pytest.mark.parametrize("size", [(40, 48), (150, 90)])
def test_the_right_inverse_undoes_a_smooth_field_from_the_right(size):
    field = random_field(size, 1, count=2)
    missed = inside(round_trip(field, right_inverse(field)), 8)
    assert missed.max() < 0.05  # pixels; the grid is too coarse for the rest
    assert missed.max() <= inside(round_trip(field, left_inverse(field)), 8).max()


@pytest.mark.parametrize("invert", [left_inverse, right_inverse])
def test_the_inverse_of_a_constant_field_is_its_negative(invert):
    torch.testing.assert_close(invert(constant(2, -1)), constant(-2, 1))


@pytest.mark.parametrize("invert", [left_inverse, right_inverse])
def test_an_affine_field_is_undone_by_the_inverse_matrix(invert):
    matrix = torch.tensor([[1.1, 0.05], [-0.1, 0.95]], dtype=torch.float64)
    still = torch.zeros(2, 1).double()
    field, expected = (
        affine(torch.cat([each, still], 1), (160, 96)) for each in (matrix, matrix.inverse())
    )
    torch.testing.assert_close(
        inside(invert(field, 1e-9), 24), inside(expected, 24), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("invert", [left_inverse, right_inverse])
def test_a_fold_has_no_inverse_and_spoils_nothing_far_from_it(invert):
    field = constant(0, 0, (96, 120))
    field[0, 0, 40:50, 60:63] = 12
    inverse = invert(field)
    assert inverse[..., :20, :].isfinite().all()
    known = inverse.isfinite().all(dim=1, keepdim=True)
    assert not known.all()
    assert (
        round_trip(left_inverse(field), field)[left_inverse(field)[:, :1].isfinite()].max() < 0.01
    )


@pytest.mark.parametrize("invert", [left_inverse, right_inverse])
def test_what_would_undo_an_invalid_vector_is_invalid(invert):
    field = constant(3, 0, (20, 24))
    field[0, 1, 8:12, 10:14] = math.nan
    invalid = ~invert(field).isfinite().all(dim=1)[0]
    expected = torch.zeros(20, 24, dtype=torch.bool)
    expected[8:12, 13:17] = True
    assert invalid.equal(expected)


def test_an_affine_field_by_hand():
    matrix = torch.tensor([[0.0, -1, 5], [1, 0, -2]])
    field = affine(matrix, (4, 6), centre=(1, 2))
    assert field[0, :, 2, 1].tolist() == [5, -2]  # the centre only moves
    assert field[0, :, 2, 3].tolist() == [3, 0]  # from (2, 0) to (0, 2), and then moved
    assert affine(torch.eye(2, 3), (4, 6)).abs().max() == 0
    assert affine(torch.eye(2, 3).expand(3, 2, 3), (4, 6)).shape == (3, 2, 4, 6)


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(UserError, match=r"\(N, 2, 3\) or \(2, 3\), not \(3, 3\)"):
        affine(torch.eye(3), (4, 6))


def test_the_jacobian_of_an_affine_field_is_its_determinant():
    matrix = torch.tensor([[1.2, 0.3, 4], [-0.1, 0.9, 0]], dtype=torch.float64)
    for area in (jacobian_determinant, least_area):
        found = area(affine(matrix, (9, 14)))
        torch.testing.assert_close(found, torch.full_like(found, 1.2 * 0.9 + 0.3 * 0.1))


def test_a_mirrored_part_is_a_fold_and_a_turned_one_is_none():
    mirror, turn = torch.tensor([[-1.0, 0, 0], [0, 1, 0]]), torch.tensor([[0.0, -1, 0], [1, 0, 0]])
    assert fold_mask(affine(mirror, (6, 8))).all()
    assert not fold_mask(affine(turn, (6, 8))).any()


def test_a_fold_between_two_pixels_is_seen_at_both():
    field = constant(0, 0, (5, 8))
    field[0, 0, :, 4:] = -1.5
    assert fold_mask(field)[0, 0].nonzero()[:, 1].unique().tolist() == [3, 4]


def test_beside_an_invalid_vector_nothing_is_known_of_areas():
    field = constant(0, 0, (5, 8))
    field[0, 1, 2, 3] = math.nan
    assert not fold_mask(field).any()
    assert least_area(field).isnan()[0, 0].nonzero().tolist() == [
        [1, 3],
        [2, 2],
        [2, 3],
        [2, 4],
        [3, 3],
    ]


def test_one_pixel_has_no_slope():
    with pytest.raises(UserError, match="1 x 8 pixels has no slope"):
        jacobian_determinant(constant(0, 0, (1, 8)))


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_equal_votes_are_the_result(count):
    field = random_field((9, 14), 2)
    torch.testing.assert_close(vote([field] * count), field)
    torch.testing.assert_close(priority_vote([field] * count, [field[:, :1]] * count), field)


@pytest.mark.parametrize("count", [3, 5, 9])
def test_a_minority_far_off_has_no_weight(count):
    field = random_field((9, 14), 2)
    liars = [field + 50 * (k + 1) for k in range(count // 2)]
    honest = [field] * (count - len(liars))
    torch.testing.assert_close(vote(liars + honest), field)


def test_the_order_of_candidates_does_not_matter():
    fields = [random_field((9, 14), 2, seed) for seed in range(5)]
    torch.testing.assert_close(vote(fields), vote(fields[::-1]))


def test_subsets_of_one_make_all_candidates_equal():
    fields = [random_field((9, 14), 2, seed) for seed in range(3)]
    torch.testing.assert_close(vote(fields, subset=1), sum(fields) / 3)


def test_weights_by_hand():
    fields = [constant(x, 0) for x in (0, 1, 4)]
    a, b, c = (math.exp(-d) for d in (1, 3, 4))  # of 0 and 1, of 1 and 4, of 0 and 4
    expected = ((a + b) * 1 + (b + c) * 4) / (2 * (a + b + c))
    assert vote(fields)[0, 0, 5, 5].item() == pytest.approx(expected)


def test_a_vote_is_invalid_where_every_subset_is():
    fields = [constant(1, 0) for _ in range(3)]
    fields[0][0, 0, 3, :] = fields[1][0, 1, :, 4] = math.nan
    invalid = ~vote(fields).isfinite().all(dim=1)
    assert invalid.nonzero().tolist() == [[0, 3, 4]]


def test_the_highest_priority_of_those_that_agree_wins():
    fields = [constant(x, 0) for x in (0, 1, 90)]
    priorities = [torch.full((1, 1, 12, 15), float(p)) for p in (1, 2, 3)]
    assert priority_vote(fields, priorities)[0, 0].unique().tolist() == [1]


def test_a_vote_that_cannot_be_held_is_refused():
    with pytest.raises(UserError, match="there are none"):
        vote([])
    with pytest.raises(UserError, match="the same shape"):
        vote([constant(0, 0), constant(0, 0, (5, 5))])
    with pytest.raises(UserError, match="no subsets of 4 among 3"):
        vote([constant(0, 0)] * 3, subset=4)
    with pytest.raises(UserError, match="3 candidates cannot have 1 priorities"):
        priority_vote([constant(0, 0)] * 3, [constant(0, 0)[:, :1]])


def test_a_random_field_has_its_magnitude_and_is_smooth():
    field = random_smooth((60, 90), 5, 20, torch.Generator().manual_seed(0), count=2)
    torch.testing.assert_close(length(field).amax(dim=(1, 2, 3)), torch.full((2,), 5.0))
    assert field.diff(dim=3).abs().max() < 1


def test_the_same_seed_gives_the_same_random_field():
    first, again, other = (
        random_smooth((12, 15), 5, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_stored_field_comes_back_to_half_a_step(dtype):
    field = (10 * random_field((9, 14), 1, count=2)).to(dtype)
    field[0, 1, 3, 4] = math.nan
    stored, metadata = pack(field)
    assert stored.dtype == torch.int16
    assert metadata == {"units": "pixels", "components": "xy", "scale": 1 / 64}
    back, known = unpack(stored, metadata, torch.float64), field.isfinite().all(dim=1)
    assert back.isnan().all(dim=1).equal(~known)
    error = (back - field).movedim(1, -1)[known].abs().max()
    assert error <= 1 / 128


def test_stored_numbers_by_hand():
    stored, metadata = pack(torch.tensor([1.5, -2]).view(1, 2, 1, 1))
    assert stored.flatten().tolist() == [96, -128]
    swapped = unpack(stored, {**metadata, "components": "yx"})
    assert swapped.flatten().tolist() == [-2, 1.5]


@pytest.mark.parametrize("pixels", [512.0, -600.0])
def test_a_vector_too_long_to_be_stored_is_refused(pixels):
    with pytest.raises(UserError, match="take a larger scale"):
        pack(constant(pixels, 0))
    assert unpack(*pack(constant(pixels, 0), 1 / 32))[0, 0, 0, 0].item() == pixels


def test_stored_fields_without_their_metadata_are_refused():
    stored, metadata = pack(constant(1, 0))
    with pytest.raises(UserError, match="lack components, scale"):
        unpack(stored, {"units": "pixels"})
    with pytest.raises(UserError, match="in mip0, but must be in pixels"):
        unpack(stored, {**metadata, "units": "mip0"})
    with pytest.raises(UserError, match="must be int16, not torch.float32"):
        unpack(stored.float(), metadata)
    with pytest.raises(UserError, match="must be xy or yx, not zyx"):
        unpack(stored, {**metadata, "components": "zyx"})
