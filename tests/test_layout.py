"""The rules of docs/design.md about who imports whom, and what importing costs."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "scaling_jax"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Costly to import, so imported where used.
LATE = (
    "optax",
    "flax",
    "numpyro",
    "matplotlib",
    "pandas",
    "polars",
    "pyarrow",
    "scipy.optimize",
    "grain",
    "orbax",
    "ray",
)
# Brought by the user (frames) or by an extra.
OPTIONAL = {"pandas", "polars", "pyarrow", "lightgbm", "sklearn", "tokenizers", "ray"}


def sources() -> list[Path]:
    # The link scaling_jax/kernels is followed by hand: rglob does so only on some Pythons.
    files = [p for p in PACKAGE.rglob("*.py") if (PACKAGE / "kernels") not in p.parents]
    return sorted(files + list((PACKAGE / "kernels").resolve().rglob("*.py")))


def dotted(path: Path) -> str:
    """Return the module a source file is, with kernels/ under the name it is installed as."""
    relative = path.relative_to(ROOT).with_suffix("")
    parts = (
        relative.parts if relative.parts[0] == "scaling_jax" else ("scaling_jax", *relative.parts)
    )
    return ".".join(parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the full name of everything a file imports, at any depth, with the line."""
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def rows_of_the_design() -> dict[str, int]:
    """Read the table of docs/design.md: the row that each part of the package stands in."""
    rows = {}
    for line in (ROOT / "docs" / "design.md").read_text().splitlines():
        if match := re.match(r"\| (\d+) \| ([^|]*) \|", line):
            for name in re.findall(r"`(\w+)/?`", match[2]):
                rows[name] = int(match[1])
    return rows


ROWS = rows_of_the_design()


def part(module: str) -> str | None:
    """Return the part of the package that a module belongs to; None outside the package."""
    head, _, rest = module.partition(".")
    return rest.split(".")[0] if head == "scaling_jax" and rest else None


def against_the_flow(path: Path) -> Iterator[str]:
    here = part(dotted(path))
    if here is None:
        return  # scaling_jax/__init__.py resolves the public names late
    for target, line in imports(path):
        there = part(target)
        if there in ROWS and there != here and ROWS[there] > ROWS[here]:
            where = f"{path.relative_to(ROOT)}:{line}"
            yield f"{where}: {here} (row {ROWS[here]}) imports {there} (row {ROWS[there]})"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_from_rows_above(path):
    assert part(dotted(path)) in {None, *ROWS}, "give this part a row in docs/design.md"
    assert list(against_the_flow(path)) == []


def test_the_rule_sees_an_import_against_the_flow(tmp_path, monkeypatch):
    module = tmp_path / "scaling_jax" / "laws" / "bad.py"
    module.parent.mkdir(parents=True)
    module.write_text("import scaling_jax.errors\ndef f():\n    from ..fitting import fit\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (found,) = against_the_flow(module)
    assert "bad.py:3: laws (row 4) imports fitting" in found


def test_kernels_import_only_jax():
    for path in (ROOT / "kernels").rglob("*.py"):
        for target, line in imports(path):
            head = target.split(".")[0]
            allowed = head in {"jax", *sys.stdlib_module_names} or part(target) == "kernels"
            assert allowed, f"{path.relative_to(ROOT)}:{line} imports {target}"


def test_every_third_party_import_is_a_declared_dependency():
    declared = {re.split(r"\W", d.replace("-", "_"))[0] for d in PROJECT["project"]["dependencies"]}
    distributions = packages_distributions()
    for path in sources():
        for target, line in imports(path):
            head = target.split(".")[0]
            if head in {"scaling_jax", *sys.stdlib_module_names, *OPTIONAL}:
                continue
            names = {name.replace("-", "_").lower() for name in distributions.get(head, [head])}
            assert names & declared, f"{path.relative_to(ROOT)}:{line} imports undeclared {head}"


def test_packages_listed_are_the_folders_on_disk():
    folders = {dotted(path) for path in sources() if path.name == "__init__.py"}
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_every_folder_with_modules_is_a_package():
    assert {p.parent for p in sources()} == {p.parent for p in sources() if p.name == "__init__.py"}


def test_kernels_are_reached_through_a_relative_link():
    link = PACKAGE / "kernels"
    if not link.is_symlink():
        pytest.skip("links are checked out as plain files here; the mapping serves instead")
    assert str(link.readlink()) == "../kernels"


def fresh(code: str) -> dict:
    """Run `code`, which prints one JSON document, in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(done.stdout)


def test_importing_is_quick_and_imports_nothing_heavy():
    seen = fresh(
        "import json, sys, time, jax\n"
        "before = set(sys.modules); start = time.perf_counter()\n"
        "import scaling_jax\n"
        "seconds = time.perf_counter() - start\n"
        "print(json.dumps([seconds, sorted(set(sys.modules) - before)]))"
    )
    seconds, modules = seen
    assert seconds < 0.3
    assert [m for m in modules if m.startswith(LATE)] == []
    known = {"scaling_jax", *sys.stdlib_module_names}
    assert [m for m in modules if m.split(".")[0] not in known] == []


def test_run_tables_and_laws_import_nothing_heavy():
    modules = fresh(
        "import json, sys, scaling_jax as sj\n"
        "sj.RunTable, sj.Huber, sj.datasets, sj.laws.list()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert [m for m in modules if m.startswith((*LATE, "narwhals", "rich", "pooch"))] == []


def global_configuration(path: Path) -> Iterator[str]:
    """Yield calls that would change the JAX configuration of whoever imports the library."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        forbidden = call.endswith("config.update") or call.startswith("numpyro.enable_x64")
        if forbidden or call in {"numpyro.set_platform", "numpyro.set_host_device_count"}:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {call}"


def test_the_library_leaves_the_callers_jax_configuration_alone():
    library = [path for path in sources() if part(dotted(path)) != "cli"]
    assert [found for path in library for found in global_configuration(path)] == []


def test_type_checkers_see_the_names_that_users_get():
    tree = ast.parse((ROOT / "scaling_jax" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        seen |= {alias.asname: node.module for alias in node.names}
    package = importlib.import_module("scaling_jax")
    homes = {name: f"scaling_jax.{home}" for name, home in package._HOMES.items()}
    modules = {n: f"scaling_jax.{home}".rpartition(".")[0] for n, home in package._MODULES.items()}
    assert seen == homes | modules
