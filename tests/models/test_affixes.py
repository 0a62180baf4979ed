"""An embedding that reads the beginnings and endings of words."""

import numpy
import pytest
import spacy
from samples import SENTENCES, found, make_examples, make_nlp, train
from spacy.attrs import NORM, SHAPE
from spacy.lang.en import English
from spacy.strings import get_string_id
from spacy.tokens import Doc
from spacy.util import registry

VOCAB = English().vocab
SETTINGS = {
    "@architectures": "spacy_globalpointer.AffixHashEmbed.v1",
    "width": 32,
    "attrs": ["NORM", "SHAPE"],
    "rows": [300, 100],
    "affix_lengths": [2, 3],
    "affix_rows": [200, 200],
    "include_static_vectors": False,
}


def build(**settings):
    return registry.resolve({"embed": {**SETTINGS, **settings}})["embed"]


@pytest.mark.parametrize(
    ("words", "lengths", "expected"),
    [
        (["Ants", "are"], [3], [["ant", "nts"], ["are", "are"]]),
        (["is", "天"], [3], [["is", "is"], ["天", "天"]]),
        (["IL-2"], [1, 2], [["i", "2", "il", "-2"]]),
        (["\n", "a"], [2], [["\n", "\n"], ["a", "a"]]),
    ],
)
def test_reads_attributes_and_affixes(words, lengths, expected):
    doc = Doc(VOCAB, words=words)
    embed = build(affix_lengths=lengths, affix_rows=[50] * len(lengths))
    (ids,), _ = embed.layers[0].layers[0]([doc], False)
    numpy.testing.assert_array_equal(ids[:, :2], doc.to_array([NORM, SHAPE]))
    assert ids[:, 2:].tolist() == [[get_string_id(affix) for affix in row] for row in expected]


def test_documents_without_tokens_and_without_affixes():
    docs = [Doc(VOCAB), Doc(VOCAB, words=["İzmir", "a"]), Doc(VOCAB)]
    for settings in ({}, {"affix_lengths": [], "affix_rows": []}):
        vectors, backprop = build(**settings).initialize()(docs, True)
        assert [x.shape for x in vectors] == [(0, 32), (2, 32), (0, 32)]
        backprop(vectors)


def test_word_vectors():
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    nlp.vocab.set_vector("Rome", numpy.ones(5, dtype="f"))
    embed = build(include_static_vectors=True)
    embed.initialize(X=[nlp.make_doc("Rome")])
    before = embed.predict([nlp.make_doc("Rome Ulm")])[0]
    nlp.vocab.set_vector("Rome", numpy.full(5, 9, dtype="f"))
    after = embed.predict([nlp.make_doc("Rome Ulm")])[0]
    assert not numpy.allclose(before[0], after[0])
    numpy.testing.assert_array_equal(before[1], after[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": [300]}, "rows for each of them and for each length"),
        ({"affix_rows": [200]}, "rows for each of them and for each length"),
        ({"attrs": [], "rows": []}, "needs attributes"),
        ({"width": 0}, "must be at least 1"),
        ({"affix_lengths": [2, 0]}, "must be at least 1"),
        ({"affix_rows": [200, 0]}, "must be at least 1"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message + ".* was: .*To fix: "):
        build(**settings)


def test_learns_saves_and_loads(tmp_path):
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": 2,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    encoder = {"@architectures": "spacy.Tok2Vec.v2", "embed": SETTINGS, "encode": encode}
    nlp = make_nlp(encoder=encoder)
    train(nlp, make_examples(nlp), steps=150)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)
        assert found(loaded(text)) == found(nlp(text))
