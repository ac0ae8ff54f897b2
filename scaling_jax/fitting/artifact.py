"""Saved fits: versioned JSON with a checksum, no pickle, written atomically.

The file holds the runs and the optimum; the law itself is found by its name in the registry, and
must have the parameters that the file has.
"""

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from scaling_jax import objectives
from scaling_jax.errors import ArtifactError, ScalingError, listing
from scaling_jax.files import write_atomically
from scaling_jax.fitting.fit import Fit
from scaling_jax.laws import Law, get
from scaling_jax.runs import RunTable

FORMAT = "scaling_jax.fit"
VERSION = 1
_PLAIN = (
    "params", "objective", "status", "converged", "gradient_norm", "rank", "condition_number",
    "at_bound", "agreement", "warnings", "seed", "logs",
)  # fmt: skip


def save(fit: Fit, path: Any) -> None:
    """Write a fit; see `Fit.save`."""
    payload = _encode(
        {
            "law": _describe_law(fit.law),
            "criterion": {"name": fit.criterion.name} | dataclasses.asdict(fit.criterion),
            "runs": {
                "source": fit.runs.source,
                "columns": fit.runs.to_dict(),
                "labels": list(fit.runs.codes),
            },
            "weights": fit.weights,
            "covariance": fit.covariance,
            "residuals": fit.residuals,
            "z": fit.z,
            "z_covariance": fit.z_covariance,
        }
        | {name: getattr(fit, name) for name in _PLAIN}
    )
    document = {
        "format": FORMAT,
        "version": VERSION,
        "checksum": _checksum(payload),
        "payload": payload,
    }
    write_atomically(path, json.dumps(document, allow_nan=False, indent=1) + "\n")


def load(path: Any, law: Law | None = None) -> Fit:
    """Read a fit; see `Fit.load`."""
    payload = _read(Path(path))
    try:
        found = _find_law(payload["law"], law, path)
        settings = dict(payload["criterion"])
        criterion = objectives.from_name(settings.pop("name"), **settings)
        runs = payload["runs"]
        plain: dict[str, Any] = {name: payload[name] for name in _PLAIN}
        plain |= {name: tuple(plain[name]) for name in ("at_bound", "warnings")}
        return Fit(
            **plain,
            law=found,
            criterion=criterion,
            runs=RunTable.from_columns(
                runs["columns"], source=runs["source"], labels=runs["labels"]
            ),
            covariance=_matrices(payload["covariance"]),
            residuals=np.asarray(payload["residuals"], float),
            starts=None,
            z=np.asarray(payload["z"], float),
            z_covariance=_matrices(payload["z_covariance"]),
            weights=np.asarray(payload["weights"], float),
        )
    except ArtifactError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, ScalingError) as error:
        raise ArtifactError(f"{path} is not a fit this library can read: {error}; refit") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise ArtifactError(f"{path} is damaged or not a saved fit (not JSON); refit") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ArtifactError(f"{path} is not a saved fit; write one with fit.save() or --out")
    if document.get("version") != VERSION:
        raise ArtifactError(
            f"{path} has format version {document.get('version')}, this library reads version "
            f"{VERSION}; refit, or use the release that wrote it"
        )
    payload = document.get("payload")
    if not isinstance(payload, dict) or document.get("checksum") != _checksum(payload):
        raise ArtifactError(f"{path} is damaged (its checksum does not match); refit")
    return _decode(payload)


def _describe_law(law: Law) -> dict[str, Any]:
    return {
        "name": law.name,
        "options": dict(law.options),
        "parameters": [p.name for p in law.parameters],
        "fixed": dict(law.fixed),
        "tied": dict(law.tied),
    }


def _find_law(described: dict[str, Any], law: Law | None, path: Any) -> Law:
    if law is None:
        try:
            law = get(described["name"], **described["options"])
        except ScalingError:
            raise ArtifactError(
                f"{path} fits the law {described['name']!r}, which is not registered; pass it: "
                "Fit.load(path, law=...)"
            ) from None
    if [p.name for p in law.parameters] != described["parameters"]:
        raise ArtifactError(
            f"{path} has the parameters {listing(described['parameters'])}, but {law.name} has "
            f"{listing(p.name for p in law.parameters)}; pass the law it was fitted with"
        )
    if described["fixed"]:
        law = law.fix(**described["fixed"])
    return law.tie(**described["tied"]) if described["tied"] else law


def _checksum(payload: Any) -> str:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(value: Any) -> Any:
    """Turn arrays into lists and numbers that JSON lacks into text."""
    if isinstance(value, dict):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _encode(value.tolist())
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, np.generic):
        return _encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(value)}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"number"}:
            return float(value["number"])
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value


def _matrices(matrices: dict[str, Any]) -> dict[str, np.ndarray]:
    return {kind: np.asarray(matrix, float) for kind, matrix in matrices.items()}
