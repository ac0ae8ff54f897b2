import json
import os

import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.corpora.text import documents
from scaling_jax.ladder.corpora.token_corpus import TokenCorpus


def line(number):
    return f"{number}: " + " ".join(f"{number * k % 9973}" for k in range(1, 30)) + "\n"


@pytest.fixture
def folder(tmp_path):
    for number in range(40):
        path = tmp_path / "corpus" / f"{number % 3}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line(100 * number + k) for k in range(20)))
    return tmp_path / "corpus"


def opened(path, **options):
    context = options.pop("context", 16)
    corpus = open_corpus({"kind": "text", "path": str(path), **options}, context=context)
    assert isinstance(corpus, TokenCorpus)
    return corpus


def names(path, **options):
    return [found.name for found in documents([str(path)], **options)]


def test_a_folder_is_one_document_a_file(folder):
    (folder / ".hidden").write_text("no")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.txt").write_text("no")
    (folder / "image.png").write_bytes(b"\x89PNG\xff\x00")
    corpus = opened(folder)
    told = corpus.describe()
    assert isinstance(corpus, Corpus)
    assert corpus.name == "corpus"
    assert (corpus.unit, corpus.vocab_size) == ("bytes", 256)
    assert told["training"]["documents"] + told["validation"]["documents"] == 40
    assert told["left_out"]["undecodable"] == {"documents": 1, "bytes": 6}
    assert told["training"]["windows"] == (told["training"]["tokens"] - 1) // 16
    assert told == json.loads(json.dumps(told))


def test_training_and_validation_share_no_document(folder):
    corpus = opened(folder, validation_share=0.2, context=8)
    training = b"".join(
        corpus.tokenizer.decode(batch["tokens"][:, :-1].ravel())
        for batch in corpus.batches(seed=0, batch=1, first=0, last=2000)
    )
    windows = [corpus.tokenizer.decode(window) for window in corpus.validation()["tokens"]]
    whole = [window for window in windows if b"\x00" not in window and b": " in window]
    assert len(whole) > 50
    assert not [window for window in whole if window in training]


def test_files_are_chosen_by_pattern(folder):
    (folder / "notes.md").write_text("a note")
    (folder / "0" / "more.md").write_text("another")
    assert names(folder, pattern="*.md") == ["0/more.md", "notes.md"]
    assert "0/3.txt" in names(folder, pattern="*.txt")
    with pytest.raises(LadderError, match=r"has no file '\*.rst' that is not hidden"):
        names(folder, pattern="*.rst")


def test_several_paths_keep_names_apart(folder):
    both = [str(folder / "0"), str(folder / "1")]
    found = [document.name for document in documents(both)]
    assert "0/3.txt" in found
    assert "1/1.txt" in found
    with pytest.raises(LadderError, match="2 files of the corpus would be called 0/0.txt"):
        list(documents([both[0], both[0]]))


def test_a_single_file_is_cut_at_line_ends(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("".join(line(number) for number in range(3000)))
    sections = list(documents([str(path)]))
    assert b"".join(section.text or b"" for section in sections) == path.read_bytes()
    assert all((section.text or b"").endswith(b"\n") for section in sections)
    assert 100 < len(sections) < 150
    told = opened(path).describe()
    assert 0.03 < told["validation"]["bytes"] / path.stat().st_size < 0.04


def test_a_file_without_lines_is_cut_between_characters(tmp_path):
    path = tmp_path / "line.txt"
    path.write_text("双" * 2000)
    sections = [section.text for section in documents([str(path)])]
    assert len(sections) == 6
    assert "".join((section or b"").decode() for section in sections) == "双" * 2000


def test_json_lines_are_one_document_each(tmp_path):
    path = tmp_path / "data.jsonl"
    records = [json.dumps({"body": line(number) * 2}) for number in range(50)]
    path.write_text("\n".join(records) + "\n\n")
    assert names(path, field="body")[0] == "data.jsonl:000000001"
    told = opened(path, field="body", validation_share=0.1).describe()
    assert told["training"]["documents"] + told["validation"]["documents"] == 50


def test_text_that_is_not_unicode_is_left_out(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f'{{"text": "{line(n)[:-1]}"}}\n' for n in range(9)))
    with path.open("a") as stream:
        stream.write('{"text": "half \\ud800"}\n{"text": "a\\u0000b"}\n{"text": " "}\n')
    left_out = opened(path).describe()["left_out"]
    counts = {reason: count["documents"] for reason, count in left_out.items()}
    assert counts == {"undecodable": 1, "null_bytes": 1, "blank": 1, "copies": 0}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a"}\n{"text": \n', r"data.jsonl, line 2 is no JSON .*: give one object a line"),
        ('{"text": "a"}\n\n{"txt": "b"}', r"line 3 has no field 'text': did you mean txt\?"),
        ('{"text": 7}', "line 1: the field 'text' is no text but 7"),
        ('["text"]', "line 1 is no JSON object"),
        ('{"text": "\xe9"}', "line 1 is no JSON"),
    ],
)
def test_errors_name_the_line(tmp_path, lines, message):
    path = tmp_path / "data.jsonl"
    path.write_bytes(lines.encode("latin-1"))
    with pytest.raises(LadderError, match=message):
        opened(path)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(LadderError, match="the corpus .*absent.txt is not there"):
        opened(tmp_path / "absent.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9" * 9)
    with pytest.raises(LadderError, match="latin.txt is no UTF-8 text: convert it"):
        opened(tmp_path / "latin.txt")
    with pytest.raises(LadderError, match="needs the option 'path'"):
        open_corpus({"kind": "text"}, context=8)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may read everything")
def test_an_unreadable_file_is_named(folder):
    (folder / "0" / "0.txt").chmod(0)
    with pytest.raises(LadderError, match="cannot read .*0.txt: Permission denied"):
        opened(folder)


def test_an_unreadable_file_is_named_without_permissions(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(LadderError, match="cannot read .*txt: Permission denied"):
        opened(folder)


def test_too_little_text(tmp_path):
    path = tmp_path / "short.txt"
    for text in ("", "one section only\n" * 9):
        path.write_text(text)
        with pytest.raises(LadderError, match="corpus short: [01] documents of text are left"):
            opened(path)
    path.write_text("".join(line(number) for number in range(100)))
    with pytest.raises(LadderError, match="the validation part has .* too few for one window"):
        opened(path, context=5000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_share": 0.9}, "validation_share .* at most 0.5, not 0.9"),
        ({"validation_share": 1}, "validation_share .* at most 0.5, not 1"),
        ({"validation_tokens": 0}, "validation_tokens .* whole number from 1, not 0"),
        ({"context": 1.5}, "context .* whole number from 1, not 1.5"),
        ({"validation": 0.1}, "has no option 'validation': did you mean validation_"),
        ({"folder": "x"}, "has no option 'folder'"),
    ],
)
def test_options_are_checked(folder, options, message):
    with pytest.raises(LadderError, match=message):
        opened(folder, **options)


def test_kinds_are_checked():
    with pytest.raises(LadderError, match=r"unknown kind of corpus 'texts': did you mean text\?"):
        open_corpus({"kind": "texts"}, context=8)
    with pytest.raises(LadderError, match="unknown kind of corpus None"):
        open_corpus({}, context=8)


def test_byte_pairs_give_a_corpus(folder, tmp_path):
    pytest.importorskip("tokenizers")
    spec = {"kind": "text", "path": str(folder), "tokenizer": "bpe", "vocab_size": 400}
    corpus = open_corpus(spec, context=16, folder=tmp_path / "kept")
    again = open_corpus(spec, context=16)
    assert corpus.digest == again.digest
    assert (corpus.unit, corpus.vocab_size) == ("tokens", 400)
    assert len(list((tmp_path / "kept").glob("bpe-400-*.json"))) == 1
    first, second = (
        [batch["tokens"] for batch in c.batches(seed=1, batch=3, first=0, last=9)]
        for c in (corpus, again)
    )
    assert all((one == two).all() for one, two in zip(first, second, strict=True))
    assert first[0].max() < 400


def test_the_digest_follows_everything_that_determines_examples(folder):
    base = opened(folder).digest
    assert opened(folder).digest == base
    assert opened(folder, context=8).digest != base
    assert opened(folder, validation_tokens=64).digest != base
    assert opened(folder, validation_share=0.2).digest != base
    renamed = folder / "1" / "renamed.txt"
    (folder / "0" / "0.txt").rename(renamed)
    assert opened(folder).digest != base
    renamed.rename(folder / "0" / "0.txt")
    assert opened(folder).digest == base
    (folder / "0" / "0.txt").write_text("another text" * 30)
    assert opened(folder).digest != base
