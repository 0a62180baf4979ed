"""The beginnings and endings of words."""

import pytest
import spacy
from samples import SENTENCES, found, make_examples, make_nlp, train
from spacy.lang.en import English
from spacy.strings import get_string_id
from spacy.tokens import Doc

from spacy_globalpointer.models import build_affix_embed

VOCAB = English().vocab


@pytest.mark.parametrize(
    ("words", "lengths", "expected"),
    [
        (["Ants", "are"], [3], [["ant", "nts"], ["are", "are"]]),
        (["is", "天"], [3], [["is", "is"], ["天", "天"]]),
        (["IL-2"], [1, 2], [["i", "2", "il", "-2"]]),
        (["\n", "a"], [2], [["\n", "\n"], ["a", "a"]]),
    ],
)
def test_affixes(words, lengths, expected):
    doc = Doc(VOCAB, words=words)
    embed = build_affix_embed(8, lengths, [50] * len(lengths))
    (ids,), _ = embed.layers[0]([doc], False)
    assert ids.tolist() == [[get_string_id(affix) for affix in row] for row in expected]


def test_a_lower_case_letter_can_be_longer():
    doc = Doc(VOCAB, words=["İzmir", "x"])
    embed = build_affix_embed(8, [2, 3], [50, 50]).initialize()
    (vectors,) = embed.predict([doc])
    assert vectors.shape == (2, 8)


def test_documents_without_tokens():
    embed = build_affix_embed(8, [2], [50]).initialize()
    vectors, backprop = embed([Doc(VOCAB), Doc(VOCAB, words=["a"]), Doc(VOCAB)], True)
    assert [x.shape for x in vectors] == [(0, 8), (1, 8), (0, 8)]
    backprop(vectors)


@pytest.mark.parametrize(
    ("width", "lengths", "rows"),
    [(0, [2], [50]), (8, [], []), (8, [2], [50, 50]), (8, [0], [50]), (8, [2], [0])],
)
def test_settings_out_of_range(width, lengths, rows):
    with pytest.raises(ValueError, match=r"was: width = .*To fix: "):
        build_affix_embed(width, lengths, rows)


def test_learns_from_affixes_alone(tmp_path):
    affixes = {
        "@architectures": "spacy_globalpointer.AffixEmbed.v1",
        "width": 32,
        "lengths": [2, 3],
        "rows": [200, 200],
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 32,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    encoder = {"@architectures": "spacy.Tok2Vec.v2", "embed": affixes, "encode": encode}
    nlp = make_nlp(encoder=encoder)
    train(nlp, make_examples(nlp), steps=150)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)
        assert found(loaded(text)) == found(nlp(text))
