"""Draws as an npz file without pickle: arrays, and a JSON text that says what they are.

| version | holds |
|---|---|
| 1 | parameters, and the objective of each refit |
| 2 | also how new runs scatter, the chains, and the law's error beyond its runs |
| 3 | also the groups that were sampled together, and how good importance weights are |
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax.errors import ArtifactError, listing
from scaling_jax.uncertainty.convergence import Sampler
from scaling_jax.uncertainty.discrepancy import Discrepancy
from scaling_jax.uncertainty.groups import Groups
from scaling_jax.uncertainty.likelihoods import Counts, Gaussian, HuberNoise, Likelihood, StudentT
from scaling_jax.uncertainty.scatter import Sampled, Scatter

FORMAT = "scaling_jax.draws"
VERSION = 3
READABLE = (1, 2, 3)

Arrays = dict[str, np.ndarray]
_ABOUT = ("version", "law", "method", "failed", "unconverged", "parameters", "checksum")
_LIKELIHOODS: tuple[type[Likelihood], ...] = (Gaussian, StudentT, HuberNoise, Counts)
_OF_SAMPLER = tuple(
    f.name
    for f in dataclasses.fields(Sampler)
    if f.name not in ("names", "floors", "pareto_k", "effective")
)
_OF_GROUPS = ("population", "spread", "deviations")
_OF_DISCREPANCY = tuple(f.name for f in dataclasses.fields(Discrepancy))


def encode(about: dict[str, Any], arrays: Arrays) -> bytes:
    """Return the bytes of a file."""
    about = {"format": FORMAT, "version": VERSION, **about, "checksum": _checksum(arrays)}
    stream = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez_compressed(stream, about=text, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def decode(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Return what a file says of itself, and its arrays.

    Raises:
        ArtifactError: The file is absent, damaged, of an unknown version, or something else.
    """
    about, arrays = _read(path)
    if about["version"] not in READABLE:
        raise ArtifactError(
            f"{path} has format version {about['version']}, this library reads versions "
            f"{listing(map(str, READABLE))}; make the draws again"
        )
    covered = arrays
    if about["version"] == 1:
        covered = {n: arrays[f"param_{n}"] for n in about["parameters"] if f"param_{n}" in arrays}
    if _checksum(covered) != about["checksum"]:
        raise ArtifactError(f"{path} is damaged (its checksum does not match)")
    return about, arrays


def noise_out(noise: Scatter | None) -> tuple[dict[str, Any], Arrays]:
    """Return how new runs scatter as words and arrays; nothing if as a fit's residuals do.

    Raises:
        ArtifactError: A likelihood that is not the library's own.
    """
    if noise is None:
        return {}, {}
    if not isinstance(noise, Sampled) or type(noise.likelihood) not in _LIKELIHOODS:
        what = type(getattr(noise, "likelihood", noise)).__name__
        raise ArtifactError(
            f"draws whose new runs scatter by {what} cannot be saved; save the parameters with "
            "dataclasses.replace(draws, noise=None)"
        )
    words = {
        "likelihood": {
            "name": type(noise.likelihood).__name__,
            "settings": dataclasses.asdict(noise.likelihood),
        },
        "noise": list(noise.noise),
        "scale": noise.scale,
        "log_reference": noise.log_reference,
    }
    return {"scatter": words}, {f"noise_{name}": values for name, values in noise.noise.items()}


def noise_in(about: Mapping[str, Any], arrays: Arrays) -> Sampled | None:
    """Return how new runs scatter."""
    words = about.get("scatter")
    if words is None:
        return None
    kinds = {kind.__name__: kind for kind in _LIKELIHOODS}
    likelihood = kinds[words["likelihood"]["name"]](**words["likelihood"]["settings"])
    noise = {name: arrays[f"noise_{name}"] for name in words["noise"]}
    return Sampled(likelihood, noise, words["scale"], words["log_reference"])


def chains_out(sampler: Sampler | None) -> tuple[dict[str, Any], Arrays]:
    """Return the chains as words and arrays."""
    if sampler is None:
        return {}, {}
    words = {
        "names": list(sampler.names), "floors": list(sampler.floors),
        "pareto_k": sampler.pareto_k, "effective": sampler.effective,
    }  # fmt: skip
    return {"sampler": words}, {f"chain_{n}": getattr(sampler, n) for n in _OF_SAMPLER}


def chains_in(about: Mapping[str, Any], arrays: Arrays) -> Sampler | None:
    """Return the chains."""
    words = about.get("sampler")
    if words is None:
        return None
    found = {name: arrays[f"chain_{name}"] for name in _OF_SAMPLER}
    return Sampler(
        names=tuple(words["names"]), floors=tuple(words["floors"]), **found,
        pareto_k=words.get("pareto_k"), effective=words.get("effective"),
    )  # fmt: skip


def discrepancy_out(discrepancy: Discrepancy | None) -> tuple[dict[str, Any], Arrays]:
    """Return the law's error beyond its runs as words and arrays."""
    if discrepancy is None:
        return {}, {}
    arrays = {f"error_{n}": np.asarray(getattr(discrepancy, n)) for n in _OF_DISCREPANCY}
    return {"discrepancy": True}, arrays


def discrepancy_in(about: Mapping[str, Any], arrays: Arrays) -> Discrepancy | None:
    """Return the law's error beyond its runs."""
    if not about.get("discrepancy"):
        return None
    return Discrepancy(**{name: arrays[f"error_{name}"] for name in _OF_DISCREPANCY})


def groups_out(groups: Groups | None) -> tuple[dict[str, Any], Arrays]:
    """Return the groups as words and arrays."""
    if groups is None:
        return {}, {}
    words = {n: getattr(groups, n) for n in ("column", "labels", "varying")}
    return {"groups": words}, {f"group_{name}": getattr(groups, name) for name in _OF_GROUPS}


def groups_in(about: Mapping[str, Any], arrays: Arrays) -> Groups | None:
    """Return the groups."""
    words = about.get("groups")
    if words is None:
        return None
    found = {name: arrays[f"group_{name}"] for name in _OF_GROUPS}
    return Groups(words["column"], tuple(words["labels"]), tuple(words["varying"]), **found)


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, values in arrays.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, "<f8").tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"cannot read {path}: no such file") from None
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays.pop("about").tobytes())
    except Exception as error:  # np.load raises whatever zipfile, zlib and the header parser do
        raise ArtifactError(f"{path} is damaged or not saved draws: {error}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ArtifactError(f"{path} is not saved draws; write them with draws.save()")
    missing = [name for name in _ABOUT if name not in about]
    if missing:
        raise ArtifactError(f"{path} is damaged or not saved draws: it lacks {missing[0]}")
    return about, arrays
