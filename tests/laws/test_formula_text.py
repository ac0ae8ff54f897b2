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

_SATURATED = "1/E_hat = 1/(E - 1 + (1/E_start - 1/E_max)**(-1)) + 1/E_max"
_ALLOCATION = "G = (alpha*A/(beta*B))**(1/(alpha+beta)) ; N_opt = G*(G*U)**(beta/alpha)"

# Formulas whose print leaves something to words, to another entry or to the reader, written out:
# (what is left open, the text that the code is compared with). The labels are options of families.
RESTATED: dict[str, tuple[str, str]] = {
    "clark_epc": (
        "E_hat is that of clark_routed",
        "N_eff = N**(alpha(E_hat)/alpha(E_start)) * (E_hat/E_start)**(b/alpha(E_start)) ; "
        "alpha(E) = a + c*log10(E) ; " + _SATURATED,
    ),
    "clark_flops_utilisation": (
        "B saturates 'as for E', which has an E - 1 that a ratio of FLOPs cannot have",
        "log10 L = a*log10(F) + b*log10(B_hat) + c*log10(F)*log10(B_hat) + d ; B = P/F ; "
        "1/B_hat = 1/(B + (1/B_start - 1/B_max)**(-1)) + 1/B_max",
    ),
    "data_constrained_exponent_decay": (
        "N_opt(U) is that of data_constrained",
        "L = E + A/N**(alpha*max(0, 1 - R_N/R_N_star)) + B/D**(beta*max(0, 1 - R_D/R_D_star)) ; "
        "R_D = max(0, D/U - 1) ; R_N = max(0, N/N_opt - 1) ; " + _ALLOCATION,
    ),
    "data_constrained_geometric": (
        "G is that of data_constrained",
        "L = E + A/(U_N*(1-(1-delta_N)**(N/U_N))/delta_N)**alpha + "
        "B/(U*(1-(1-delta_D)**(D/U))/delta_D)**beta ; U_N = min(N, N_opt) ; " + _ALLOCATION,
    ),
    "data_constrained_one_sided": (
        "R_D, U_N and R_N are those of data_constrained",
        "data: L = E + A/N**alpha + B/(U_D + U_D*R_D_star*(1-exp(-R_D/R_D_star)))**beta ; "
        "params: L = E + A/(U_N + U_N*R_N_star*(1-exp(-R_N/R_N_star)))**alpha + B/D**beta ; "
        "U_D = min(D, U) ; R_D = max(D/U_D - 1, 0) ; U_N = min(N, N_opt) ; "
        "R_N = max(N/U_N - 1, 0) ; " + _ALLOCATION,
    ),
    "data_mixing_law_implicit": (
        "softmax is said in words",
        "L = bias + sum_{m=1..K} w_m*exp(b_m + sum_j t_mj*r_j) ; "
        "w_m = exp(weight_m)/(sum_i exp(weight_i))",
    ),
    "diloco_bs": ("joint stands without a colon", "joint: B = A*N**alpha*M**beta"),
    "diloco_lr": ("joint stands without a colon", "joint: gamma = A*N**alpha*M**beta"),
    "efficiency_leverage": (
        "the bases of the logarithms are inferred, which the publication's doubt says",
        "all: EL = A_hat**(alpha + gamma*log2(G)**2 + beta*log2(G)) ; alpha = a + d*log10(C) ; "
        "1/A_hat = 1/(A + (1/A_start - 1/A_max)**(-1)) + 1/A_max ; "
        "activation: log EL = a_A*log(A_hat) ; compute: log EL = a_C*log(C) + c_C ; "
        "granularity: log EL = a_G + b_G*log2(G)*(log2(G) + c_G)",
    ),
    "fast_model_scaling": (
        "'x' says times",
        "activations: f = s**(e_d + e_w/2 + e_r) ; parameters: f = s**(e_d + e_w) ; "
        "params: f = s**(e_d + e_w) ; depth: f = s**e_d ; width: f = s**(e_w/2) ; "
        "resolution: f = s**(e_r/2) ; e_w = alpha ; e_d = (1-alpha)/2 ; e_r = (1-alpha)/2",
    ),
    "michaud_quantization": (
        "the sums run to infinity",
        "quanta: L_n = a*(1 - rest) + b*rest ; rest = zeta(alpha+1, n+1)/zeta(alpha+1)",
    ),
    "native_multimodal": ("~ leaves out the factor", "L_opt = coef*C**c"),
    "projektor": (
        "stage 2 with the losses at both sizes as coefficients",
        "2: L = (log(n1/n2)*L0 - log(n0/n2)*L1)/log(n1/n0) ; n0 = smaller ; n1 = larger",
    ),
    "sld_domain_mixture": ("W @ x for one output", "y = sum_i W_i*x_i**exp(u_i) + b"),
    "sld_lr_bsz": (
        "a polynomial in words",
        "log L = theta_0 + theta_lr*l + theta_bsz*b + theta_D*d + theta_N*n + theta_lr_lr*l*l + "
        "theta_lr_bsz*l*b + theta_lr_D*l*d + theta_lr_N*l*n + theta_bsz_bsz*b*b + theta_bsz_D*b*d "
        "+ theta_bsz_N*b*n + theta_D_D*d*d + theta_D_N*d*n + theta_N_N*n*n ; l = log(lr) ; "
        "b = log(bsz) ; d = log(D) ; n = log(N)",
    ),
    "u_shape_slice_sandwich": (
        "'mean of the two fits' is said in words",
        "easy: TC = sum_{i=0..5} e_i*x**i ; hard: TC = sum_{i=0..2} h_i*x**i ; x = log10(C/1e21)",
    ),
    "vocab_parametric": (
        "f is named in words; the published script divides V by 1000 before, as its notes say",
        "V/1000: L_u = -E + A1/N_nv**alpha1 + A2/N_v**alpha2 + B/(H*f(v))**beta ; v = V/1000 ; "
        "f(u) = 0.00639222*ln(u)**2 - 0.15811069*ln(u) + 1.20470122",
    ),
    "zhang_cbs": (
        "the three settings stand in brackets",
        "chinchilla: B_star = c_N*N**p ; fixed_data: B_star = c_f*N**q ; "
        "fixed_model: B_star = c_D*D**r",
    ),
}

# Laws whose own formula, the one that readers see, is complete where the catalogue's is not: it
# is compared in its place.
OWN_FORMULA: dict[str, str] = {
    "atlas": "the sum runs over whichever languages transfer",
    "bahri_four_regimes": "four regimes in words, '~' without factors",
    "boardgame_train_test": "both lines are introduced in words",
    "data_quality_q": "at one model size the term of N is part of E",
    "llama3_downstream": "two steps, chained",
    "llama3_two_step": "two steps, chained",
    "mixed_modal_competition": "L on the right is that of mixed_modal_unimodal",
    "monkeys_power_law": "'~ for large k'",
    "obs_capability_loglinear": "vectors by the index of the family",
    "obs_sigmoid_downstream": "a scalar product of vectors",
    "precision_training": "the offsets of the fit are said in words",
    "rag_inference_scaling": "a scalar product of vectors",
    "river_valley": "only the stationary hill has a formula",
    "robomonkey_action_error": "the same line again for e, after that for log(e)",
    "rosetta_stone": "the drift of b_t is said in words",
    "sld_vocab": "a polynomial in words, its terms are an option",
    "sloth": "a scalar product of vectors",
    "tails_generations": "'~' without factors",
    "vb_vs_vf": "a bound up to a factor",
}

# Laws whose formula no text of one line can state; what else tests them is in tests/laws.
NOT_EXPRESSIONS: dict[str, str] = {
    "annealing_momentum_law": "a recursion over the steps of a schedule",
    "annealing_momentum_law_n": "a recursion over the steps of a schedule",
    "chinchilla_pca3": "a matrix whose numbers are not in the formula",
    "convex_schedule_bound": "sums over the steps of a schedule",
    "data_filtering_effective_data": "a sum over neighbouring epochs",
    "data_filtering_mixture": "the law of data_filtering_utility in words",
    "data_filtering_utility": "a product over neighbouring epochs",
    "forward_momentum_law": "a recursion over the steps of a schedule",
    "functional_scaling_law": "an integral over the steps of a schedule",
    "maloney_solvable": "Delta solves an equation with a sum over thousands of features",
    "multi_power_law": "sums over the steps of a schedule",
    "tails_hutter": "a sum over a vocabulary without end, normalised in words",
    "tails_mixing": "a sum over a vocabulary without end, normalised in words",
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


def both_sides(
    law: sj.Law, text: str, theta: dict[str, float], inputs: dict[str, np.ndarray], predicted
) -> list[tuple[formula_text.Value, formula_text.Value]]:
    """Return the sides of the output's statement with the code's prediction put in."""
    chosen = dict(law.fixed)
    chosen |= {n: float(v) for n, v in law.options if isinstance(v, int | float)}
    values = {**chosen, **inputs, **{v.symbol: inputs[v.column] for v in law.inputs}, **theta}
    options = [str(value) for _, value in law.options]
    return formula_text.sides(
        text, values, law.output.symbol, predicted, options=options, vectors=vectors(law)
    )


def differences(law: sj.Law, text: str) -> list[float]:
    """Return the largest relative difference of both sides for each set of coefficients."""
    inputs = atlas.usual_points(law, POINTS, seed=3)
    found = []
    for theta in coefficients(law):
        with jax.enable_x64(True), np.errstate(all="ignore"):
            pairs = both_sides(law, text, theta, inputs, np.asarray(law(theta, inputs)))
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


def texts(law: sj.Law) -> list[str]:
    """Return the texts that the law may be compared with: the catalogue's, or what completes it."""
    found = [law.publication.formula]
    if law.name in OWN_FORMULA:
        found.append(law.formula)
    if law.name in RESTATED:
        found.append(RESTATED[law.name][1])
    return found


@pytest.mark.parametrize("name", [n for n in LAWS if n not in NOT_EXPRESSIONS])
def test_code_is_the_printed_formula(name):
    for law in atlas.members(name):
        outcomes = [outcome(law, text) for text in texts(law)]
        assert "" in outcomes, (law.label, outcomes)


@pytest.mark.parametrize("name", LAWS)
def test_the_formula_that_a_law_shows_is_its_own(name):
    """A law that shows another text than its publication's shows one that is true."""
    for law in atlas.members(name):
        if law.formula != law.publication.formula and name not in NOT_EXPRESSIONS:
            found = outcome(law, law.formula)
            assert found == "" or "" in [outcome(law, text) for text in texts(law)], found
            assert "differ" not in found or name in RESTATED, (law.label, found)


@pytest.mark.parametrize("name", sorted({*RESTATED, *OWN_FORMULA, *NOT_EXPRESSIONS} & {*LAWS}))
def test_the_lists_hold_only_what_needs_to_be_there(name):
    found = [outcome(law, law.publication.formula) for law in atlas.members(name)]
    assert any(found), f"{name} can be compared as it is printed: take it off the list"


def test_the_lists_name_publications_once_and_give_reasons():
    named = [*RESTATED, *OWN_FORMULA, *NOT_EXPRESSIONS]
    assert len(named) == len(set(named))
    assert set(named) <= set(literature.names())
    reasons = [why for why, _ in RESTATED.values()]
    assert all([*reasons, *OWN_FORMULA.values(), *NOT_EXPRESSIONS.values()])


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
