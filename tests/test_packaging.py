"""The built wheel works away from the checkout, with kernels/ installed as scaling_jax.kernels."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import scaling_jax

ROOT = Path(__file__).resolve().parents[1]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]

pytestmark = pytest.mark.slow


def python(*arguments: str, executable: str | Path = sys.executable, cwd: Path) -> str:
    done = subprocess.run(
        [str(executable), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        # A path or a data folder of this process must not help the installed package.
        env={k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "SCALING_JAX_DATA"}},
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> tuple[Path, Path]:
    """Build a wheel from the tree, and one from the source distribution."""
    tree = tmp_path_factory.mktemp("tree") / "scaling-jax"  # a copy: builds leave files behind
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("scaling_jax", "kernels"):
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=ignore)
    python("-m", "build", "--no-isolation", "--wheel", "--outdir", "direct", cwd=tree)
    python("-m", "build", "--no-isolation", "--outdir", "through_sdist", cwd=tree)
    (direct,) = (tree / "direct").glob("*.whl")
    (through_sdist,) = (tree / "through_sdist").glob("*.whl")
    return direct, through_sdist


def test_wheel_holds_every_module_and_data_file(wheels):
    with zipfile.ZipFile(wheels[0]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = set()
    for package in DECLARED:
        folder = ROOT / package.replace("scaling_jax.kernels", "kernels").replace(".", "/")
        for pattern in (
            "*.py",
            "*.toml",
            "*.csv",
            "*.typed",
            "*/*.toml",
            "templates/*",
            "ladder/*.csv",
            "ladder/*.json*",
        ):
            inside = (file.relative_to(folder) for file in folder.glob(pattern))
            expected |= {f"{package.replace('.', '/')}/{file.as_posix()}" for file in inside}
    assert held == expected
    assert {"scaling_jax/py.typed", "scaling_jax/datasets/parscale.csv"} <= held


def test_wheel_from_the_source_distribution_is_the_same(wheels):
    direct, through_sdist = (set(zipfile.ZipFile(wheel).namelist()) for wheel in wheels)
    assert direct == through_sdist


@pytest.fixture(scope="module")
def environment(wheels, tmp_path_factory) -> Path:
    """Make an environment with the wheel installed and this one's other packages in sight."""
    folder = tmp_path_factory.mktemp("environment")
    python("-m", "venv", "--without-pip", str(folder), cwd=folder)
    interpreter = folder / "bin" / "python"
    python(
        *("-m", "pip", "--python", str(interpreter), "install", "--quiet", "--no-deps"),
        *("--no-index", str(wheels[0])),
        cwd=folder,
    )
    purelib = python(
        "-c", "import sysconfig; print(sysconfig.get_path('purelib'))",
        executable=interpreter, cwd=folder,
    )  # fmt: skip
    # A path added by a .pth file does not have its own .pth files read: the editable
    # installation of the checkout stays out of sight.
    (Path(purelib.strip()) / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_installed_package_imports_from_another_folder(environment, tmp_path):
    code = (
        "import json, scaling_jax as sj, scaling_jax.kernels as k\n"
        "from importlib.metadata import version\n"
        "print(json.dumps([sj.__file__, k.__file__, sj.__version__, version('scaling-jax'),\n"
        "    len(sj.datasets.load('parscale')), sorted(sj.laws.get('chinchilla').published())]))"
    )
    answer = python("-c", code, executable=environment / "bin" / "python", cwd=tmp_path)
    file, kernels_file, version, metadata_version, rows, published = json.loads(answer)
    assert Path(file).is_relative_to(environment)
    assert Path(kernels_file).parts[-3:] == ("scaling_jax", "kernels", "__init__.py")
    assert Path(kernels_file).is_relative_to(environment)
    assert version == metadata_version == scaling_jax.__version__
    assert rows == 48
    assert "epoch" in published


def test_installed_command_starts(environment, tmp_path):
    command = environment / "bin" / "scaling-jax"
    assert command.exists()
    interpreter = environment / "bin" / "python"
    assert "fit" in python(str(command), "--help", executable=interpreter, cwd=tmp_path)
