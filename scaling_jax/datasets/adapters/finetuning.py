"""Fine-tuning: loss of pre-trained models against the number of training examples."""

from scaling_jax.datasets.adapters.reading import Columns, numbers, read_csv
from scaling_jax.datasets.adapters.shaping import melted
from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset


def finetune_sft(dataset: Dataset, task: str) -> Columns:
    """One row a model and number of examples; the loss without fine-tuning is a column."""
    table = read_csv(*fetch(dataset, f"benchmark/{task}.csv"))
    examples = [header for header in table if header.isdigit() and header != "0"]
    params, zero_shot, *losses = numbers(table, "size", "0", *examples)
    models = {
        "run": table["config name"],
        "family": table["family"],
        "params": params,
        "loss_zero_shot": zero_shot,
    }
    curves = dict(zip(map(float, examples), losses, strict=True))
    return melted(models, curves, key="examples", value="loss")
