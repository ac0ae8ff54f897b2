"""One publication: where it appeared, what it states and how far that was checked."""

from dataclasses import dataclass

VERIFICATIONS = ("source", "computed", "recalled")


@dataclass(frozen=True)
class Reference:
    """Where a law was published."""

    title: str = ""
    authors: str = ""
    year: int | None = None
    arxiv: str = ""
    where: str = ""

    def __str__(self) -> str:
        parts = [self.authors, f"({self.year})" if self.year else "", f"{self.title}."]
        text = " ".join(part for part in parts if part and part != ".")
        return " ".join(
            part for part in (text, f"arXiv:{self.arxiv}" if self.arxiv else "", self.where) if part
        )


@dataclass(frozen=True)
class Claim:
    """A statement of a publication.

    Attributes:
        text: What is claimed.
        verified: ``"source"`` (read there), ``"computed"`` (by running public code or data) or
            ``"recalled"`` (from memory: unverified).
        link: Repository or page that holds it.
    """

    text: str
    verified: str = "source"
    link: str = ""


@dataclass(frozen=True)
class Publication:
    """What a publication says of scaling.

    Attributes:
        name: Identifier, the name of the law or protocol that puts it into code, if any.
        subject: The file that holds it, a group of related publications.
        reference: Where it appeared.
        predicts: The predicted quantity, and in which setting.
        formula: The formula as text; empty for a finding without one.
        optimum: Closed form of the optimum that follows, if any.
        fitting: How it was fitted.
        notes: Conventions: how columns are counted, other parameterisations.
        limits: Where it fails, and what not to do with it.
        doubt: What of the formula was recalled or inferred, not read; empty if nothing.
        claims: Its statements.

    Example:
        >>> import scaling_jax as sj
        >>> print(sj.literature.get("chinchilla").reference)
        Hoffmann et al. (2022) Training Compute-Optimal Large Language Models.
        arXiv:2203.15556 Eq. 10
    """

    name: str
    subject: str = ""
    reference: Reference = Reference()
    predicts: str = ""
    formula: str = ""
    optimum: str = ""
    fitting: str = ""
    notes: str = ""
    limits: str = ""
    doubt: str = ""
    claims: tuple[Claim, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the formula was read in the source, not recalled or inferred."""
        return not self.doubt
