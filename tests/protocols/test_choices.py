"""Optima of the laws of experts, sparsity, distillation, vocabulary and privacy."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.protocols import get
from scaling_jax.protocols.distillation import best_teacher, crossover_tokens, supervised_loss
from scaling_jax.protocols.mixture_of_experts import compute_gain
from scaling_jax.protocols.privacy import best_private_training, noise_batch_ratio
from scaling_jax.protocols.sparsity import dense_multiplier, pruning_schedule
from scaling_jax.protocols.vocabulary import width_of

MOE = sj.laws.get("krajewski_moe").published("moe").params
DENSE = sj.laws.get("krajewski_moe", model="dense").published("dense").params
TAO = sj.laws.get("vocab_derivative").published("tao")


def test_experts_do_nothing_at_the_cutoff():
    theta = sj.laws.get("clark_routed").published("hash").params
    size = get("clark_routed")(theta)
    law = sj.laws.get("clark_routed")
    few, many = (float(law.log(theta, dict(params=size, experts=e))) for e in (1.0, 512.0))
    assert few == pytest.approx(many, abs=1e-5)


def test_best_granularity_is_where_leverage_peaks():
    joint = sj.laws.get("efficiency_leverage").published("joint")
    best = get("efficiency_leverage")(joint.params)
    at = dict(activation_ratio=0.03, compute_flops=1e22)
    near = [float(joint(**at, granularity=best * x)) for x in (0.8, 1.0, 1.25)]
    assert near[1] == max(near)


def test_reduced_law_is_the_joint_law():
    joint = sj.laws.get("joint_moe").published("joint")
    c = get("joint_moe")(joint.params, 8)
    by_hand = c["m"] * 1e9 ** c["mu"] + c["n"] * 2e10 ** c["nu"] + c["c"]
    loss = float(joint(active_params=1e9, tokens=2e10, experts=8.0))
    assert loss == pytest.approx(by_hand, rel=1e-5)


def test_fine_grained_optimum_spends_its_budget_and_beats_dense():
    best = get("krajewski_moe")(MOE, 1e20, granularity=8.0)
    other = get("krajewski_moe")(MOE, 1e20, granularity=1.0)
    assert best.loss < other.loss
    dense = get("krajewski_moe")(DENSE, 1e20)
    assert 6.0 * dense.params * dense.tokens == pytest.approx(1e20, rel=1e-9)
    law = sj.laws.get("krajewski_moe", model="dense")
    loss = float(law(DENSE, dict(params=dense.params, tokens=dense.tokens)))
    assert loss == pytest.approx(dense.loss, rel=1e-5)
    assert compute_gain(MOE, DENSE, 1e20) == pytest.approx(20.0, abs=2.5)
    with pytest.raises(LawError, match="must be positive"):
        get("krajewski_moe")(MOE, 0.0)


def test_average_of_a_pruning_schedule():
    schedule = pruning_schedule(1e9, 0.8, steps=1000)
    assert float(get("journey_matters")(schedule)) == pytest.approx(0.6e9, rel=1e-5)
    assert (schedule[0], schedule[-1]) == (1e9, pytest.approx(0.2e9))
    assert np.all(np.diff(schedule) <= 0.0)


def test_dense_multiplier_gives_the_dense_model_of_equal_loss():
    t5 = sj.laws.get("sparse_frantar").published("t5")
    times = float(dense_multiplier(t5.params, 0.75))
    sparse = float(t5(params=1e8, tokens=1e11, sparsity=0.75))
    dense = float(t5(params=times * 1e8, tokens=1e11, sparsity=0.0))
    assert dense == pytest.approx(sparse, rel=1e-5)


def test_optimal_sparsity_is_the_least_loss_of_the_budget():
    t5 = sj.laws.get("sparse_frantar").published("t5")
    budget, params = 1e23, 1e8
    best = float(get("sparse_frantar")(t5.params, params, budget))
    assert 0.0 < best < 0.99
    loss = []
    for sparsity in best + np.array([-0.02, 0.0, 0.005]):
        tokens = budget * (1.0 - sparsity) / (6.0 * params)
        loss.append(float(t5(params=params, tokens=tokens, sparsity=sparsity)))
    assert loss[1] == min(loss)
    assert float(get("sparse_frantar")(t5.params, 1e10, 1e15)) == 0.0


def test_student_by_protocol_and_by_law():
    law = sj.laws.get("distillation_scaling").published("busbridge")
    labels = float(supervised_loss(1e9, 2e10))
    assert labels == pytest.approx(2.3747, abs=1e-4)
    teachers = np.array([1.8, 2.2, 2.6])
    ours = get("distillation_scaling")(1e9, 2e10, teachers)
    at = dict(params=1e9, tokens=2e10, supervised_loss=labels, teacher_loss=teachers)
    np.testing.assert_allclose(ours, np.asarray(law(**at)), rtol=2e-5)


def test_labels_overtake_distillation_later_for_larger_students():
    tokens = crossover_tokens(1e9, 2.0)
    student = float(get("distillation_scaling")(1e9, tokens, 2.0))
    assert student == pytest.approx(float(supervised_loss(1e9, tokens)), rel=1e-9)
    assert crossover_tokens(3e8, 2.0) < tokens
    with pytest.raises(LawError, match="there is no crossover"):
        crossover_tokens(1.5e8, 2.2)


def test_a_stronger_teacher_than_the_best_one_hurts():
    best = best_teacher(3e8, 2e10)
    student = get("distillation_scaling")(3e8, 2e10, [best - 0.2, best, best + 0.2])
    assert student[1] == min(student)


def test_vocabulary_by_three_approaches_for_seven_billion():
    compute = sj.laws.get("vocab_isoflops")
    theta = compute.published("vocabulary").params | compute.published("non_vocabulary").params
    width = width_of(7e9)
    one = float(get("vocab_isoflops")(theta, 7e9)) / width
    two = float(TAO(params_non_vocab=7e9)) / width
    parametric = sj.laws.get("vocab_parametric").published("tao").params
    three = get("vocab_parametric")(parametric, 7e9, width, (7e9 / theta["k1"]) ** 2)
    assert [one, two, three] == pytest.approx([62280, 67450, 59547], abs=20)


def test_vocabulary_by_derivative_has_no_slope():
    best = get("vocab_derivative")(1e9, 2048, TAO.values)
    a, b, c = (TAO.values[name] for name in "abc")

    def compute(entries):
        log_v = np.log(entries)
        return (1e9 + entries * 2048) * (a * log_v**2 + b * log_v + c)

    assert compute(best) < min(compute(0.99 * best), compute(1.01 * best))
    with pytest.raises(LawError, match="no best vocabulary between"):
        get("vocab_derivative")(1e15, 2048, TAO.values)


@pytest.fixture
def private():
    sizes, steps = np.array([1e7, 1e8]), np.array([1e2, 1e3, 1e4])
    ratios = np.array([1e-6, 1e-5, 1e-4])
    grid = np.meshgrid(sizes, steps, ratios, indexing="ij")
    truth = 8.0 - 0.1 * np.log10(grid[0]) - 0.5 * np.log10(grid[1]) + 0.3 * np.log10(grid[2])
    return get("dp_lm"), (sizes, steps, ratios), truth


def test_monotone_losses_are_kept_and_interpolated_in_logarithms(private):
    make, axes, truth = private
    losses = make(*axes, truth)
    np.testing.assert_allclose(losses.losses, truth)
    middle = float(losses(np.sqrt(1e15), 10**2.5, 10**-5.5))
    assert middle == pytest.approx(8.0 - 0.75 - 1.25 - 1.65)


def test_violations_are_pooled_first_over_iterations_then_over_noise(private):
    make, axes, truth = private
    noisy = truth.copy()
    noisy[0, 1, 0] += 2.0
    losses = make(*axes, noisy).losses
    assert np.all(np.diff(losses, axis=1) <= 1e-12)
    assert np.all(np.diff(losses, axis=2) >= -1e-12)
    pooled = 0.5 * (noisy[0, 0, 0] + noisy[0, 1, 0])
    assert losses[0, 0, 0] <= pooled


def test_private_training_spends_its_budget(private):
    make, axes, truth = private
    plan = best_private_training(make(*axes, truth), 6e15, lambda batch, steps: 1.0, 100)
    assert 6.0 * plan.params * plan.iterations * plan.batch * 100 == pytest.approx(6e15)
    assert plan.ratio == pytest.approx(max(1.0 / plan.batch, 1e-6))
    assert noise_batch_ratio(0.614, 518e3) == pytest.approx(2.0**-19.69, rel=0.01)


def test_what_was_not_measured_is_refused(private):
    make, axes, truth = private
    losses = make(*axes, truth)
    with pytest.raises(LawError, match="ratio is measured from 1e-06 to 0.0001 only"):
        losses(1e7, 1e3, 1e-2)
    with pytest.raises(LawError, match="too little for any measured size"):
        best_private_training(losses, 1e9, lambda batch, steps: 1.0, 100)
    with pytest.raises(LawError, match="losses has shape"):
        make(*axes, truth[0])
    with pytest.raises(LawError, match="iterations must be two positive numbers"):
        make(axes[0], axes[1][::-1], axes[2], truth)
