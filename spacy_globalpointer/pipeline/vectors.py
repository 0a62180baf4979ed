"""Tokens without a vector, which the encoder did not see: which ones, and why."""

from collections.abc import Sequence

from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc, Token
from thinc.api import Model

from ..models import find_listeners
from .tables import Tables


def require_encoder(model: Model, docs: Sequence[Doc]) -> None:
    """Refuse documents on which the encoder, another component of the pipeline, has not run.

    In that case spaCy passes zeros to a listener, and word features beside it may hide that.

    RAISES (ValueError): a listener's encoder left nothing on a document that has tokens.
    """
    found = find_listeners(model)
    listeners = [node for own in found.values() for node in own]
    for doc in filter(len, docs):
        if not all(_was_left_for(listener, doc) for listener in listeners):
            listened = " and ".join(sorted(map(repr, found)))
            raise ValueError(
                "the encoder must run before the spans are scored, but it left no vectors on the "
                f"document {doc.text[:60]!r}. The component listens to {listened} ('*' is the "
                "nearest tok2vec or transformer before it), which is missing, disabled or excluded "
                "here. To fix: run it too (in training, as one of the annotating_components), or "
                "give the component its own encoder with nlp.replace_listeners(...) before you "
                "save or source it"
            )


def _was_left_for(listener: Model, doc: Doc) -> bool:
    """Whether an encoder of the listener's kind left something on a document."""
    if isinstance(listener, Tok2VecListener):
        return bool(doc.tensor.size)
    return getattr(doc._, "trf_data", None) is not None


def tokens_without_vector(tables: Tables) -> list[Token]:
    """Tokens that the encoder has no vector for, except white space."""
    parts = tables.has_vector.split(tables.lengths)
    return [
        doc[i]
        for doc, part in zip(tables.docs, parts, strict=True)
        for i in (~part).nonzero().flatten().tolist()
        if not doc[i].is_space
    ]


def describe_without_vector(
    name: str, docs: Sequence[Doc], tokens: Sequence[Token]
) -> tuple[str, str]:
    """Say which tokens have no vector, so that no span starts or ends there.

    name: of the component.
    docs: the documents that were predicted or learned from.
    tokens: those of them without a vector.
    RETURNS: the cause in a word, and the message; both empty if there are no such tokens.
    """
    if not tokens:
        return "", ""
    n_tokens = sum(not token.is_space for doc in docs for token in doc)
    n_docs = len({id(token.doc) for token in tokens})
    words = [token for token in tokens if any(map(str.isalnum, token.text))]
    shown = ", ".join(dict.fromkeys(ascii(token.text[:20]) for token in (words or tokens)[:5]))
    text = (
        f"'{name}': {len(tokens)} of {n_tokens} tokens have no vector (in {n_docs} of {len(docs)} "
        f"documents; such as {shown}), so no span can start or end on them. "
    )
    if not words:
        return "characters", text + "The encoder's tokenizer has no piece for such characters"
    return "words", text + (
        "The encoder did not see these words: a transformer cuts off whatever exceeds its longest "
        "input (often 512 pieces, of which a rare word takes many), and static vectors lack "
        "unknown words. To fix: use a smaller window in [components.transformer.model.get_spans]; "
        "`spacy global-pointer debug` suggests one that fits"
    )
