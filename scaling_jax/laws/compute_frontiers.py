"""Compute frontiers: the best loss, model size and tokens that a compute budget allows."""

import jax
import jax.numpy as jnp

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import INF, REAL_LINE, SCALE, Parameter, Variable
from scaling_jax.laws.registry import law
from scaling_jax.laws.templates import (
    FALLING,
    RISING,
    alternatives,
    power_law,
    powers,
    scaled_power_law,
)

_SHARE = (0.0, 1.0)  # of the exponents of model size and tokens, which sum to one
_FALLING_START = (-0.5, -0.02)


def _compute(meaning: str = "", usual: tuple[float, float] = (1e15, 1e26), symbol: str = "C"):
    return Variable("compute_flops", symbol, meaning, usual=usual)


# Kaplan et al. and Henighan et al.: PF-days of non-embedding compute

_KAPLAN_COMPUTE = _compute(
    "non-embedding compute at a batch far below the critical one", (1e12, 1e24), "C_min"
)

scaled_power_law(
    "kaplan_cmin",
    "L(C_min) = (C_c_min / C_min)**alpha_C_min ; C_min = C / (1 + B / B_crit(L))",
    _KAPLAN_COMPUTE,
    "loss",
    scale="C_c_min",
    exponent="alpha_C_min",
    start=(0.02, 1.0),
)


def _kaplan_efficient(output: Variable, letter: str) -> Law:
    return powers(
        "kaplan_efficient",
        "N_opt = N_e * C_min**p_N ; B_crit = B_e * C_min**p_B ; S_min = S_e * C_min**p_S ; "
        "D_opt = D_e * C_min**p_D ; p_X predicted = alpha_C_min / alpha_X for X in {N,B,S}, "
        "alpha_C_min = 1/(1/alpha_S + 1/alpha_B + 1/alpha_N)",
        [_KAPLAN_COMPUTE],
        output,
        amplitude=f"{letter}_e",
        exponents=[f"p_{letter}"],
        bounds=[RISING],
    )


alternatives(
    {
        "params": _kaplan_efficient(Variable("params", "N_opt"), "N"),
        "batch_tokens": _kaplan_efficient(Variable("batch_tokens", "B_crit"), "B"),
        "step": _kaplan_efficient(Variable("step", "S_min"), "S"),
        "tokens": _kaplan_efficient(Variable("tokens", "D_opt"), "D"),
    }
)

scaled_power_law(
    "henighan_nopt",
    "N_opt(C) = (C / C_N)**beta",
    _compute("non-embedding compute", (1e14, 1e24)),
    Variable("params", "N_opt", "non-embedding parameters"),
    scale="C_N",
    exponent="beta",
    rising=True,
)


# Two power laws of the budget, one of model size and one of tokens


def _allocation(
    name: str,
    formula: str,
    size: Variable,
    coefficients: tuple[str, str],
    data_coefficients: tuple[str, str],
    compute: Variable,
) -> None:
    """Register the optimal model size, and the optimal tokens as the other output."""
    tokens = Variable("tokens", "D_opt")
    alternatives(
        {
            output.column: powers(
                name, formula, [compute], output, amplitude=k, exponents=[e], bounds=[_SHARE]
            )
            for output, (k, e) in ((size, coefficients), (tokens, data_coefficients))
        }
    )


_allocation(
    "chinchilla_approach1",
    "N_opt = k_N * C**a ; D_opt = k_D * C**b (a + b = 1)",
    Variable("params", "N_opt"),
    ("k_N", "a"),
    ("k_D", "b"),
    _compute(),
)
_allocation(
    "chinchilla_approach2",
    "per budget C: L = c0 + c1*ln(N) + c2*ln(N)**2 -> N_opt(C) = exp(-c1/(2*c2)); then "
    "N_opt = k_N*C**a, D_opt = k_D*C**b",
    Variable("params", "N_opt"),
    ("k_N", "a"),
    ("k_D", "b"),
    _compute(),
)
_allocation(
    "porian_nopt",
    "N_opt(C) = coef * C**a ; D_opt(C) = coef_t * C**b",
    Variable("params", "N_opt"),
    ("coef", "a"),
    ("coef_t", "b"),
    _compute("budget under the stated count of FLOP", (1e16, 1e24)),
)
_allocation(
    "deepseek_alloc",
    "M_opt = M_base * C**a ; D_opt = D_base * C**b ; "
    "M = 72*n_layer*d_model**2 + 12*n_layer*d_model*l_seq ; C = M * D",
    Variable(
        "flops_per_token",
        "M_opt",
        "non-embedding training FLOP per token, attention included",
        "FLOP per token",
        bounds=SCALE,
    ),
    ("M_base", "a"),
    ("D_base", "b"),
    _compute("training compute C = M * D", (1e17, 1e25)),
)

alternatives(
    {
        column: powers(
            "xlstm_isoflop",
            "x_opt(C) = a*C**alpha",
            [_compute("training compute, counted exactly per architecture", (1e18, 1e23))],
            Variable(column, "x_opt"),
            amplitude="a",
            exponents=["alpha"],
            bounds=[RISING],
        )
        for column in ("params", "tokens")
    }
)


_LLAMA_COMPUTE = _compute(usual=(1e18, 1e27))
_LLAMA_FORMULA = "D_opt(C) = A * C**alpha ; N_opt = C / (6 * D_opt)"


def _llama3_params(compute_flops, *, A, alpha):
    """Return what is left of the budget for parameters, with C = 6*N*D."""
    return power(compute_flops, 1.0 - alpha) / (6.0 * A)


alternatives(
    {
        "tokens": powers(
            "llama3_isoflop",
            _LLAMA_FORMULA,
            [_LLAMA_COMPUTE],
            Variable("tokens", "D_opt"),
            exponents=["alpha"],
            bounds=[_SHARE],
        ),
        "params": Law(
            name="llama3_isoflop",
            function=_llama3_params,
            inputs=(_LLAMA_COMPUTE,),
            output=Variable("params", "N_opt"),
            parameters=(
                Parameter("A", "amplitude of the tokens", "compute_flops**(1-alpha) / params"),
                Parameter("alpha", "exponent of the tokens", bounds=_SHARE),
            ),
            formula=_LLAMA_FORMULA,
            increasing=("compute_flops",),
        ),
    }
)

power_law(
    "hestness_model_size",
    "s(m) = alpha_s * m**beta_p",
    Variable("examples", "m", "training-set size", usual=(1e3, 1e10), bounds=SCALE),
    Variable("params", "s", "parameters of the best-fit model"),
    amplitude="alpha_s",
    exponent="beta_p",
    bounds=(0.5, 1.0),
)


# Native multimodal models: a loss surface and the frontier that follows from it

_DECODER = Variable("active_params", "N", "active parameters of the multimodal decoder")
_MULTIMODAL = (
    "L = E + A/N**alpha + B/D**beta ; N_opt ~ C**a ; D_opt ~ C**b ; L_opt ~ C**c ; "
    "D_opt ~ N_opt**d ; C = 6*N*D (early), 6*(Nv*Dv + N*D) (late)"
)


def _multimodal_loss(active_params, tokens, *, E, A, B, alpha, beta):
    """Return the loss surface of Chinchilla's form in active parameters."""
    return E + A * power(active_params, -alpha) + B * power(tokens, -beta)


def _multimodal_power(x: Variable, y: Variable, amplitude: str, exponent: str, bounds) -> Law:
    start = _FALLING_START if bounds == FALLING else None
    return powers(
        "native_multimodal",
        _MULTIMODAL,
        [x],
        y,
        amplitude=amplitude,
        exponents=[exponent],
        bounds=[bounds],
        starts=[start],
    )


_MULTIMODAL_COMPUTE = _compute(usual=(1e18, 1e24))
alternatives(
    {
        "loss": Law(
            name="native_multimodal",
            function=_multimodal_loss,
            inputs=(_DECODER, Variable("tokens", "D", "multimodal tokens")),
            output=Variable("loss", "L", "validation cross-entropy"),
            parameters=(
                Parameter("E", "irreducible loss", unit="loss"),
                Parameter("A", "model-size amplitude", unit="loss * active_params**alpha"),
                Parameter("B", "data amplitude", unit="loss * tokens**beta"),
                Parameter("alpha", "model-size exponent"),
                Parameter("beta", "data exponent"),
            ),
            formula=_MULTIMODAL,
            decreasing=("active_params", "tokens"),
        ),
        "active_params": _multimodal_power(
            _MULTIMODAL_COMPUTE, Variable("active_params", "N_opt"), "k_N", "a", _SHARE
        ),
        "tokens": _multimodal_power(
            _MULTIMODAL_COMPUTE, Variable("tokens", "D_opt"), "k_D", "b", _SHARE
        ),
        "optimal_loss": _multimodal_power(
            _MULTIMODAL_COMPUTE, Variable("loss", "L_opt"), "coef", "c", FALLING
        ),
        "tokens_of_params": _multimodal_power(
            Variable("active_params", "N_opt"), Variable("tokens", "D_opt"), "k_M", "d", RISING
        ),
    }
)


# Quality against compute on other scales

_HSTU = "HR(C) = p0 + p1 * ln(C) ; NE(C) = q0 - q1 * ln(C)"
_HSTU_COMPUTE = _compute("training compute", (1e19, 1e24))


def _hit_rate(compute_flops, *, p0, p1):
    """Return the hit rate of retrieval."""
    return p0 + p1 * jnp.log(compute_flops)


def _normalised_entropy(compute_flops, *, q0, q1):
    """Return the normalised entropy of ranking."""
    return q0 - q1 * jnp.log(compute_flops)


alternatives(
    {
        "hit_rate": Law(
            name="hstu",
            function=_hit_rate,
            inputs=(_HSTU_COMPUTE,),
            output=Variable("hit_rate", "HR", "hit rate of retrieval"),
            parameters=(
                Parameter("p0", "value at C = 1", bounds=REAL_LINE),
                Parameter("p1", "gain per e-fold of compute"),
            ),
            formula=_HSTU,
            increasing=("compute_flops",),
        ),
        "normalised_entropy": Law(
            name="hstu",
            function=_normalised_entropy,
            inputs=(_HSTU_COMPUTE,),
            output=Variable("normalised_entropy", "NE", "normalised entropy of ranking"),
            parameters=(
                Parameter("q0", "value at C = 1", bounds=REAL_LINE),
                Parameter("q1", "fall per e-fold of compute"),
            ),
            formula=_HSTU,
            decreasing=("compute_flops",),
        ),
    }
)


# Progress over the years

_RATE = (0.0, 0.1)


@law(
    name="algorithmic_progress_lm",
    formula="L = exp(aconst - ayear*(Y - Y0) - aparam*log(N/N0)) + "
    "exp(bconst - byear*(Y - Y0) - bdata*log(D/D0))",
    parameters=[
        Parameter("aconst", "logarithm of the model-size term at N0 and Y0", bounds=REAL_LINE),
        Parameter("ayear", "progress of the model-size term a year", bounds=REAL_LINE, start=_RATE),
        Parameter("aparam", "model-size exponent", bounds=REAL_LINE, start=(0.0, 0.5)),
        Parameter("bconst", "logarithm of the data term at D0 and Y0", bounds=REAL_LINE),
        Parameter("byear", "progress of the data term a year", bounds=REAL_LINE, start=_RATE),
        Parameter("bdata", "data exponent", bounds=REAL_LINE, start=(0.0, 0.5)),
        Parameter("N0", "reference size, to be held: the smallest of the data", unit="params"),
        Parameter("D0", "reference tokens, to be held: the fewest of the data", unit="tokens"),
        Parameter("Y0", "reference year, to be held: the first of the data", start=(2000, 2030)),
    ],
    inputs=[
        Variable("params", "N"),
        Variable("tokens", "D"),
        Variable("year", "Y", "year of publication", "years", usual=(2012, 2030)),
    ],
    decreasing=["params", "tokens", "year"],
)
def algorithmic_progress_lm(
    params, tokens, year, *, aconst, ayear, aparam, bconst, byear, bdata, N0, D0, Y0
):
    """Return the loss, which falls with size, data and the year of publication.

    The references only shift `aconst` and `bconst`: hold them with `fix`.
    """
    years = year - Y0
    size = aconst - ayear * years - aparam * (jnp.log(params) - jnp.log(N0))
    data = bconst - byear * years - bdata * (jnp.log(tokens) - jnp.log(D0))
    return jnp.exp(size) + jnp.exp(data)


@law(
    name="densing_law",
    formula="ln(rho_max(t)) = A*t + B; rho = N_hat(S)/N with N_hat from "
    "S = c/(1+exp(-gamma*(L-l))) + d and L = a*N**(-alpha) + b*D**(-beta)",
    parameters=[
        Parameter("A", "growth a day", unit="1/days"),
        Parameter("B", "logarithm of the density at t = 0", bounds=REAL_LINE),
    ],
    inputs=[
        Variable("days", "t", "days since the reference", "days", (1.0, 2000.0), bounds=(0.0, INF))
    ],
    output=Variable("density", "rho_max", "largest effective over actual parameters", bounds=SCALE),
    increasing=["days"],
    returns="log",
)
def densing_law(days, *, A, B) -> jax.Array:
    """Return the logarithm of the largest capability density."""
    return A * days + B
