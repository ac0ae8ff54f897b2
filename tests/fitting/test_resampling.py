"""Resampling counts: their distributions, and that they depend on seed, lane and unit alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import scaling_jax as sj
from scaling_jax.fitting import resampling
from scaling_jax.fitting.resampling import SCHEMES, Resampling, counter_bits

ROWS, LANES = 40, 20_000
FAMILIES = np.repeat(["a", "b", "c", "d"], [3, 17, 8, 12])
SIGMAS = 5.0  # a right scheme exceeds this once in two million comparisons


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(0)
    columns = {"params": np.geomspace(1e7, 1e10, ROWS), "loss": 2.0 + rng.random(ROWS)}
    order = rng.permutation(ROWS)  # groups are not neighbours
    return sj.RunTable.from_columns(columns | {"family": FAMILIES[order]}, source="runs")


def counts(scheme: Resampling, runs, lanes: Any = LANES, seed=0) -> np.ndarray:
    """Return the counts ``[rows, l]`` of the given lanes, or of the first so many."""
    numbers = np.arange(lanes) if isinstance(lanes, int) else np.asarray(lanes)
    drawn = scheme.counts(jnp.uint32(seed), jnp.asarray(numbers, jnp.uint32), scheme.units(runs))
    return np.asarray(drawn)


ALL = [
    sj.Multinomial(), sj.Stratified(by="family"), sj.Blocks(by="family"), sj.Poisson(),
    sj.LeaveOneOut(), sj.LeaveOneOut(by="family"),
]  # fmt: skip
RANDOM = ALL[:4]


def names(scheme):
    return scheme.name + (f" by {scheme.by}" if scheme.by else "")


# --- the generator -------------------------------------------------------------------------


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds, written down from Salmon et al. (2011), figure 4."""
    mask, rotations = 2**32 - 1, ((13, 15, 26, 6), (17, 29, 16, 24))
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x = [(counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask]
    for block in range(5):
        for turn in rotations[block % 2]:
            x[0] = (x[0] + x[1]) & mask
            x[1] = ((x[1] << turn | x[1] >> (32 - turn)) & mask) ^ x[0]
        x[0] = (x[0] + keys[(block + 1) % 3]) & mask
        x[1] = (x[1] + keys[(block + 2) % 3] + block + 1) & mask
    return x


def test_the_transcription_gives_the_published_answers():
    """Known answers of the Random123 distribution, file kat_vectors."""
    assert threefry((0, 0), (0, 0)) == [0x6B200159, 0x99BA4EFE]
    ones = 2**32 - 1
    assert threefry((ones, ones), (ones, ones)) == [0x1CB996FC, 0xBB002BE7]
    answer = threefry((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3))
    assert answer == [0xC4923A9C, 0x483DF7A0]


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_words_are_threefry_of_seed_lane_and_unit(seed):
    lanes = np.array([0, 1, 255, 256, 70_000, 2**31, 2**32 - 1], np.uint32)
    words = np.asarray(counter_bits(jnp.uint32(seed), jnp.asarray(lanes), jnp.arange(5)))
    expected = [
        [threefry((0x5CA11196, seed), (int(lane), unit))[0] for lane in lanes] for unit in range(5)
    ]
    np.testing.assert_array_equal(words, np.array(expected, np.uint32))


def test_lanes_and_seeds_are_independent_of_each_other():
    """Correlations of 4000 words between 150 lanes and between 150 seeds are those of noise."""
    units, many = 4000, 150
    unit, number = jnp.arange(units), jnp.arange(many, dtype=jnp.uint32)
    by_lane = counter_bits(jnp.uint32(3), number, unit)
    by_seed = [counter_bits(s, number[:1], unit)[:, 0] for s in number]
    for words in (np.asarray(by_lane), np.stack(by_seed, axis=1)):
        matrix = np.asarray(np.corrcoef(words.astype(np.float64), rowvar=False))
        r = matrix[np.triu_indices(many, 1)]
        assert np.abs(r).max() < SIGMAS / np.sqrt(units)
        # The squares add up to chi-square, so that many weak correlations are seen as well.
        assert stats.chi2.sf(units * np.sum(r**2), len(r)) > 1e-4


# --- distributions -------------------------------------------------------------------------


def moments(drawn: np.ndarray, p: float, n: int) -> None:
    """Compare means, variances and covariances with those of Binomial(n, p) counts."""
    lanes = drawn.shape[1]
    mean, variance = n * p, n * p * (1.0 - p)
    fourth = variance * (1.0 + 3.0 * (n - 2) * p * (1.0 - p))
    assert np.abs(drawn.mean(1) - mean).max() < SIGMAS * np.sqrt(variance / lanes)
    error = np.sqrt((fourth - variance**2) / lanes)
    assert np.abs(drawn.var(1) - variance).max() < SIGMAS * error
    covariance = np.cov(drawn)[np.triu_indices(len(drawn), 1)]
    # Counts add up to n, so any two have the covariance -n p**2; its error is about variance.
    assert np.abs(covariance + n * p * p).max() < 1.2 * SIGMAS * variance / np.sqrt(lanes)


def chi_square(drawn: np.ndarray, pmf: np.ndarray) -> float:
    """Return the probability of counts as far from `pmf` as these, the tail as one class."""
    observed = np.bincount(drawn.astype(int).ravel(), minlength=len(pmf)).astype(float)
    observed = np.append(observed[: len(pmf)], observed[len(pmf) :].sum())
    expected = np.append(pmf, max(1.0 - pmf.sum(), 0.0)) * drawn.size
    return float(stats.chisquare(observed, expected).pvalue)


def test_multinomial_counts(runs):
    drawn = counts(sj.Multinomial(), runs)
    assert np.all(drawn.sum(0) == ROWS)
    moments(drawn, 1.0 / ROWS, ROWS)
    pmf = stats.binom.pmf(np.arange(6), ROWS, 1.0 / ROWS)
    assert all(chi_square(row, pmf) > 1e-5 for row in drawn)


def test_stratified_counts_keep_the_size_of_every_group(runs):
    drawn = counts(sj.Stratified(by="family"), runs)
    for family, size in zip("abcd", (3, 17, 8, 12), strict=True):
        group = drawn[runs["family"] == family]
        assert np.all(group.sum(0) == size)
        moments(group, 1.0 / size, size)


def test_blocks_are_drawn_as_a_whole(runs):
    drawn = counts(sj.Blocks(by="family"), runs)
    first = []
    for family in "abcd":
        group = drawn[runs["family"] == family]
        assert np.all(group == group[0])
        first.append(group[0])
    assert np.all(np.sum(first, axis=0) == 4)
    moments(np.stack(first), 0.25, 4)


def test_a_numeric_column_makes_groups_as_well(runs):
    by_size = runs.with_column("width", np.repeat([64.0, 128.0], ROWS // 2))
    drawn = counts(sj.Blocks(by="width"), by_size, 100)
    assert np.all(drawn[: ROWS // 2] == drawn[0])
    assert np.all(drawn[0] + drawn[-1] == 2)


def test_poisson_counts(runs):
    drawn = counts(sj.Poisson(), runs)
    pmf = stats.poisson.pmf(np.arange(8), 1.0)
    assert chi_square(drawn, pmf) > 1e-4
    off = np.cov(drawn)[np.triu_indices(ROWS, 1)]
    assert np.abs(off).max() < SIGMAS / np.sqrt(LANES)
    total = drawn.sum(0)
    assert abs(total.mean() - ROWS) < SIGMAS * np.sqrt(ROWS / LANES)
    assert total.var() == pytest.approx(ROWS, rel=0.06)  # totals vary: sqrt(2 / 20000) is 1 %


def test_leave_one_out_counts(runs):
    scheme = sj.LeaveOneOut()
    assert scheme.lanes(runs) == ROWS
    np.testing.assert_array_equal(counts(scheme, runs, ROWS), 1.0 - np.eye(ROWS))


def test_leave_one_group_out_counts(runs):
    scheme = sj.LeaveOneOut(by="family")
    assert scheme.lanes(runs) == 4
    expected = np.stack([runs["family"] != family for family in "abcd"], axis=1)
    np.testing.assert_array_equal(counts(scheme, runs, 4), expected)


def test_one_row_and_one_group(runs):
    one = runs.take([0])
    for scheme in RANDOM[:3]:
        assert np.all(counts(scheme, one, 50) == 1.0)


# --- what counts depend on -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ALL, ids=names)
def test_a_replicate_is_the_same_in_any_company(scheme, runs):
    lanes = scheme.lanes(runs) or 600
    together = counts(scheme, runs, lanes)
    order = np.random.default_rng(1).permutation(lanes)
    np.testing.assert_array_equal(counts(scheme, runs, order), together[:, order])
    parts = np.array_split(np.arange(lanes), 3)
    apart = np.concatenate([counts(scheme, runs, part) for part in parts], axis=1)
    np.testing.assert_array_equal(apart, together)
    np.testing.assert_array_equal(counts(scheme, runs, [3, 3, 3]), together[:, [3, 3, 3]])


@pytest.mark.parametrize("scheme", ALL, ids=names)
def test_counts_do_not_depend_on_precision_or_compilation(scheme, runs):
    expected = counts(scheme, runs, 4)
    with jax.enable_x64(True):
        units, lanes = scheme.units(runs), jnp.arange(4, dtype=jnp.uint32)
        compiled = jax.jit(scheme.counts)(jnp.uint32(0), lanes, units)
    np.testing.assert_array_equal(compiled, expected)


@pytest.mark.parametrize("scheme", [sj.Multinomial(), sj.Poisson()], ids=names)
def test_large_tables_are_drawn_in_tiles(scheme, monkeypatch):
    """Two whole tiles and a part give what one piece gives."""
    columns = {"params": np.geomspace(1e7, 1e10, 2300), "loss": np.full(2300, 2.0)}
    runs = sj.RunTable.from_columns(columns)
    whole = counts(scheme, runs, 20)
    monkeypatch.setattr(resampling, "_TILE", 1024)
    np.testing.assert_array_equal(counts(scheme, runs, 20), whole)
    monkeypatch.setattr(resampling, "_TILE", 1150)  # no part
    np.testing.assert_array_equal(counts(scheme, runs, 20), whole)


@pytest.mark.parametrize("scheme", RANDOM, ids=names)
def test_other_seeds_are_other_replicates(scheme, runs):
    one, other = (counts(scheme, runs, 5000, seed=seed) for seed in (1, 2))
    independent = np.mean(one == one[:, np.random.default_rng(0).permutation(5000)])
    assert np.mean(one == other) == pytest.approx(independent, abs=0.03)
    # Nor is one seed's replicate the next one of another seed.
    assert np.mean(one[:, 1:] == other[:, :-1]) == pytest.approx(independent, abs=0.03)


# --- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [sj.Stratified(), sj.Blocks()], ids=names)
def test_groups_need_a_column(scheme, runs):
    with pytest.raises(sj.errors.FitError, match=f"{type(scheme).__name__} needs by=: the column"):
        scheme.units(runs)


@pytest.mark.parametrize("scheme", [sj.Blocks(by="famly"), sj.LeaveOneOut(by="famly")], ids=names)
def test_a_column_that_is_not_there_is_named(scheme, runs):
    with pytest.raises(
        sj.ScalingError, match="runs has no column 'famly' to resample by; did you mean family"
    ):
        scheme.units(runs)


@pytest.mark.parametrize("scheme", [sj.Multinomial(by="family"), sj.Poisson(by="family")])
def test_schemes_that_draw_rows_refuse_groups(scheme, runs):
    """A group that has no effect would be a wrong answer without a word."""
    with pytest.raises(sj.errors.FitError, match=f"{type(scheme).__name__} draws single runs"):
        scheme.units(runs)


def test_every_scheme_has_its_name():
    assert set(SCHEMES) == {"multinomial", "stratified", "blocks", "poisson", "leave_one_out"}


def test_the_base_is_not_a_scheme(runs):
    with pytest.raises(TypeError, match="use one of Multinomial, Stratified, Blocks, Poisson"):
        counts(Resampling(), runs, 1)
