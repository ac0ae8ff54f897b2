"""The code of every law against the formula as it is printed, read by a parser of its own."""

import functools

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import atlas, literature
from tests.laws import formula_text
from tests.laws.formula_text import NotAnExpression

POINTS = 32
AGREE = 1e-8  # float64: forms in logarithms, equations solved by iteration
DRAWS = 3  # of coefficients besides the published ones

# Laws whose printed formula cannot be computed as it stands, each with the reason. A law that can
# be compared after all fails below until it is taken off the list.
NOT_EXPRESSIONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "annealing_momentum_law",
            "annealing_momentum_law_n",
            "convex_schedule_bound",
            "forward_momentum_law",
            "functional_scaling_law",
            "multi_power_law",
        ),
        "sums over every step of a schedule, which test_schedules.py adds up one by one",
    ),
    "river_valley": "in words, the hill part apart",
}

LAWS = sj.laws.names()


def coefficients(law: sj.Law) -> list[dict[str, float]]:
    """Return published coefficients, then generic ones with every value moved a little."""
    found = [e.theta for e in atlas.examples(law) if e.estimate]
    rng = np.random.default_rng(0)
    centre, bounds = atlas.generic(law), {p.name: p.bounds for p in law.parameters}
    for _ in range(DRAWS):
        moved = {n: v * np.exp(rng.uniform(-0.1, 0.1)) for n, v in centre.items()}
        found.append({n: float(np.clip(v, *bounds[n])) for n, v in moved.items()})
    return found


def vectors(law: sj.Law) -> dict[str, tuple[str, ...]]:
    """Return the columns behind the letters that mixtures go by in print."""
    return dict.fromkeys(("r", "h", "p", "x"), law.simplex)


def differences(law: sj.Law, text: str) -> list[float]:
    """Return the largest relative difference of both sides for each set of coefficients."""
    inputs = atlas.usual_points(law, POINTS, seed=3)
    chosen = {n: float(v) for n, v in law.options if isinstance(v, int | float)}
    values = {**chosen, **inputs, **{v.symbol: inputs[v.column] for v in law.inputs}}
    options = [value for _, value in law.options if isinstance(value, str)]
    found = []
    for theta in coefficients(law):
        with jax.enable_x64(True), np.errstate(all="ignore"):
            predicted = np.asarray(law(theta, inputs))
            pairs = formula_text.sides(
                text, {**values, **theta}, law.output.symbol, predicted,
                options=options, vectors=vectors(law),
            )  # fmt: skip
        found.append(formula_text.largest_difference(pairs))
    return found


@functools.cache
def outcome(law: sj.Law, text: str) -> str:
    """Return an empty text if the code is what is printed, else what is wrong."""
    try:
        found = differences(law, text)
    except NotAnExpression as error:
        return f"cannot be read: {error}"
    if not any(p.name in printed_names(law, text) for p in law.parameters):
        # The formula is printed with its numbers: one of the estimates has these.
        return "" if min(found) <= AGREE else f"no estimate has the printed numbers ({min(found)})"
    return "" if max(found) <= AGREE else f"the sides differ by {max(found):.2g}"


def printed_names(law: sj.Law, text: str) -> set[str]:
    return set().union(*(n.names() for s in formula_text.statements(text) for n in s.right)) | {
        p.name for p in law.parameters if p.name.rstrip("0123456789_") != p.name
    }


@pytest.mark.parametrize("name", [n for n in LAWS if n not in NOT_EXPRESSIONS])
def test_code_is_the_printed_formula(name):
    for law in atlas.members(name):
        assert (law.label, outcome(law, law.publication.formula)) == (law.label, "")


@pytest.mark.parametrize("name", [n for n in LAWS if n in NOT_EXPRESSIONS])
def test_the_list_holds_only_what_cannot_be_compared(name):
    law = sj.laws.get(name)
    assert outcome(law, law.publication.formula), f"{name} can be compared: take it off the list"


def test_the_list_names_publications_and_gives_reasons():
    assert set(NOT_EXPRESSIONS) <= set(literature.names())
    assert all(reason for reason in NOT_EXPRESSIONS.values())


# The parser


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("y = a + b * x**(-c)", dict(a=1, b=2, c=2, x=2), 1.5),
        ("y = -x**2", dict(x=3), -9),
        ("y = 2**3**2", {}, 512),
        ("y = a - b - c", dict(a=1, b=2, c=3), -4),
        ("y = a/b*c", dict(a=1, b=2, c=3), 1.5),
        ("y = 1e-3*x + 2.5E2", dict(x=1), 250.001),
        ("y = prod_{i=1..n} (1 + d_i)**c_i", dict(d1=1, c1=2, d2=2, c2=1), 12),
        ("y = sum_i C_i*h_i + 1", dict(C_1=1, h_1=2, C_2=3, h_2=4), 15),
        ("y = prod_{x in w,a} (1 - P_x)", dict(P_w=0.5, P_a=0.2), 0.4),
        ("y = max(0, a) + min(a, b, c)", dict(a=-1, b=-2, c=0), -2),
        ("y = log2(8) + log10(100) + ln(exp(1)) + sqrt(4) + |a|", dict(a=-1), 9),
        ("y = LSE(a, b)", dict(a=np.log(2.0), b=np.log(3.0)), np.log(5.0)),
        ("y = a*b_hat ; 1/b_hat = 1/c + d", dict(a=2, c=1, d=1), 1),
        ("y = k(N)*2 - (log G)**2, k(N) = a/N", dict(a=6, N=3, G=1.0), 4),
        ("y = f(a) + f(b) ; f(x) = x**2 if x <= 1 else x", dict(a=0.5, b=3), 3.25),
        ("y = u + v ; u = 2*w ; w = v + 1", dict(v=1), 5),
        ("y = a + b with a = b", dict(b=2), 4),
        ("y = a*x (equivalently y/x = a) ; and more in words", dict(a=2, x=3), 6),
        ("y = a*x, the same shape as before", dict(a=2, x=3), 6),
    ],
)
def test_reads(text, values, expected):
    ((_, right),) = formula_text.sides(text, values, "y", 0.0)
    assert np.asarray(right) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "y", "values"),
    [
        ("log10 y(N) = a*log10(N)", 100.0, dict(a=2, N=10)),
        ("y - b = a*x", 7.0, dict(a=2, b=1, x=3)),
        ("-log(y(C)) = x", np.exp(-3.0), dict(x=3)),
        ("y**(-b) = x", 0.5, dict(b=2, x=4)),
        ("(y - a) / (b - y)**2 = x", 1.0, dict(a=0, b=2, x=1)),
    ],
)
def test_puts_the_prediction_in_for_the_output(text, y, values):
    pairs = formula_text.sides(text, values, "y", y)
    assert formula_text.largest_difference(pairs) < 1e-14
    wrong = formula_text.sides(text, values, "y", 1.01 * y)
    assert formula_text.largest_difference(wrong) > 1e-3


def test_chooses_the_statement_of_the_output_and_of_the_variant():
    text = "M1: y = a ; M2 (adopted): y = 2*a ; z = 3*a"
    assert formula_text.sides(text, dict(a=1), "z", 0.0)[0][1] == 3
    assert formula_text.sides(text, dict(a=1), "y", 0.0, options=["M2"])[0][1] == 2
    assert formula_text.sides(text, dict(a=1), "y", 0.0)[0][1] == 1


@pytest.mark.parametrize("text", ["y = the mean of the two", "y = a*(b", "words only", "y = x @ z"])
def test_refuses_words_and_names_that_nothing_defines(text):
    with pytest.raises(NotAnExpression):
        formula_text.sides(text, dict(a=1, b=1, x=1), "y", 0.0)


def test_a_wrong_law_is_found():
    law = sj.laws.get("chinchilla")
    assert outcome(law, law.formula) == ""
    assert "differ" in outcome(law, law.formula.replace("+ B", "- B"))
    assert "differ" in outcome(law, law.formula.replace("N**alpha", "N**beta"))
