"""A few annotated sentences and pipelines to learn them with."""

import importlib.metadata
import json
import string
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.lang.en import English
from spacy.training import Example
from thinc.api import Model

# (text, [(span text, label)]): nested, same-label nested, crossing, two labels on one span, none.
SENTENCES = [
    (
        "The University of Ulm hired Anna Berg.",
        [("University of Ulm", "ORG"), ("Ulm", "GPE"), ("Anna Berg", "PERSON")],
    ),
    (
        "The Bank of the City of Rome closed.",
        [("Bank of the City of Rome", "ORG"), ("City of Rome", "ORG"), ("Rome", "GPE")],
    ),
    (
        "He met old friends of Rome lovers.",
        [("old friends of Rome", "PERSON"), ("Rome lovers", "ORG")],
    ),
    ("Victoria was a queen.", [("Victoria", "PERSON"), ("Victoria", "GPE")]),
    ("Nothing happened in the night.", []),
]
LABELS = ["GPE", "ORG", "PERSON"]
# In a config, some older versions of spaCy make numbers of text, and cannot read a list of labels
# that end in "$".
new_config = pytest.mark.skipif(
    importlib.metadata.version("confection").startswith("0."), reason="needs confection 1"
)


def make_example(nlp, text, spans, key="sc", words=None):
    """An example whose gold spans are given by their text; `words` for another tokenization."""
    predicted = nlp.make_doc(text)
    reference = nlp.make_doc(text) if words is None else spacy.tokens.Doc(nlp.vocab, *words)
    offsets = [(text.index(span), text.index(span) + len(span), label) for span, label in spans]
    found = [reference.char_span(start, end, label=label) for start, end, label in offsets]
    reference.spans[key] = found
    return Example(predicted, reference)


def make_examples(nlp, key="sc"):
    return [make_example(nlp, text, spans, key) for text, spans in SENTENCES]


def make_docs(n=3):
    """The first sentences, without annotation."""
    nlp = English()
    return [nlp.make_doc(text) for text, _ in SENTENCES[:n]]


def fake_encoder(width=8, vectors=None):
    """Documents -> fixed or random vectors of their tokens; attrs["seen"] has the gradients."""

    def forward(model, docs, is_train):
        generator = numpy.random.default_rng(0)
        rows = vectors or [generator.normal(size=(len(d), width)).astype("f") for d in docs]
        return rows, lambda d_rows: model.attrs["seen"].append(d_rows) or []

    return Model("fake", forward, attrs={"seen": []}, dims={"nO": width})


def fake_text_encoder(width=6):
    """Texts -> random vectors, the same for the same text."""

    def forward(model, texts, is_train):
        seeds = [int.from_bytes(text.encode(), "big") for text in texts]
        rows = [numpy.random.default_rng(seed).normal(size=width) for seed in seeds]
        return numpy.array(rows, dtype="f"), lambda d_vectors: []

    return Model("fake_text", forward, attrs={"reads_labels": True})


def found(doc, key="sc"):
    """[(text, label)] of a predicted document."""
    return [(span.text, span.label_) for span in doc.spans[key]]


def train(nlp, examples, steps=80, learn_rate=0.005):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    losses = {}
    for _ in range(steps):
        losses.clear()
        nlp.update(examples, sgd=optimizer, losses=losses)
    return losses


RESCORER = {"@architectures": "spacy_globalpointer.SpanRescorer.v1"}
OWN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 32,
    "depth": 2,
    "embed_size": 300,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}


def make_nlp(
    head="EfficientGlobalPointer",
    encoder=None,
    upstream=None,
    loaders=None,
    directory=None,
    rescorer=None,
    types=None,
    **settings,
):
    """A blank pipeline with the component.

    types: settings of the type term; None for the default's.
    rescorer: settings of a second look; None for none.
    upstream: (factory, config) of a shared encoder, and what loads it from a directory.
    """
    nlp = spacy.blank("en")
    if upstream is not None:
        nlp.add_pipe(upstream[0], config=upstream[1])
    if loaders is not None:
        nlp.config["initialize"]["components"][upstream[0]] = {
            name: {"@model_loaders": loader, "name": directory} for name, loader in loaders.items()
        }
    architecture = f"spacy_globalpointer.{head}.v1"
    model = {"@architectures": architecture, "head_size": 16, "tok2vec": encoder or OWN}
    model.update(types or {})
    if rescorer is not None:
        model["rescorer"] = {**RESCORER, **rescorer}
    nlp.add_pipe("global_pointer", config={**settings, "model": model})
    return nlp


def write_tiny_bert(directory, width=32, seed=0):
    """Write a BERT with random weights and 2 layers, that spells every word."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    characters = string.ascii_lowercase + string.digits + string.punctuation + "方云市长大学"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    pieces += [f"##{character}" for character in characters]
    vocab = directory / "vocab.txt"
    vocab.write_text("\n".join(pieces), encoding="utf8")
    transformers.BertTokenizerFast(str(vocab), do_lower_case=True).save_pretrained(directory)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    torch.manual_seed(seed)
    transformers.BertModel(config).save_pretrained(directory)


# Kinds of encoders, and the package that each needs.
KINDS = {
    "own": None,
    "tok2vec": None,
    "transformer": "spacy_transformers",
    "curated": "spacy_curated_transformers",
}


def encoder_settings(kind, tiny_bert):
    """Settings of make_nlp for a kind of encoder, if its package is installed."""
    if KINDS[kind]:
        pytest.importorskip(KINDS[kind])
    return encoders(tiny_bert)[kind]


def encoders(tiny_bert):
    """Settings of make_nlp for each kind of encoder."""
    pieces = json.loads(Path(tiny_bert, "config.json").read_text())["vocab_size"]
    return {
        "own": {},
        "tok2vec": {
            "upstream": ("tok2vec", {"model": OWN}),
            "encoder": {
                "@architectures": "spacy.Tok2VecListener.v1",
                "width": 32,
                "upstream": "*",
            },
        },
        "transformer": {
            "upstream": (
                "transformer",
                {
                    "model": {
                        "@architectures": "spacy-transformers.TransformerModel.v3",
                        "name": tiny_bert,
                        "tokenizer_config": {"use_fast": True},
                    }
                },
            ),
            "encoder": {
                "@architectures": "spacy-transformers.TransformerListener.v1",
                "grad_factor": 1.0,
                "upstream": "*",
                "pooling": {"@layers": "reduce_mean.v1"},
            },
        },
        "curated": {
            "upstream": (
                "curated_transformer",
                {
                    "model": {
                        "@architectures": "spacy-curated-transformers.BertTransformer.v1",
                        "vocab_size": pieces,
                        "hidden_width": 32,
                        "intermediate_width": 64,
                        "num_hidden_layers": 2,
                        "num_attention_heads": 2,
                        "piece_encoder": {
                            "@architectures": "spacy-curated-transformers.BertWordpieceEncoder.v1"
                        },
                        "with_spans": {
                            "@architectures": "spacy-curated-transformers.WithStridedSpans.v1"
                        },
                    }
                },
            ),
            "encoder": {
                "@architectures": "spacy-curated-transformers.LastTransformerLayerListener.v1",
                "width": 32,
                "upstream": "*",
                "pooling": {"@layers": "reduce_mean.v1"},
            },
            "loaders": {
                "encoder_loader": "spacy-curated-transformers.HFTransformerEncoderLoader.v1",
                "piecer_loader": "spacy-curated-transformers.HFPieceEncoderLoader.v1",
            },
            "directory": tiny_bert,
        },
    }
