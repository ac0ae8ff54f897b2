"""Transfer, computed again: fine-tuning curves, selection, critical mixtures, effective data."""

from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from scaling_jax.datasets import load
from scaling_jax.fitting.fit import fit
from scaling_jax.laws import get
from scaling_jax.objectives import Huber, Objective, Squared
from scaling_jax.protocols.transfer import (
    accept_then_stop,
    alignment_score,
    continued_optimum,
    largest_domain_share,
    pretraining_worth,
    rectified_selection,
)
from scaling_jax.reproductions.record import Check, reproduction
from scaling_jax.runs import RunTable

_FULL = 1638400.0
_BUDGETS = (8, 16, 32, 64, 128, 256, 512)
_REPOSITORY = "linhaowei1/Fine-tuning-Scaling-Law"
_ATS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "flan": (
        (90.9, 73.1, 65.5, 61.1, 52.2, 50.5, 45.6),
        (93.6, 93.2, 93.2, 93.2, 85.3, 93.2, 93.2),
    ),
    "gigaword": (
        (98.9, 97.6, 96.9, 92.0, 91.1, 89.1, 91.0),
        (100.0, 91.4, 94.3, 100.0, 94.3, 94.3, 91.4),
    ),
}
_BASELINES = {"flan": (-10.7, -20.9), "gigaword": (-49.2, -24.4)}
_OUR_FIT = {
    "flan": {8: 77.9, 32: 54.4, 128: 54.9, 512: 36.8},
    "gigaword": {8: 97.0, 32: 88.3, 128: 83.6, 512: 78.5},
}
_MEAN_ERRORS = {"flan": (0.00648, 0.03583), "gigaword": (0.00515, 0.01057)}


def _curves(task: str) -> tuple[RunTable, list[str], np.ndarray, np.ndarray]:
    """Return the table, the models, the examples ``[sizes]`` and losses ``[models, sizes]``."""
    runs = load("finetune_sft", task=task)
    models, model_of = np.unique(np.asarray(runs["run"]), return_inverse=True)
    examples, size_of = np.unique(np.asarray(runs["examples"]), return_inverse=True)
    losses = np.empty((len(models), len(examples)))
    losses[model_of, size_of] = runs["loss"]
    return runs, models.tolist(), examples, losses


def _of_models(runs: RunTable, models: list[str], column: str) -> np.ndarray:
    """Return a column that is one number a model ``[models]``."""
    names = np.asarray(runs["run"])
    return np.array([float(np.asarray(runs[column])[names == model][0]) for model in models])


@reproduction(of="ats_selection", data=("finetune_sft",))
def model_selection() -> Iterator[Check]:
    """Accept-then-stop on FLAN and Gigaword at seven budgets, and the two baselines."""
    for task, (correlations, accuracies) in _ATS.items():
        runs, models, examples, losses = _curves(task)
        final = losses[:, -1]
        printed = zip(_BUDGETS, correlations, accuracies, strict=True)
        for part, correlation, accuracy in printed:
            found = accept_then_stop(examples, losses, _FULL / part, _FULL)
            where, source = f"{task}, 1/{part} of the data", f"{_REPOSITORY}, results/tab1.txt"
            ours = 100.0 * found.correlation(final)
            yield Check(f"PearCorr times 100, {where}", correlation, ours, 0.051, source=source)
            ours = 100.0 * found.relative_accuracy(final)
            yield Check(f"RelAcc times 100, {where}", accuracy, ours, 0.051, source=source)
        zero_shot = np.corrcoef(_of_models(runs, models, "loss_zero_shot"), final)[0, 1]
        size = np.corrcoef(np.log(_of_models(runs, models, "params")), final)[0, 1]
        for name, published, ours in zip(
            ("zero-shot loss", "model size"), _BASELINES[task], (zero_shot, size), strict=True
        ):
            yield Check(f"PearCorr times 100 of the {name}, {task}", published, 100.0 * float(ours),
                        0.051, source=f"{_REPOSITORY}, results/tab1.txt")  # fmt: skip


@reproduction(of="rectified_finetuning", data=("finetune_sft",))
def rectified_fits() -> Iterator[Check]:
    """Root-mean-square errors of the rectified law, model by model and on average."""
    lowest = (
        "least squares of the log loss is 1 % lower: the authors fit an auxiliary problem and then "
        "two of the four coefficients, which stops short of it for some models"
    )
    singles = {
        ("flan", "MBZUAI/LaMini-GPT-124M"): 0.0027,
        ("gigaword", "MBZUAI/LaMini-GPT-124M"): 0.00369,
        ("gigaword", "cerebras/Cerebras-GPT-2.7B"): 0.00202,
    }
    for task, (published, _) in _MEAN_ERRORS.items():
        _, models, examples, losses = _curves(task)
        errors = _errors("rectified_finetuning", examples, losses, Squared(scale="log"))
        for (of_task, model), error in singles.items():
            if of_task == task:
                ours = float(errors[models.index(model)])
                yield Check(f"error of the log loss, {model}, {task}", error, ours,
                            5e-5 if task == "flan" else 6e-6,
                            source=f"{_REPOSITORY}, results/rmsd.csv")  # fmt: skip
        yield Check(f"mean error of the log loss, {task}", published, float(np.mean(errors)), 5e-6,
                    source=f"{_REPOSITORY}, results/rmsd.csv", reason=lowest)  # fmt: skip


@reproduction(of="vanilla_finetuning", data=("finetune_sft",))
def vanilla_fits() -> Iterator[Check]:
    """Root-mean-square errors of the power law without a first phase, by its own objective."""
    reason = (
        "the objective is the authors' Huber loss, whose optimum need not have the least squared "
        "error; their fits from ten random starts end elsewhere for some models"
    )
    for task, (_, published) in _MEAN_ERRORS.items():
        _, _, examples, losses = _curves(task)
        errors = _errors("vanilla_finetuning", examples, losses, Huber(1e-3, scale="log"))
        yield Check(f"mean error of the log loss, {task}", published, float(np.mean(errors)), 5e-6,
                    source=f"{_REPOSITORY}, results/rmsd.csv", reason=reason)  # fmt: skip


def _errors(law: str, examples: np.ndarray, losses: np.ndarray, objective: Objective) -> np.ndarray:
    """Return the root-mean-square error of the log loss for each model."""
    tables = [RunTable.from_columns({"examples": examples, "loss": row}) for row in losses]
    residuals = [fit(law, table, objective, starts=64).residuals for table in tables]
    return np.sqrt(np.mean(np.square(residuals), axis=1))


@reproduction(of="rectified_finetuning", data=("finetune_sft",))
def rectified_model_selection() -> Iterator[Check]:
    """Selection by the rectified law on the affordable runs and the loss without fine-tuning."""
    reason = (
        "least squares on a handful of points; the authors' auxiliary problem ends elsewhere, and "
        "the correlation over 30 models moves by points with a single extrapolation"
    )
    for task, printed in _OUR_FIT.items():
        runs, models, examples, losses = _curves(task)
        zero_shot = _of_models(runs, models, "loss_zero_shot")
        for part, published in printed.items():
            budget = _FULL / part
            found = rectified_selection(
                examples, losses, budget, _FULL, zero_shot=zero_shot, starts=32
            )
            ours = 100.0 * found.correlation(losses[:, -1])
            yield Check(f"PearCorr times 100, {task}, 1/{part} of the data", published, ours, 0.05,
                        source=f"{_REPOSITORY}, results/tab2.txt", reason=reason)  # fmt: skip


@reproduction(of="cmr")
def critical_mixture_ratios() -> Iterator[Check]:
    """Critical shares at 20B tokens, and domain losses at a quarter from those at larger shares."""
    # Critical share, losses at the four larger shares, measured and predicted loss at a quarter.
    printed = {
        "model_460M": (29.8, (1.4628, 1.4844, 1.5122, 1.5387), 1.5561, 1.5566),
        "model_940M": (34.9, (1.3723, 1.3910, 1.4155, 1.4385), 1.4538, 1.4546),
        "model_1_6B": (41.4, (1.3242, 1.3416, 1.3643, 1.3854), 1.3994, 1.3999),
        "model_3_1B": (47.8, (1.2585, 1.2750, 1.2965, 1.3170), 1.3305, 1.3303),
    }
    shares = np.array([1.0, 0.75, 0.5, 1.0 / 3.0])
    law = get("cmr", output="loss")
    for name, (share, losses, measured, predicted) in printed.items():
        with jax.enable_x64(True):
            ours = 100.0 * float(get("cmr").published(name)(tokens=20e9))
        yield Check(f"critical share at 20B tokens, percent, {name}", share, ours, 0.05,
                    source="Table 5")  # fmt: skip
        runs = RunTable.from_columns({"domain_proportion": shares, "loss": np.array(losses)})
        found = fit(law, runs, Squared(scale="natural"), starts=64)
        ours = float(found(domain_proportion=0.25))
        yield Check(f"domain loss measured at 25 %, {name}", measured, ours, 1.5e-4,
                    source="Table 2")  # fmt: skip
        yield Check(
            f"domain loss predicted at 25 %, {name}", predicted, ours, 5e-5, source="Table 2",
            reason="least squares of the four printed losses comes nearer to the measured loss; "
            "how the paper fitted them is not printed",
        )  # fmt: skip


@reproduction(of="d_cpt")
def largest_chemistry_share() -> Iterator[Check]:
    """The largest share of chemistry that keeps the measured general loss within 3 %."""
    shares = [0.9, 0.91, 0.92, 0.924, 0.93, 0.94, 1.0]
    general = [2.9052, 2.9193, 2.9376, 2.9445, 2.9644, 2.9848, 3.4667]
    ours = largest_domain_share(lambda at: np.interp(at, shares, general), 2.8602, 0.03)
    yield Check("largest share of domain data", 0.924, ours, 1e-3, source="section 4.4")


@reproduction(of="llm_finetuning_joint")
def finetuning_exponents() -> Iterator[Check]:
    """What the table of coefficients is said to show."""
    estimates = get("llm_finetuning_joint").published()

    def exponents(task: str, method: str) -> dict[str, float]:
        name = f"{task}_{method}"
        found = {x: estimates.get(f"{name}_{x}") for x in ("params", "tokens", "pet_size")}
        return {x: e.params["alpha"] for x, e in found.items() if e is not None}

    tasks, methods = ("en_de", "en_zh", "mlsum"), ("full", "prompt", "lora")
    cells = [exponents(task, method) for task in tasks for method in methods]
    larger = sum(cell["params"] > cell["tokens"] for cell in cells)
    yield Check("cells of 9 where model size has the larger exponent", 9, larger, 0,
                source="Table 4")  # fmt: skip
    tuned = max(abs(cell["pet_size"]) for cell in cells if "pet_size" in cell)
    yield Check("largest exponent of the tuned size, said to be far below 0.01", 0.0, tuned, 5e-3,
                source="Table 4")  # fmt: skip
    beta = {name: estimate.params["beta"] for name, estimate in estimates.items()}
    steepest = sum(
        beta[f"{task}_full_params"] > max(beta[f"{task}_{m}_params"] for m in ("prompt", "lora"))
        for task in tasks
    )
    yield Check("tasks of 3 where full tuning has the largest beta", 3, steepest, 0,
                source="Table 4")  # fmt: skip


@reproduction(of="transfer_effective_data")
def effective_data() -> Iterator[Check]:
    """Effective data of GPT-3's size, and what model size is worth in data."""
    law = get("transfer_effective_data")
    at_gpt3 = {"finetuning_data": 1.0, "params": 1.75e11}
    with jax.enable_x64(True):
        for name, published in (("text", 3.7e8), ("text_and_code", 4.1e9)):
            theta = law.published(name).params
            ours = float(law(theta, at_gpt3))
            # The last printed digit of beta alone is a factor 1.75e11**0.005.
            yield Check(f"characters from one at 175B parameters, {name}", published, ours, 0.138,
                        relative=True, source="section 1")  # fmt: skip
        theta = law.published("text").params
        small = {"finetuning_data": 3e5, "params": 4e7}
        ratio = float(law(theta, small)) / 3e5
    yield Check(
        "transferred over fine-tuning data, 40M parameters and 3e5 characters", 1000.0, ratio, 0.25,
        relative=True, source="Figure 2",
        reason="the printed law of text gives 475 and that of text and code 1820; the thousand is "
        "read off a curve and rounded to a power of ten",
    )  # fmt: skip
    yield Check("fine-tuning data that ten times the parameters are worth", 100.0,
                pretraining_worth(theta), 0.3, relative=True, source="section 1")  # fmt: skip


@reproduction(of="downstream_bleu_log_law")
def alignment_scores() -> Iterator[Check]:
    """Alignment of pre-training languages with English to French."""
    for quantity, published, shares in (
        ("half English, half French", 1.0, (0.5, 0.5)),
        ("English only", 0.7, (1.0, 0.0)),
        ("French only", 0.8, (0.0, 1.0)),
        ("German only", 0.0, (0.0, 0.0)),
    ):
        yield Check(f"alignment, {quantity}", published, alignment_score(*shares), 1e-12,
                    source="section 4")  # fmt: skip


@reproduction(of="cross_lingual_cpt")
def cross_lingual_optima() -> Iterator[Check]:
    """Exponents of the optimum, and the printed coefficients against the printed frontiers."""
    law, printed = get("cross_lingual_cpt"), get("cross_lingual_cpt").published()
    with jax.enable_x64(True):
        for name, a in (("from_scratch", 0.429), ("continued", 0.385)):
            theta = printed[name].params
            (small, large), (few, many) = continued_optimum(theta, jnp.array([1e20, 1e21]))
            where = f"{name}, Table 2b"
            yield Check(f"exponent of parameters, {name}", a, float(jnp.log10(large / small)), 5e-4,
                        source=where)  # fmt: skip
            yield Check(f"exponent of tokens, {name}", 1.0 - a, float(jnp.log10(many / few)), 5e-4,
                        source=where)  # fmt: skip
        compute, losses, lines = 1e21, {}, {}
        for name in ("from_scratch", "continued"):
            theta = printed[name].params
            params, tokens = continued_optimum(theta, compute)
            losses[name] = float(law(theta, {"params": params, "tokens": tokens}))
            line = printed[f"frontier_{name}"].facts
            lines[name] = line["coef"] * compute ** line["exponent"]
    published, ours = (x["continued"] / x["from_scratch"] for x in (lines, losses))
    yield Check(
        "loss continued over from scratch, at 1e21 FLOP", published, ours, 0.01,
        source="section 4.2",
        reason="the printed coefficients contradict the text: with beta2 = 0.2 and gamma = 0.08, "
        "one digit each, continuing is the worse beyond 1e10 tokens",
    )  # fmt: skip
