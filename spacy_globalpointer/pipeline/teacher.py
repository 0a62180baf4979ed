"""Soft labels: a pipeline as a teacher, whose probabilities another one learns."""

from typing import NamedTuple

from spacy.language import Language

from .global_pointer import GlobalPointer

# What these components assign would replace the annotation of documents that have some.
ANNOTATION = {"doc.spans", "doc.ents"}


class SoftLabels(NamedTuple):
    """What is written in place of the spans that a pipeline finds.

    key: group of doc.spans, beside those that documents come with.
    threshold (probability): lowest one of a span.
    """

    key: str
    threshold: float


def check_soft_labels(soft: SoftLabels) -> None:
    """Refuse options that no pipeline can fulfil.

    RAISES (ValueError): an empty key, a threshold outside (0, 1).
    """
    if not soft.key:
        raise ValueError("soft_key must be the name of a group of doc.spans, was: ''")
    if not 0 < soft.threshold < 1:
        raise ValueError(
            "soft_threshold must be a probability above 0 and below 1, because 0 would be every "
            f"span of every text, was: {soft.threshold}. To fix: 0.01 is usual"
        )


def teach(nlp: Language, soft: SoftLabels, spans_key: str | None) -> None:
    """Make a pipeline write soft labels, and leave all other spans as they are.

    Components that would replace spans or entities of the documents are disabled.

    spans_key: that of the global_pointer to use; None for the only one.
    RAISES (ValueError): several to choose from or none, a key that would replace its spans.
    """
    pipes = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)}
    chosen = [name for name, pipe in pipes.items() if spans_key in (None, pipe.key)]
    known = ", ".join(pipe.key for pipe in pipes.values()) or "none"
    if len(chosen) != 1:
        raise ValueError(
            "soft labels must be those of one active component global_pointer, was: "
            f"{len(chosen)} (their spans_key: {known}). To fix: choose one with --spans-key"
        )
    (name,) = chosen
    if soft.key in {pipe.key for pipe in pipes.values()}:
        raise ValueError(
            f"soft_key must be another group than a spans_key of the model ({known}), which gold "
            f"spans may be in, was: {soft.key!r}. To fix: name another one, such as teacher"
        )
    for other in nlp.pipe_names:
        if other != name and ANNOTATION & set(nlp.get_pipe_meta(other).assigns):
            nlp.disable_pipe(other)
    pipes[name].cfg.update(
        spans_key=soft.key,
        threshold=soft.threshold,
        label_thresholds=[],
        allow_overlap=True,
        max_spans=None,
        one_per_label=False,
        annotate_ents=False,
    )
