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


@pytest.mark.parametrize(
    ("words", "spaces", "lengths", "expected"),
    [
        ("天气好", [0, 1, 0], [2], [["天气", "天"], ["气", "天气"], ["好", "好"]]),
        ("天气好", [0, 0, 0], [3], [["天气好", "天"], ["气好", "天气"], ["好", "天气好"]]),
        (["IL", "-2", "a"], [0, 1, 0], [3], [["il-", "il"], ["-2", "l-2"], ["a", "a"]]),
        (["ants", "x"], [0, 0], [2, 4], [["an", "ts", "ants", "ants"], ["x", "sx", "x", "ntsx"]]),
    ],
)
def test_affixes_go_on_across_tokens_up_to_a_space(words, spaces, lengths, expected):
    doc = Doc(VOCAB, words=list(words), spaces=list(map(bool, spaces)))
    embed = build(affix_lengths=lengths, affix_rows=[50] * len(lengths), across_tokens=True)
    (ids,), _ = embed.layers[0].layers[0]([doc], False)
    assert ids[:, 2:].tolist() == [[get_string_id(affix) for affix in row] for row in expected]


def test_words_that_were_seen_before_have_the_affixes_of_each_embedding():
    for lengths in ([3], [2], [3]):
        embed = build(affix_lengths=lengths, affix_rows=[50])
        (ids,), _ = embed.layers[0].layers[0]([Doc(VOCAB, words=["ants", "Ants"])], False)
        expected = [get_string_id("ants"[: lengths[0]]), get_string_id("ants"[-lengths[0] :])]
        assert ids[:, 2:].tolist() == [expected] * 2


@pytest.mark.parametrize(
    "word",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "e\u0301\u0301",
        "\u200b",
        "中华人民共和国",
        "a" * 10_000,
    ],
)
def test_any_word_has_affixes(word):
    embed = build(affix_lengths=[2], affix_rows=[50])
    (ids,), _ = embed.layers[0].layers[0]([Doc(VOCAB, words=[word])], False)
    assert ids[0, 2:].tolist() == [get_string_id(word[:2]), get_string_id(word[-2:])]


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


def test_word_vectors_that_are_not_there():
    embed = build(include_static_vectors=True)
    with pytest.raises(ValueError, match=r"needs word vectors, was: a pipeline with none\. To fix"):
        embed.initialize(X=[spacy.blank("en").make_doc("Rome")])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": [300]}, "rows for each of them and for each length"),
        ({"affix_rows": [200]}, "rows for each of them and for each length"),
        ({"attrs": [], "rows": []}, "needs attributes"),
        ({"width": 0}, "must be whole and at least 1"),
        ({"affix_lengths": [2, 0]}, "must be whole and at least 1"),
        ({"affix_rows": [200, 0]}, "must be whole and at least 1"),
        ({"width": "32"}, "must be whole and at least 1"),
        ({"rows": ["300", 100]}, "must be whole and at least 1"),
        ({"attrs": ["NORM", "FOO"]}, "attrs .* must be attributes of tokens.* was: 'FOO'"),
        ({"attrs": ["", "_"]}, "attrs .* must be attributes of tokens.* was: '', '_'"),
        ({"attrs": [10**9, "NORM"]}, "attrs .* must be attributes of tokens.* was: 1000000000"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=rf"{message}.*To fix: ") as error:
        build(**settings)
    assert "was: " in str(error.value)


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
