"""What a component finds in annotated documents, and how sure it is: the model runs once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...pipeline.alignment import have_same_tokens, to_predicted
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.limits import describe_full
from ...pipeline.prediction import find_and_score
from ...pipeline.settings import label_cuts
from ...spans import Counts, LabelledSpan
from ..comparison import Item, run_before, span_account, spans_on_reference

# Of the spans or relations whose scores are compared with gold.
LOWEST = 0.01


@dataclass(frozen=True)
class Judged(Generic[Item]):
    """A document with gold and predicted spans, relations or events, and their probabilities.

    number: its place among all documents, from 1.
    doc: the reference, on whose tokens all spans are.
    sentences (tokens): where they start; only 0 if that is not known.
    gold: None as the probability of what can never be found.
    found: what the component finds.
    scored: all above the lowest probability that is looked at, and what is found.
    """

    number: int
    doc: Doc
    sentences: list[int]
    gold: dict[Item, float | None]
    found: dict[Item, float]
    scored: dict[Item, float]

    def score(self, item: Item) -> float | None:
        """Probability of what is found or gold; None if it can never be found."""
        return self.scored.get(item, self.gold.get(item))


@dataclass(frozen=True)
class Joined(Judged[Item]):
    """A document with relations or events, which join spans.

    gold_spans: that gold joins, and the other gold spans that could be joined.
    found_spans: what could be joined.
    views: counts as the scorer compares, by name.
    given: what is found if the gold spans are given.
    """

    gold_spans: set[LabelledSpan]
    found_spans: set[LabelledSpan]
    views: dict[str, Counts]
    given: set[Item]


@dataclass(frozen=True)
class Judgement:
    """All annotated documents.

    lowest (probability): all above it is in `scored`; 1.0 if only what was found is.
    unannotated (documents): without gold, and left out.
    notes: what a user should know about the data.
    """

    documents: Sequence[Judged[Any]]
    lowest: float
    unannotated: int
    notes: list[str]

    def describe(self) -> dict[str, Any]:
        """What a report says about the documents, in plain data."""
        return {
            "documents": len(self.documents),
            "unannotated": self.unannotated,
            "notes": self.notes,
        }


def judge(nlp: Language, name: str, examples: Iterable[Example]) -> Judgement:
    """Find spans with the component's own settings, and score those below and all gold spans.

    name: of the component; later components do not run.
    RAISES (NoGoldError): no annotated documents. (ValueError): settings that mean nothing.
    """
    pipe: Any = nlp.get_pipe(name)
    pipe.predict([])  # refuses a component that is not initialized
    low, lowest = lowest_settings(pipe.cfg)
    searches = [(label_cuts(name, pipe.labels, cfg), cfg) for cfg in (pipe.cfg, low)]
    account = span_account(pipe)
    documents: list[Judged[LabelledSpan]] = []
    notes: list[str] = []
    number = n_crowded = 0
    for batch in run_before(nlp, name, examples):
        golds = [account.read(example) for example in batch]
        located = [
            _locate(example, gold or (), pipe.labels)
            for example, gold in zip(batch, golds, strict=True)
        ]
        docs = [example.predicted for example in batch]
        (own, lower), scores = find_and_score(pipe.model, docs, searches, located)
        n_crowded += len(lower.full)
        if own.full and not notes:
            notes.append(describe_full(name, *own.full[0]))
        spans = own.spans, lower.spans
        for example, gold, *parts, score in zip(batch, golds, *spans, scores, strict=True):
            number += 1
            if gold is not None:
                found, more = (spans_on_reference(example, part, pipe) for part in parts)
                document = number, example.reference, sentence_starts(example)
                known = {span: score.get(span) for span in gold}
                documents.append(Judged(*document, known, found, {**more, **found}))
    account.require("DATA")
    notes = [*account.notes(), *notes, *_notes(pipe, documents, n_crowded, lowest)]
    return Judgement(documents, lowest, account.unannotated, notes)


def lowest_settings(cfg: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Settings that find all whose scores are compared with gold, and their threshold.

    It is 1.0 if only what is found anyway is.
    """
    if not cfg.get("allow_overlap", True):
        # Which spans remain depends on the threshold: a lower one gives other spans, not more.
        return cfg, 1.0
    own = (float(threshold) for _, threshold in cfg["label_thresholds"])
    lowest = min(LOWEST, float(cfg["threshold"]), *own)
    unlimited: dict[str, Any] = {key: None for key in ("max_spans", "max_relations") if key in cfg}
    return {**cfg, **unlimited, "threshold": lowest, "label_thresholds": []}, lowest


def _locate(
    example: Example, gold: Iterable[LabelledSpan], labels: Sequence[str]
) -> dict[LabelledSpan, LabelledSpan]:
    """Gold spans on the predicted tokens, but for those that no component of the labels can find.

    These have another label, no token, or other borders than the predicted tokens.
    """
    known = sorted(span for span in gold if span.label in labels)
    pairs = zip(known, to_predicted(example, known), strict=True)
    return {span: moved for span, moved in pairs if moved.start < moved.end and moved.is_whole}


def _notes(
    pipe: GlobalPointer, documents: Sequence[Judged], n_crowded: int, lowest: float
) -> Iterator[str]:
    if not pipe.cfg["allow_overlap"]:
        yield (
            "Scores are compared with gold for what was found only: with allow_overlap = false a "
            "lower threshold gives other spans, not more"
        )
    elif n_crowded:
        yield describe_crowded_documents("spans", n_crowded, lowest)
    if n_off := sum(not span.is_whole for document in documents for span in document.found):
        yield (
            f"{n_off} predicted spans do not begin and end where tokens of DATA do: they count as "
            "wrong"
        )
    if not any(document.gold for document in documents):
        yield f"No document has a gold span: the group {pipe.key!r} is empty in all of them"


def describe_crowded_documents(what: str, n_documents: int, lowest: float) -> str:
    """Say that documents have more spans or relations than are compared with gold.

    lowest (probability): above which there are so many.
    """
    return (
        f"{n_documents} documents have more {what} above {lowest:g} than are looked at: for "
        "them only the best scores are compared with gold"
    )


def sentence_starts(example: Example) -> list[int]:
    """Where sentences start in the reference: by its own annotation, or the pipeline's."""
    docs = [example.reference, example.predicted]
    for doc in docs if have_same_tokens(*docs) else docs[:1]:
        if doc.has_annotation("SENT_START"):
            return [sentence.start for sentence in doc.sents] or [0]
    return [0]
