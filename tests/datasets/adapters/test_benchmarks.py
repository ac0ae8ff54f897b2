"""Benchmark scores of public models, by model and by difficulty of the questions."""

import csv

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load

SCORES = (
    "mmlu", "arc_c", "hellaswag", "winograd", "truthfulqa", "gsm8k", "xwinograd", "humaneval"
)  # fmt: skip


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(shared_data):
    return shared_data / "obs_scaling" / "eval_results"


@pytest.fixture(scope="module")
def raw(folder):
    return {row["Model"]: row for row in rows_of(folder / "base_llm_benchmark_eval.csv")}


def test_scales_are_plain_numbers(shared_data):
    runs = load("obs_scaling")
    llama = runs.where("run == 'meta-llama/Llama-2-7b-hf'")
    scales = [llama[name][0] for name in ("params", "tokens", "compute_flops")]
    assert scales == pytest.approx([7e9, 2e12, 84e21])
    np.testing.assert_allclose(runs["compute_flops"], 6 * runs["params"] * runs["tokens"])


def test_wide_rows_are_the_models_with_all_scores(raw):
    complete = {
        name for name, row in raw.items() if row["ARC-C"] and row["XWinograd"] and row["HumanEval"]
    }
    assert len(complete) == 124
    every = load("obs_scaling", keep_unknown_compute=True)
    assert set(every["run"]) == complete
    assert "tokens" not in every
    assert "compute_flops" not in every
    runs = load("obs_scaling")
    assert set(runs["run"]) == {name for name in complete if raw[name]["FLOPs (1E21)"]}
    for i, name in enumerate(runs["run"]):
        assert runs["arc_c"][i] == float(raw[name]["ARC-C"])
        assert runs["humaneval"][i] == float(raw[name]["HumanEval"])
        assert runs["family"][i] == raw[name]["Model Family"]


def test_known_numbers_of_missing_values_and_families(raw):
    assert len(raw) == 148
    missing = {h: sum(not row[h] for row in raw.values()) for h in next(iter(raw.values()))}
    assert missing["FLOPs (1E21)"] == missing["Pretraining Data Size (T)"] == 25
    assert (missing["XWinograd"], missing["HumanEval"], missing["ARC-C"]) == (16, 21, 3)
    long = load("obs_scaling", table="benchmark_scores", keep_unknown_compute=True)
    assert len(long) == 148 * 8 - 16 - 21 - 3
    assert len(set(long["family"])) == 47


def test_three_components_explain_97_percent_of_the_variance(shared_data):
    runs = load("obs_scaling", keep_unknown_compute=True)
    matrix = np.stack([runs[name] for name in SCORES], axis=1)
    variance = np.linalg.svd(matrix - matrix.mean(axis=0), compute_uv=False) ** 2
    share = 100.0 * variance / variance.sum()
    np.testing.assert_allclose(share[:3], [84.3, 10.0, 3.1], atol=0.05)
    assert share[:3].sum() == pytest.approx(97.4, abs=0.05)


def test_long_rows_hold_the_scores_of_the_wide_ones(shared_data):
    wide = load("obs_scaling")
    long = load("obs_scaling", table="benchmark_scores")
    score = dict(zip(zip(long["run"], long["benchmark"], strict=True), long["score"], strict=True))
    for name in SCORES:
        assert [score[run, name] for run in wide["run"]] == wide[name].tolist()


def test_small_models_are_a_subset_with_the_same_scores(folder, raw):
    small = rows_of(folder / "base_llm_benchmark_eval_sub_10b.csv")
    assert len(small) == 92
    for row in small:
        for header, text in row.items():
            other = raw[row["Model"]][header]
            assert text == other or float(text) == pytest.approx(float(other), abs=1e-15)
    models = load("obs_scaling", table="benchmark_scores", keep_unknown_compute=True)
    flagged = models.where("in_sub_10b == 1")
    assert set(flagged["run"]) == {row["Model"] for row in small}
    others = set(models.where("params < 1e10 and in_sub_10b == 0")["run"])
    assert len(others) == 7


@pytest.mark.parametrize(
    ("table", "file", "models"),
    [
        ("emergent", "base_llm_emergent_capability_eval", 84),
        ("leaderboard_v2", "base_llm_leaderboard_v2_eval", 72),
        ("post_training", "base_llm_post_training_eval", 96),
        ("agents", "instruct_llm_agent_eval", 27),
    ],
)
def test_other_files_are_joined_by_model(folder, table, file, models):
    raw = rows_of(folder / f"{file}.csv")
    runs = load("obs_scaling", table=table, keep_unknown_compute=True)
    assert len(raw) == models
    assert set(runs["run"]) == {row.pop("Model") for row in raw if sum(map(bool, row.values())) > 1}
    headers = list(raw[0])
    found = [float(row[h]) for row in raw for h in headers if row[h] and "bleu" not in h]
    scores = runs.where([not name.endswith("_bleu") for name in runs["benchmark"]])["score"]
    assert scores.tolist() == found
    names = [name for name in dict.fromkeys(runs["benchmark"])]
    assert all(name.isidentifier() for name in names)
    assert len(names) == len(headers)


def test_joined_models_have_their_own_scales(raw):
    runs = load("obs_scaling", table="emergent")
    for i, name in enumerate(runs["run"]):
        assert runs["tokens"][i] == pytest.approx(
            1e12 * float(raw[name]["Pretraining Data Size (T)"])
        )


def test_bleu_is_a_fraction(shared_data):
    runs = load("obs_scaling", table="emergent", keep_unknown_compute=True)
    assert runs["score"].max() <= 1.0
    bleu = runs.where("benchmark == 'ipa_transliterate_2_bleu'")
    llama = bleu.where("run == 'meta-llama/Llama-2-7b-hf'")
    assert llama["score"][0] == pytest.approx(0.2723879164406593)


def test_chat_models_without_a_size_are_kept_on_request(shared_data):
    known = load("obs_scaling", table="instruct")
    assert "gpt-4-0613" not in set(known["run"])
    every = load("obs_scaling", table="instruct", keep_unknown_compute=True)
    assert not {"params", "tokens", "compute_flops"} & set(every.columns)
    gpt = every.where("run == 'gpt-4-0613' and benchmark == 'mmlu'")
    assert gpt["score"].tolist() == [0.864]


FILES = {
    "mmlu": ("31.622776601683793", 65, 67),
    "hellaswag": ("199.52623149688787", 63, 65),
    "arc": ("199.52623149688787", 63, 65),
    "arithmetic": ("63.09573444801933", 64, 68),
}


def answers_of(folder, task):
    threshold = FILES[task][0]
    name = f"{task}_instance_brier_-1000_{threshold}_10_redist.csv"
    return rows_of(folder / "u_shaped" / "data" / task / name)


@pytest.mark.parametrize("task", FILES)
def test_ten_groups_of_each_evaluated_model(shared_data, task):
    _, known, every = FILES[task]
    assert len(answers_of(shared_data, task)) == 114
    runs = load("u_shaped", task=task)
    assert len(runs) == 10 * known
    kept = load("u_shaped", task=task, keep_unknown_compute=True)
    assert len(kept) == 10 * every
    assert not {"tokens", "compute_flops", "split"} & set(kept.columns)
    np.testing.assert_allclose(runs["compute_flops"], 6 * runs["params"] * runs["tokens"])


@pytest.mark.parametrize("task", FILES)
def test_groups_average_to_the_score_of_all_questions(shared_data, task):
    raw = {row["Model"]: row for row in reversed(answers_of(shared_data, task))}
    for name, model in load("u_shaped", task=task).group("run").items():
        assert model["difficulty_group"].tolist() == list(range(1, 11))
        for column in ("brier", "san"):
            mean = np.average(model[column], weights=model["questions"])
            assert mean == pytest.approx(float(raw[name][column]), rel=1e-9)
        assert set(model["accuracy"]) == {float(raw[name]["acc"])}


def test_cells_of_one_model(shared_data):
    runs = load("u_shaped").where("run == 'meta-llama/Llama-2-7b-hf'")
    assert runs["brier"][[0, 9]].tolist() == [0.38275512386972266, 0.5878234593311766]
    assert runs["questions"][[0, 9]].tolist() == [1404, 1405]
    assert runs["compute_flops"][0] == pytest.approx(84e21)


def test_hard_questions_are_hard(shared_data):
    for task in FILES:
        runs = load("u_shaped", task=task).where("split == 'train'")
        means = [group["brier"].mean() for group in runs.group("difficulty_group").values()]
        assert means[0] < means[-1]


def test_models_that_rank_the_questions_lie_below_the_threshold(shared_data):
    for task, (threshold, _, _) in FILES.items():
        train, test = load("u_shaped", task=task).split("split == 'train'")
        limit = 1e21 * float(threshold)
        assert train["compute_flops"].max() < limit <= test["compute_flops"].min()


def test_second_gpt2_has_the_scores_of_the_first_and_another_size(shared_data):
    raw = [row for row in answers_of(shared_data, "arithmetic") if row["Model"].endswith("/gpt2")]
    assert [row["Model Size (B)"] for row in raw] == ["0.124", "0.355"]
    assert raw[0]["brier"] == raw[1]["brier"]
    runs = load("u_shaped", task="arithmetic", keep_unknown_compute=True)
    gpt2 = runs.where("run == 'openai-community/gpt2'")
    assert gpt2["params"].tolist() == [0.124e9] * 10


def test_left_out_models_are_flagged(shared_data):
    flagged = load("u_shaped").where("outlier == 1")
    assert len(flagged) == 60
    assert set(flagged["family"]) == {"Phi", "Qwen1.5", "StableLM"}
    assert len(load("u_shaped", keep_outliers=False)) == 650 - 60


def test_check_value_is_near_one_for_mmlu_only(shared_data):
    medians = {task: np.median(load("u_shaped", task=task)["san"]) for task in FILES}
    assert medians["mmlu"] == pytest.approx(0.99, abs=0.01)
    assert medians["hellaswag"] < 1e-4
    assert load("u_shaped", task="arithmetic")["san"].max() > 1.0
