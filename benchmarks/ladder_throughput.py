"""How fast the ladder trains here: beside a plain product, PyTorch, and one run at a time.

    python benchmarks/ladder_throughput.py

Model FLOPs are the recipe's own count: the matrix products of forward and backward pass, three
times the forward's. The largest rung of the calibration ladder trains on its own batches; the
product beside it is of two float32 matrices of 1024 x 1024; PyTorch trains the same model (same
shapes, rotary positions, norm, Adam, clipping) from the same batches, as it is and by
torch.compile where that works. All take turns within one process, and the best turn of each
counts: other work on the machine only ever adds. PyTorch is no dependency: `pip install torch`
beside the library; without it that part is left out.

Runs an hour of the smallest rung: whole ladders of eight seeds, each a process of its own from its
start to its table, with the seeds as lanes of one program, one after the other in the process, and
in a process each (two of which are measured), as separate scripts would be.
"""

import argparse
import contextlib
import functools
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from report import publish

from scaling_jax.ladder.corpora.corpus import open_corpus
from scaling_jax.ladder.ladder import Ladder
from scaling_jax.ladder.recipe import Recipe
from scaling_jax.ladder.training import Trainer
from scaling_jax.tables import Table

LADDER = "scaling_jax/datasets/ladder/stdlib.toml"
BATCH, RATE = 16, 0.008
STEPS = 8  # of a turn of the largest rung
SEEDS = 8  # of the smallest rung, side by side
SMALL_STEPS = 100
SHORT_TOKENS = 500_000  # of a run whose runs an hour are counted


def products() -> Callable[[], float]:
    """Return a function that gives the FLOP/s of a float32 product of two 1024 x 1024 matrices."""
    import jax
    import jax.numpy as jnp

    size, repeats = 1024, 20
    a = jnp.asarray(np.random.default_rng(0).standard_normal((size, size)), jnp.float32)
    multiply = jax.jit(lambda a: a @ a)
    multiply(a).block_until_ready()

    def turn() -> float:
        begun = time.perf_counter()
        for _ in range(repeats):
            multiply(a).block_until_ready()
        return 2 * size**3 * repeats / (time.perf_counter() - begun)

    return turn


def batches(examples: int) -> Iterator[np.ndarray]:
    """Yield tokens ``[examples, context + 1]`` of the standard library without end."""
    corpus = open_corpus({"kind": "stdlib"}, context=128)
    for batch in corpus.batches(seed=0, batch=examples, first=0, last=10**6):
        yield batch["tokens"]


def ours(recipe: Recipe, lanes: int, steps: int) -> Callable[[], float]:
    """Return a function that trains and gives tokens/s over all lanes; the first call compiles."""
    import jax

    trainer = Trainer(recipe)
    state = trainer.init(range(lanes))
    stream = batches(BATCH)
    rates = np.full((steps, lanes), RATE)

    def turn() -> float:
        nonlocal state
        begun = time.perf_counter()
        taken = np.stack([next(stream) for _ in range(steps)])
        tokens = {"tokens": np.repeat(taken[:, None], lanes, axis=1)}
        state, losses = trainer.advance(state, tokens, rates, steps)
        jax.block_until_ready(losses)
        return steps * lanes * BATCH * recipe.context / (time.perf_counter() - begun)

    turn()
    return turn


def torch_model(recipe: Recipe) -> tuple[list[Any], Callable[[Any], Any]]:
    """Return parameters and the mean nats of tokens ``[examples, context + 1]``, in PyTorch."""
    torch = importlib.import_module("torch")  # no dependency: type checkers may not find it
    functional = torch.nn.functional
    width, heads, hidden = recipe.width, recipe.heads, recipe.hidden_width
    generator = torch.Generator().manual_seed(0)

    def matrix(*shape: int, std: float) -> Any:
        return (torch.randn(*shape, generator=generator) * std).requires_grad_()

    layers = [
        {
            "inputs": matrix(width, 3 * width, std=width**-0.5),
            "mix": matrix(width, width, std=(2 * recipe.depth * width) ** -0.5),
            "up": matrix(width, 2 * hidden, std=width**-0.5),
            "down": matrix(hidden, width, std=(2 * recipe.depth * hidden) ** -0.5),
        }
        for _ in range(recipe.depth)
    ]
    embedding = matrix(recipe.vocab_size, width, std=1.0)
    output = torch.zeros(width, recipe.vocab_size).requires_grad_()
    half = recipe.head_dim // 2
    angles = torch.arange(recipe.context)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    cos, sin = angles.cos(), angles.sin()

    def normalise(x: Any) -> Any:
        return functional.rms_norm(x, (width,), eps=1e-6)

    def rotate(x: Any) -> Any:  # [examples, heads, tokens, head]
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def loss(tokens: Any) -> Any:
        examples, context = tokens.shape[0], recipe.context
        x = functional.embedding(tokens[:, :-1], embedding).reshape(-1, width)
        for layer in layers:
            split = (normalise(x) @ layer["inputs"]).reshape(examples, context, 3, heads, -1)
            query, key, value = split.permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(
                rotate(query), rotate(key), value, is_causal=True, scale=4.0 / recipe.head_dim
            )
            x = x + mixed.transpose(1, 2).reshape(-1, width) @ layer["mix"]
            gate, up = (normalise(x) @ layer["up"]).chunk(2, dim=-1)
            x = x + (functional.silu(gate) * up) @ layer["down"]
        logits = normalise(x) @ output * (recipe.base_width / width)
        return functional.cross_entropy(logits, tokens[:, 1:].reshape(-1))

    return [embedding, output, *(value for layer in layers for value in layer.values())], loss


def torch_turn(recipe: Recipe, steps: int, *, compiled: bool) -> Callable[[], float]:
    """Return a function that trains in PyTorch and gives tokens/s; the first call compiles."""
    torch = importlib.import_module("torch")
    params, loss = torch_model(recipe)
    if compiled:
        loss = torch.compile(loss)
    optimiser = torch.optim.Adam(params, lr=RATE, betas=(0.9, 0.95), eps=1e-10, foreach=True)
    stream = batches(BATCH)

    def turn() -> float:
        begun = time.perf_counter()
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=True)
            loss(torch.from_numpy(next(stream)).long()).backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimiser.step()
        return steps * BATCH * recipe.context / (time.perf_counter() - begun)

    turn()
    return turn


def largest(recipe: Recipe, turns: int) -> dict[str, float]:
    """Return the best rates of the largest rung: FLOP/s of the product, tokens/s of the models."""
    makers: dict[str, Callable[[], Callable[[], float]]] = {
        "product": products,
        "ours": functools.partial(ours, recipe, 1, STEPS),
        "torch": functools.partial(torch_turn, recipe, STEPS, compiled=False),
        "torch_compiled": functools.partial(torch_turn, recipe, STEPS, compiled=True),
    }
    programs = {}
    for name, make in makers.items():
        with contextlib.suppress(ImportError, RuntimeError):
            programs[name] = make()
    best = dict.fromkeys(programs, 0.0)
    for _ in range(turns):
        for name, turn in programs.items():
            best[name] = max(best[name], turn())
    return best


def smallest(recipe: Recipe, turns: int) -> dict[str, float]:
    """Return the best tokens/s of the smallest rung, one run at a time and all seeds in one."""
    programs = {
        "one": ours(recipe, 1, SMALL_STEPS),
        "together": ours(recipe, SEEDS, SMALL_STEPS),
    }
    best = dict.fromkeys(programs, 0.0)
    for _ in range(turns):
        for name, turn in programs.items():
            best[name] = max(best[name], turn())
    return best


def runs_an_hour(width: int) -> dict[str, float]:
    """Return runs an hour of ladders of one width: seeds together, in turn, in a process each."""
    return {
        "together": SEEDS / _ladder_seconds(width, range(SEEDS), SEEDS) * 3600,
        "in_turn": SEEDS / _ladder_seconds(width, range(SEEDS), 1) * 3600,
        "a_process_each": 3600 / float(np.mean([_ladder_seconds(width, [k], 1) for k in (0, 1)])),
    }


def _ladder_seconds(width: int, seeds: Any, lanes: int) -> float:
    """Return the time of a process that trains a ladder, without a cache of programs."""
    with tempfile.TemporaryDirectory() as folder:
        document = {
            "name": "seeds",
            "corpus": {"kind": "stdlib"},
            "recipe": {"depth": 2, "head_dim": 32},
            "training": {"batch_tokens": 2048, "learning_rate": RATE, "tokens": SHORT_TOKENS,
                         "warmup_steps": 40, "seeds": list(seeds), "lanes": lanes},
            "rungs": [{"width": width}],
        }  # fmt: skip
        code = (
            "import scaling_jax as sj\n"
            f"sj.ladder.run(sj.ladder.Ladder.of({document!r}), {folder!r})"
        )
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    turns = parser.parse_args().turns
    recipes: list[Any] = [group.recipe for group in Ladder.read(LADDER).groups]
    by_size = sorted(recipes, key=lambda recipe: recipe.params_total)
    large, small = by_size[-1], by_size[0]
    best, seeds = largest(large, turns), smallest(small, turns)
    hourly = runs_an_hour(small.width)
    flops = best["ours"] * large.flops_per_token()
    measured = {
        "largest": {"width": large.width, "params_no_embed": large.params_no_embed, **best,
                    "model_flops_per_second": flops, "of_the_product": flops / best["product"]},
        "smallest": {"width": small.width, "seeds": SEEDS, **seeds,
                     "steps_ratio": seeds["together"] / seeds["one"], "runs_an_hour": hourly},
    }  # fmt: skip
    rows = [
        ("float32 product, 1024 x 1024", None, best["product"] / 1e9, None),
        *(
            (f"{name}, width {large.width}", best[key], best[key] * large.flops_per_token() / 1e9,
             best[key] * large.flops_per_token() / best["product"])
            for key, name in (("ours", "the ladder"), ("torch", "PyTorch"),
                              ("torch_compiled", "PyTorch, compiled")) if key in best
        ),
        (f"one run, width {small.width}", seeds["one"],
         seeds["one"] * small.flops_per_token() / 1e9, None),
        (f"{SEEDS} seeds in one, width {small.width}", seeds["together"],
         seeds["together"] * small.flops_per_token() / 1e9, None),
    ]  # fmt: skip
    table = Table(
        "Training on this machine",
        ("program", "tokens/s", "GFLOP/s", "of the product"),
        tuple(rows),
        (
            f"runs of {SHORT_TOKENS:,} tokens an hour, width {small.width}: "
            f"{hourly['together']:.0f} as {SEEDS} lanes, {hourly['in_turn']:.0f} one after the "
            f"other, {hourly['a_process_each']:.0f} in a process each",
        ),
    )
    publish("ladder_throughput", table, measured)


if __name__ == "__main__":
    main()
