"""The compiler that `make test-tpu` installs is the one that the locked jax asks for."""

import importlib.metadata

from packaging.requirements import Requirement


def test_compiler_is_the_one_that_jax_names():
    requirements = map(Requirement, importlib.metadata.requires("jax") or [])
    (wanted,) = [
        r
        for r in requirements
        if r.name == "libtpu" and r.marker and r.marker.evaluate({"extra": "tpu"})
    ]
    assert wanted.specifier.contains(importlib.metadata.version("libtpu"))
