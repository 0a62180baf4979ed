"""Registered encoders of the labels' texts: texts -> one vector each, frozen, without parameters.

They are loaded for each call and not kept: they run when a component learns of its labels.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy
import spacy
import torch
from spacy.util import registry
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

TextEncoder = Model[list[str], Floats2d]

# Texts that a transformer reads at once.
BATCH = 32


@registry.architectures("spacy_globalpointer.TransformerText.v1")
def build_transformer_text(name: str) -> TextEncoder:
    """Encode the texts of labels with a pretrained transformer: the mean of its last layer.

    name: of a model on the Hugging Face hub, or a folder; read by transformers' AutoModel, on the
        CPU.
    RETURNS: n texts -> (n, D).
    RAISES (ValueError): no name; when it is run, an encoder that is missing or broken, a text that
        is too long for it.
    """
    return _build("transformer_text", name, _read_with_transformer)


@registry.architectures("spacy_globalpointer.VectorsText.v1")
def build_vectors_text(name: str) -> TextEncoder:
    """Encode the texts of labels with static vectors: the mean of those of the words.

    A word without a vector counts if it has one in lower case; others do not count.

    name: of an installed pipeline with vectors, or a folder.
    RETURNS: n texts -> (n, D).
    RAISES (ValueError): no name; when it is run, a pipeline that is missing, broken or has no
        vectors, a text none of whose words has one.
    """
    return _build("vectors_text", name, _read_with_vectors)


def _build(kind: str, name: str, read: Callable[[str, list[str]], numpy.ndarray]) -> TextEncoder:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(
            f"type_encoder must name an encoder or its folder, was: {name!r}. To fix: name = "
            '"..." in the block [components.<name>.model.type_encoder]'
        )

    return Model(kind, partial(_forward, name=name, read=read), attrs={"reads_labels": True})


def _forward(
    model: TextEncoder, texts: list[str], is_train: bool, *, name: str, read: Callable
) -> tuple[Floats2d, Callable]:
    return model.ops.asarray2f(read(name, texts)), lambda d_vectors: []


def check_text_encoder(encoder: Any) -> None:
    """Refuse a model that does not read the texts of labels.

    RAISES (ValueError): it does not.
    """
    if "reads_labels" not in encoder.attrs:
        raise ValueError(
            f"type_encoder must be a model that reads texts of labels, was: {encoder.name[:60]!r}. "
            'To fix: @architectures = "spacy_globalpointer.TransformerText.v1"'
        )


def encode_texts(encoder: TextEncoder, texts: Sequence[str]) -> numpy.ndarray:
    """Encode texts, and bring the vectors to the length of their width's root.

    RETURNS (n, D): so that the mean of squares of each row is 1.
    RAISES (ValueError): an encoder that is missing or broken, vectors that are not finite or 0.
    """
    X = encoder.ops.to_numpy(encoder.predict(list(texts)))
    norms = numpy.linalg.norm(X, axis=1, keepdims=True)
    for text, norm in zip(texts, norms[:, 0], strict=True):
        if not 0 < norm < numpy.inf:
            raise ValueError(
                "type_encoder must give each text a vector that is finite and not 0, but the "
                f"vector of {text[:60]!r} has the length {norm}. To fix: use an encoder whose "
                "weights are intact"
            )
    return (X / norms * X.shape[1] ** 0.5).astype("float32")


def spell_out(label: str) -> str:
    """The name of a label as words: "OtherScientificTerm" and "cell_type" have spaces then.

    RETURNS: the label itself if it has no letters or digits.
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return " ".join(re.findall(r"[^\W_]+", apart)) or label


def _read_with_transformer(name: str, texts: list[str]) -> numpy.ndarray:
    with _explained(name, "a transformer, as AutoModel.from_pretrained reads it"):
        from transformers import AutoModel, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(name)
        encoder, found = AutoModel.from_pretrained(name, output_loading_info=True)
        # What is missing is random; the pooler is not used.
        missing = [key for key in found["missing_keys"] if not key.startswith("pooler.")]
        if missing:
            raise ValueError(f"its weights lack {', '.join(missing[:3])}")
    limit = min(tokenizer.model_max_length, getattr(encoder.config, "max_position_embeddings", 512))
    means = []
    for first in range(0, len(texts), BATCH):
        batch = tokenizer(texts[first : first + BATCH], padding=True, return_tensors="pt")
        mask = batch["attention_mask"][..., None]
        for text, length in zip(texts[first : first + BATCH], mask.sum((1, 2)), strict=True):
            if length > limit:
                raise ValueError(
                    f"the text of a label must have at most {limit} word pieces of the type "
                    f"encoder {name!r}, was: {length} of {text[:60]!r}. To fix: shorten it"
                )
        with torch.inference_mode():
            hidden = encoder.eval()(**batch).last_hidden_state
        means.append((hidden * mask).sum(1) / mask.sum(1))
    return torch.cat(means).float().numpy()


def _read_with_vectors(name: str, texts: list[str]) -> numpy.ndarray:
    with _explained(name, "a spaCy pipeline with vectors, as spacy.load reads it"):
        nlp = spacy.load(name)
        nlp.vocab.vectors.to_ops(NumpyOps())
        if not nlp.vocab.vectors_length:
            raise ValueError("it has no vectors")
    means = []
    for text in texts:
        words = [token.lex for token in nlp.make_doc(text) if not token.is_punct]
        spelt = [word if word.has_vector else nlp.vocab[word.lower] for word in words]
        known = [word.vector for word in spelt if word.has_vector]
        if not known:
            raise ValueError(
                "the text of a label must have a word with a vector in the type encoder "
                f"{name!r}, was: {text[:60]!r}. To fix: describe the label in other words"
            )
        means.append(sum(known) / len(known))
    return numpy.stack(means)


@contextmanager
def _explained(name: str, wanted: str) -> Iterator[None]:
    """Say what could not be loaded: other packages raise all kinds of errors."""
    try:
        yield
    except Exception as error:
        why = str(error).rstrip(".")
        raise ValueError(
            f"type_encoder must be {wanted}, was: {name!r}, which cannot be loaded: {why}. To "
            "fix: install or repair it, or write another name into the block "
            "[components.<name>.model.type_encoder]; only new texts of labels need it"
        ) from error
