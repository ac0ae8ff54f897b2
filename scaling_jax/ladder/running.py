"""A ladder in its folder: what is there, what is still to do, and doing it.

    folder/ladder.toml                 the ladder as it was last started
    folder/corpus.json                 what the corpus was made from
    folder/groups/<label>-<digest>/    log and checkpoints of a group

A group's folder is named after a digest of all that determines its losses, so a changed ladder file
keeps what it still describes and trains what is new.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError
from scaling_jax.files import write_atomically
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.group import Group
from scaling_jax.ladder.ladder import Ladder
from scaling_jax.ladder.log import Line, read_lines


@dataclass(frozen=True)
class Site:
    """A ladder and the folder it is trained in.

    Attributes:
        ladder: What is trained.
        folder: Where.
        corpus_digest: Of the corpus that the ladder's options gave when it was last started.
    """

    ladder: Ladder
    folder: Path
    corpus_digest: str

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Site":
        """Return the ladder of a folder that one was started in.

        Raises:
            LadderError: The folder holds none.
        """
        folder = Path(folder)
        try:
            corpus = json.loads((folder / "corpus.json").read_text("utf-8"))
            digest = corpus["digest"]
        except FileNotFoundError:
            raise LadderError(
                f"{folder} holds no ladder; start one with: scaling-jax ladder run FILE.toml"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LadderError(
                f"cannot read {folder / 'corpus.json'} ({error}); start the ladder again with its "
                "file, which writes it anew"
            ) from None
        return cls(Ladder.read(folder / "ladder.toml"), folder, digest)

    def group_folder(self, group: Group) -> Path:
        """Return the folder of a group."""
        digest = group.digest(self.corpus_digest)[:10]
        return self.folder / "groups" / f"{group.label}-{digest}"

    def lines(self, group: Group) -> list[Line]:
        """Return the log of a group, empty if it was not started."""
        return read_lines(self.group_folder(group) / "log.jsonl")

    def open_corpus(self) -> Corpus:
        """Return the ladder's corpus.

        Raises:
            LadderError: It cannot be opened, or is not the one the ladder was started with.
        """
        corpus = open_corpus(self.ladder.corpus, context=self.ladder.context, folder=self.folder)
        if corpus.digest != self.corpus_digest:
            raise LadderError(
                f"the corpus {corpus.name} has changed since the ladder in {self.folder} was "
                "started; start it again with its file"
            )
        return corpus


def start(ladder: Ladder, folder: str | os.PathLike[str]) -> tuple[Site, Corpus]:
    """Write down in a folder what is trained there, and return it with its corpus.

    Raises:
        LadderError: The corpus cannot be opened or does not fit the recipes.
        ArtifactError: The folder cannot be written.
    """
    ladder, folder = ladder.at(Path.cwd()), Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LadderError(f"cannot make {folder}: {error.strerror or error}") from None
    corpus = open_corpus(ladder.corpus, context=ladder.context, folder=folder)
    _check_vocabulary(ladder, corpus)
    write_atomically(folder / "ladder.toml", ladder.to_toml())
    description = json.dumps({**corpus.describe(), "digest": corpus.digest}, indent=2)
    write_atomically(folder / "corpus.json", description + "\n")
    return Site(ladder, folder, corpus.digest), corpus


def _check_vocabulary(ladder: Ladder, corpus: Corpus) -> None:
    for group in ladder.groups:
        recipe: Any = group.recipe
        size = getattr(recipe, "vocab_size", corpus.vocab_size)
        if size < corpus.vocab_size:
            raise LadderError(
                f"rung {group.label} has a vocabulary of {size}, but the corpus {corpus.name} has "
                f"{corpus.vocab_size}: give vocab_size = {corpus.vocab_size} in [recipe]"
            )
