"""Tokens that the encoder has no vector for, and encoders that are not there."""

import numpy
import pytest
import spacy
from samples import (
    encoder_settings,
    fake_encoder,
    make_docs,
    make_example,
    make_examples,
    make_nlp,
    train,
)
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.models import build_efficient_global_pointer

# spacy-curated-transformers 0.3 turns an array of one number into a float: numpy<2.4 warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Conversion of an array with ndim > 0:DeprecationWarning"
)
INVISIBLE = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "variation selector": "\ufe0f",
    "soft hyphen": "\u00ad",
}
LISTENERS = ["tok2vec", "transformer", "curated"]


def _finds_everything(nlp):
    """Let every token that may begin or end a span do so."""
    nlp.get_pipe("global_pointer").cfg.update(threshold=0.0, max_spans=10**6)
    return nlp


def _of_512_pieces(tiny_bert):
    settings = encoder_settings("transformer", tiny_bert)
    settings["upstream"][1]["model"]["tokenizer_config"]["model_max_length"] = 512
    return make_nlp(**settings)


def _borders(doc):
    return {i for span in doc.spans["sc"] for i in (span.start, span.end - 1)}


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_characters_without_a_word_piece_begin_and_end_no_span(character, tiny_bert):
    nlp = make_nlp(**encoder_settings("transformer", tiny_bert))
    train(nlp, make_examples(nlp), steps=1)
    _finds_everything(nlp)
    words = ["Anna", character, "Berg", character]
    with pytest.warns(UserWarning, match=r"2 of 4 tokens have no vector .*'\\") as seen:
        (doc,) = nlp.pipe([Doc(nlp.vocab, words=words)])
    assert _borders(doc) == {0, 2}
    assert "no piece for such characters" in str(seen[0].message)
    nlp(Doc(nlp.vocab, words=words))  # warned of once; warnings are errors here


def test_words_that_the_transformer_cuts_off_begin_and_end_no_span(tiny_bert):
    """100 words of ten letters are 1,000 pieces for it; its longest input has 512."""
    nlp = _of_512_pieces(tiny_bert)
    train(nlp, make_examples(nlp), steps=1)
    _finds_everything(nlp).get_pipe("global_pointer").cfg["max_length"] = 1
    doc = Doc(nlp.vocab, words=["abcdefghij"] * 100)
    with pytest.warns(UserWarning, match=r"of 100 tokens have no vector.*window in \[components"):
        (doc,) = nlp.pipe([doc])
    lengths = doc._.trf_data.align.lengths
    assert _borders(doc) == {i for i, n in enumerate(lengths) if n}
    assert 0 < len(_borders(doc)) < 100


def test_gold_spans_on_words_without_a_vector_are_counted(tiny_bert):
    nlp = _of_512_pieces(tiny_bert)
    words = ["abcdefghij"] * 100
    reference = Doc(nlp.vocab, words=words)
    reference.spans["sc"] = [Span(reference, 0, 1, "A"), Span(reference, 99, 100, "A")]
    example = Example(Doc(nlp.vocab, words=words), reference)
    nlp.initialize(lambda: [example])
    message = r"cannot learn 1 of 2 gold spans.*: 1 begin or end with a token that has no vector"
    with pytest.warns(UserWarning, match="48 of 100 tokens"), pytest.warns(match=message):
        losses = nlp.update([example])
    assert numpy.isfinite(losses["global_pointer"])


def test_a_row_of_zeros_is_what_a_token_without_a_vector_gets():
    (doc,) = make_docs(1)
    vectors = numpy.ones((len(doc), 8), dtype="f")
    vectors[2] = 0
    model = build_efficient_global_pointer(fake_encoder(vectors=[vectors]), head_size=4, nO=2)
    model.initialize(X=[doc])
    (rows,) = model.predict([doc])
    assert not rows[2].any()
    assert rows[[0, 1, 3]].any(1).all()
    _, backprop = model.begin_update([doc])
    backprop([numpy.ones_like(rows)])
    (d_vectors,) = model.get_ref("tok2vec").attrs["seen"][-1]
    assert not d_vectors[2].any()
    assert d_vectors[[0, 1, 3]].any()


@pytest.fixture(params=LISTENERS)
def listening(request, tiny_bert):
    nlp = make_nlp(**encoder_settings(request.param, tiny_bert))
    train(nlp, make_examples(nlp), steps=1)
    return nlp


MISSING = r"encoder must run before .* 'Rome closed.*listens to '\*'.*replace_listeners"


def test_an_encoder_that_is_excluded_is_missed(listening, tmp_path):
    listening.to_disk(tmp_path)
    nlp = spacy.load(tmp_path, exclude=[listening.pipe_names[0]])
    with pytest.raises(ValueError, match=MISSING):
        nlp("Rome closed.")


def test_an_encoder_that_is_disabled_is_missed(listening):
    with (
        listening.select_pipes(enable=["global_pointer"]),
        pytest.raises(ValueError, match=MISSING),
    ):
        list(listening.pipe(["", "Rome closed."]))
    listening("Rome closed.")


def test_a_component_that_came_without_its_encoder_misses_it(listening):
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer", source=listening)
    with pytest.raises(ValueError, match=MISSING):
        nlp("Rome closed.")
    listening.replace_listeners(listening.pipe_names[0], "global_pointer", ["model.tok2vec"])
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer", source=listening)
    nlp("Rome closed.")


@pytest.mark.parametrize(
    ("kind", "other"), [("transformer", "tok2vec"), ("tok2vec", "transformer")]
)
def test_an_encoder_of_another_kind_is_not_taken_for_the_one_that_is_missed(kind, other, tiny_bert):
    upstream, config = encoder_settings(other, tiny_bert)["upstream"]
    nlp = make_nlp(**encoder_settings(kind, tiny_bert))
    nlp.add_pipe(upstream, config=config, first=True)
    train(nlp, make_examples(nlp), steps=1)
    nlp("Rome closed.")
    with nlp.select_pipes(disable=[kind]), pytest.raises(ValueError, match=MISSING):
        nlp("Rome closed.")


def test_a_document_of_white_space_does_not_miss_the_encoder(listening):
    assert not listening("  \n ").spans["sc"]


def test_unknown_words_of_static_vectors_have_none():
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("Rome", numpy.ones(4, dtype="f"))
    encoder = {"@architectures": "test.StaticOnly.v1", "width": 8}
    nlp.add_pipe(
        "global_pointer",
        config={
            "model": {
                "@architectures": "spacy_globalpointer.EfficientGlobalPointer.v1",
                "tok2vec": encoder,
            }
        },
    )
    nlp.initialize(lambda: [make_example(nlp, "Rome Rome", [("Rome Rome", "GPE")])])
    _finds_everything(nlp)
    with pytest.warns(UserWarning, match=r"1 of 2 tokens have no vector .*'closed'"):
        doc = nlp("Rome closed")
    assert _borders(doc) == {0}


@spacy.registry.architectures("test.StaticOnly.v1")
def _static_only(width):
    from thinc.api import chain, ragged2list

    return chain(spacy.registry.layers.get("spacy.StaticVectors.v2")(nO=width), ragged2list())
