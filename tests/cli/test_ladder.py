"""A ladder from its file to a fit, by commands."""

import json
import signal
import subprocess
import sys
import time
import tomllib

import pytest

import scaling_jax as sj

LADDER = """
name = "tiny ladder"
[corpus]
kind = "text"
path = "text"
validation_tokens = 512
[recipe]
depth = 1
context = 16
[training]
batch_tokens = 64
learning_rate = [0.01, 1000.0]
tokens = ["30k", "60k"]
warmup_steps = 5
evaluate_every = 400
[[rungs]]
width = 16
"""


def write_ladder(folder, text=LADDER):
    (folder / "text").mkdir(parents=True)
    for number in range(40):
        rows = [f"{k}: " + " ".join(str(k * m % 9973) for m in range(1, 30))
                for k in range(20 * number, 20 * number + 20)]  # fmt: skip
        (folder / "text" / f"{number}.txt").write_text("\n".join(rows) + "\n")
    path = folder / "ladder.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    """A ladder's file and what training it printed; one of its two learning rates diverges."""
    file = write_ladder(tmp_path_factory.mktemp("ladder"))
    done = run("ladder", "run", file)
    assert done.code == 0, done.err
    return file, done


@pytest.fixture(scope="module")
def folder(trained):
    return trained[0].parent / "tiny-ladder"


def test_a_ladder_is_trained_beside_its_file(trained, folder):
    _, done = trained
    lines = done.err.splitlines()
    assert lines[0].startswith("tiny ladder: ")  # progress: no terminal, so lines
    assert "tiny ladder: 100%, w16-d1 loss " in lines[-2]
    assert "utilised, 1/1 groups, 0 s left" in lines[-2]
    assert lines[-1].endswith(f"ladder export {folder} --out runs.csv")
    assert "4 of 4 runs have ended; 100% of" in done.out


def test_what_has_ended_is_not_trained_again(trained, folder, run):
    log = next(folder.glob("groups/*/log.jsonl"))
    before = log.read_bytes()
    again = run("ladder", "run", trained[0], "--quiet")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert log.read_bytes() == before


def test_status_counts_what_diverged(folder, run):
    (group,) = json.loads(run("ladder", "status", folder, "--json").out)
    assert (group["runs"], group["finished"], group["diverged"]) == (4, 2, 2)
    assert group["share"] == 1.0
    assert 0.0 < group["loss"] < 4.0
    shown = run("ladder", "status", folder)
    assert shown.code == 0
    assert "w16-d1" in shown.out
    assert "diverged" in shown.out


def test_status_of_one_that_is_on_its_way(folder, run, tmp_path):
    """The log up to any line is that of a ladder which is running."""
    import shutil

    shutil.copytree(folder, tmp_path / "running")
    log = next((tmp_path / "running").glob("groups/*/log.jsonl"))
    lines = log.read_text().splitlines(keepends=True)
    shares = []
    for count in range(len(lines) + 1):
        log.write_text("".join(lines[:count]))
        (group,) = json.loads(run("ladder", "status", tmp_path / "running", "--json").out)
        shares.append(group["share"])
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    # A trunk to step 375, a decay to 469, the trunk to 750, and from there to 938.
    steps = [0, 375 + 94, 375 + 94 + 25, 375 + 94 + 375 + 50, 1032]
    assert sorted(set(shares)) == pytest.approx([step / 1032 for step in steps])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_exported_table_is_read_without_a_word(folder, run, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"runs.{ending}"
    done = run("ladder", "export", folder, "--out", out)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"scaling-jax: wrote 2 runs to {out}\n"
    runs = sj.read_runs(out)
    assert len(runs) == 2
    assert runs["tokens"].tolist() == [30016.0, 60032.0]
    assert set(runs["learning_rate"]) == {0.01}
    for column in ("seed", "corpus", "device", "versions", "seconds", "flops_per_second"):
        assert column in runs


def test_curves_are_a_row_an_evaluation(folder, run, tmp_path):
    run("ladder", "export", folder, "--curves", "--out", tmp_path / "curves.csv")
    runs = sj.read_runs(tmp_path / "curves.csv")
    assert sorted(runs["step"].tolist()) == [400.0, 469.0, 800.0, 938.0]
    assert set(runs["loss"] < 100.0) == {True}  # none of what diverged


def test_without_a_file_the_table_is_printed(folder, run):
    done = run("ladder", "export", folder)
    assert done.err == ""
    assert "w16-d1-wsd-b64-lr0.01-t30k-s0" in done.out
    assert "2 rows with run, family" in done.out


def test_a_table_of_wishes_becomes_a_ladder(trained, run, tmp_path):
    (tmp_path / "wanted.csv").write_text("params,tokens,learning_rate\n40000,1e5,0.02\n")
    out = tmp_path / "next.toml"
    arguments = ("ladder", "propose", tmp_path / "wanted.csv", "--like", trained[0])
    done = run(*arguments, "--out", out)
    assert done.code == 0, done.err
    assert f"wrote {out}" in done.err
    assert "params proposed" in done.out
    document = tomllib.loads(out.read_text())
    assert document["name"] == "tiny ladder_next"
    assert document["training"]["learning_rate"] == 0.02
    shown = run("ladder", "show", out)
    assert shown.code == 0
    assert "1 runs take" in shown.out
    assert run(*arguments).out == done.out


def test_show_says_what_a_ladder_takes(trained, run):
    done = run("ladder", "show", trained[0])
    assert (done.code, done.err) == (0, "")
    row = next(line for line in done.out.splitlines() if line.startswith("w16-d1"))
    # The trunk to step 750, decays of 94 and 188 steps; alone 469 and 938 steps.
    assert row.split()[1:8] == ["11136", "2944", "4", "30K", "to", "60K", "1032"]
    one = 64 * 6 * 7552
    assert f"{2 * 1032 * one:.3g}" in row
    assert f"{2 * 1407 * one:.3g}" in row
    assert "GFLOP/s" in done.out


FAULTS = {
    "absent": (None, "cannot read {file}: No such file or directory"),
    "no toml": ("name = ", "{file} is not TOML"),
    "unknown key": (LADDER.replace("width", "widht"), "there is no 'widht'; did you mean width?"),
    "no rungs": (LADDER.replace("[[rungs]]\nwidth = 16", ""), "'rungs' is missing"),
    "no corpus there": (LADDER.replace('"text"\nval', '"texts"\nval'), "texts is not there: give"),
    "unknown corpus": (LADDER.replace('kind = "text"', 'kind = "txt"'), "unknown kind of corpus"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_is_no_ladder_is_one_sentence(run, tmp_path, text, message):
    file = write_ladder(tmp_path / "x", text or "")
    if text is None:
        file.unlink()
    done = run("ladder", "run", file)
    assert done.code == 2
    assert message.format(file=file) in done.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status", "{empty}"), "holds no ladder; start one with: scaling-jax ladder run"),
        (("export", "{empty}"), "holds no ladder"),
        (("export", "{folder}", "--out", "{empty}/runs.xlsx"), "must end in .csv or .parquet"),
        (("export", "{folder}", "--out", "{empty}/no/runs.csv"), "make it first"),
        (("run", "{file}", "--executor", "in_process"), "did you mean in-process?"),
        (("run", "{file}", "--folder", "{file}"), "cannot make"),
        (("propose", "{file}", "--like", "{file}", "--out", "{file}"), "is the file that is read"),
    ],
)
def test_wrong_use_is_one_sentence(run, trained, folder, tmp_path, arguments, message):
    places = {"empty": tmp_path, "folder": folder, "file": trained[0]}
    done = run("ladder", *(argument.format(**places) for argument in arguments))
    assert done.code == 2
    assert message in done.error


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_signal_is_answered_with_how_to_go_on(tmp_path):
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143}
    started = {}
    for sent in codes:
        file = write_ladder(tmp_path / sent.name, LADDER.replace('"60k"', '"60M"'))
        arguments = ["ladder", "run", str(file), "--checkpoint-seconds", "0"]
        started[sent] = file, subprocess.Popen(
            [sys.executable, "-c", "from scaling_jax.cli import main; main()", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    deadline = time.monotonic() + 120
    for sent, (file, command) in started.items():
        while not list(file.parent.glob("*/groups/*/checkpoints/*/commit_success.txt")):
            assert command.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        command.send_signal(sent)
        out, err = command.communicate(timeout=60)
        assert (command.returncode, out) == (codes[sent], "")
        assert err.splitlines()[-1] == (
            "scaling-jax: interrupted; what was logged is kept, and it goes on with: "
            f"scaling-jax ladder run {file} --checkpoint-seconds 0"
        )
