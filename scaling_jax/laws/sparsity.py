"""Sparsity: loss of models with few non-zero weights."""

from scaling_jax.laws.declaration import Law
from scaling_jax.laws.forms import power
from scaling_jax.laws.parts import Parameter, Variable
from scaling_jax.laws.registry import family
from scaling_jax.laws.templates import sum_of_powers


@family("sparse_frantar")
def sparse_frantar(data: str = "tokens") -> Law:
    """Return the law over weight sparsity, with data counted in the column `data`."""

    def loss(params, sparsity, *, a_S, b_S, c_S, b_N, a_D, b_D, c, **columns):
        of_sparsity = a_S * power(1.0 - sparsity, b_S) + c_S
        return of_sparsity * power(params, -b_N) + power(a_D / columns[data], b_D) + c

    return Law(
        name="sparse_frantar",
        function=loss,
        inputs=(
            Variable(
                "sparsity", "S", "share of weights that are zero", "", (0.0, 0.875), (0.0, 1.0)
            ),
            Variable("params", "N", "non-zero parameters", usual=(1e6, 1e9)),
            Variable(data, "D", f"training {data}", usual=(1e9, 1e12)),
        ),
        output=Variable("loss"),
        parameters=(
            Parameter("a_S", "amplitude that sparsity lowers", "loss * params**b_N"),
            Parameter("b_S", "sparsity exponent"),
            Parameter("c_S", "amplitude at full sparsity", "loss * params**b_N"),
            Parameter("b_N", "model-size exponent"),
            Parameter("a_D", "scale of data", f"{data} * loss**(1/b_D)"),
            Parameter("b_D", "data exponent"),
            Parameter("c", "irreducible loss", "loss"),
        ),
        formula="L(S, N, D) = (a_S*(1-S)**b_S + c_S)*(1/N)**b_N + (a_D/D)**b_D + c",
        decreasing=("sparsity", "params", data),
    )


sum_of_powers(
    "journey_matters",
    "L = E + A/N_avg**alpha + B/D**beta, N_avg = (1/T)*sum_{t=1..T} N(t)",
    [
        (
            Variable(
                "average_params", "N_avg", "mean of the non-zero parameters over training",
                "parameters", (1e7, 1e10),
            ),
            "A",
            "alpha",
        ),
        (Variable("tokens", "D", "training tokens", usual=(1e9, 1e12)), "B", "beta"),
    ],
)  # fmt: skip
