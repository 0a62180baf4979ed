"""Characters at the borders of each token."""

import pytest
import spacy
from samples import SENTENCES, found, make_examples, make_nlp, train
from spacy.lang.en import English
from spacy.strings import get_string_id
from spacy.tokens import Doc

from spacy_globalpointer.models import build_character_ngram_embed

VOCAB = English().vocab


@pytest.mark.parametrize(
    ("words", "spaces", "lengths", "expected"),
    [
        # A whole word ends at a space, the start of a longer one does not.
        (["an", "Ant"], [True, False], [3], [["an ", " an"], ["ant", "ant"]]),
        (["an", "Ant"], [True, False], [2], [["an", "an"], ["an", "nt"]]),
        # Without spaces the neighbours are part of it.
        (
            ["天", "安", "门"],
            [False] * 3,
            [2],
            [["天安", " 天"], ["安门", "天安"], ["门 ", "安门"]],
        ),
        (["IL", "-", "2"], [False] * 3, [4], [["il-2", " il"], ["-2 ", " il-"], ["2 ", "il-2"]]),
        # White space that is a token separates as well.
        (["a", "\n", "b"], [False] * 3, [3], [["a ", " a"], ["\n ", " \n"], ["b ", " b"]]),
        (["ab"], [False], [1, 2], [["a", "b", "ab", "ab"]]),
    ],
)
def test_ngrams(words, spaces, lengths, expected):
    doc = Doc(VOCAB, words=words, spaces=spaces)
    embed = build_character_ngram_embed(8, lengths, [50] * len(lengths))
    (ids,), _ = embed.layers[0]([doc], False)
    assert ids.tolist() == [[get_string_id(ngram) for ngram in row] for row in expected]


def test_a_lower_case_letter_can_be_longer():
    doc = Doc(VOCAB, words=["İzmir", "x"])
    embed = build_character_ngram_embed(8, [2, 3], [50, 50]).initialize()
    (vectors,) = embed.predict([doc])
    assert vectors.shape == (2, 8)


def test_documents_without_tokens():
    embed = build_character_ngram_embed(8, [2], [50]).initialize()
    vectors, backprop = embed([Doc(VOCAB), Doc(VOCAB, words=["a"]), Doc(VOCAB)], True)
    assert [x.shape for x in vectors] == [(0, 8), (1, 8), (0, 8)]
    backprop(vectors)


@pytest.mark.parametrize(
    ("width", "lengths", "rows"),
    [(0, [2], [50]), (8, [], []), (8, [2], [50, 50]), (8, [0], [50]), (8, [2], [0])],
)
def test_settings_out_of_range(width, lengths, rows):
    with pytest.raises(ValueError, match=r"was: width = .*To fix: "):
        build_character_ngram_embed(width, lengths, rows)


def test_learns_from_ngrams_alone(tmp_path):
    ngrams = {
        "@architectures": "spacy_globalpointer.CharacterNgramEmbed.v1",
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
    encoder = {"@architectures": "spacy.Tok2Vec.v2", "embed": ngrams, "encode": encode}
    nlp = make_nlp(encoder=encoder)
    train(nlp, make_examples(nlp), steps=150)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for text, spans in SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)
        assert found(loaded(text)) == found(nlp(text))
