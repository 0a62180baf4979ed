import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.corpora.readers.bio import read_bio


def read(text, **options):
    return list(read_bio(text.splitlines(True), "x.bio", **options))


def token_spans(record):
    """Spans in tokens; every word of these tests is joined by one space or none."""
    gap = len(record.text) > sum(map(len, record.words))
    starts, ends, position = {}, {}, 0
    for i, word in enumerate(record.words):
        starts[position] = i
        ends[position + len(word)] = i + 1
        position += len(word) + gap
    return [(starts[start], ends[end], label) for start, end, label in record.spans]


def column(tags):
    return "\n".join(f"t{i} {tag}" for i, tag in enumerate(tags.split()))


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O O", []),
        ("B-A I-A O", [(0, 2, "A")]),
        ("B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A B-B", [(0, 1, "A"), (1, 2, "B")]),
        ("O B-A", [(1, 2, "A")]),
        ("B-A-x I-A-x", [(0, 2, "A-x")]),
        ("B-A I-A E-A S-B", [(0, 3, "A"), (3, 4, "B")]),  # BIOES
        ("B-A E-A B-A E-A", [(0, 2, "A"), (2, 4, "A")]),
        ("B-A M-A M-A E-A O S-A", [(0, 4, "A"), (5, 6, "A")]),  # BMES
        ("I-A", [(0, 1, "A")]),  # IOB1
        ("O I-A I-A O", [(1, 3, "A")]),
        ("I-A B-A I-A O", [(0, 1, "A"), (1, 3, "A")]),
        ("I-A I-B B-B", [(0, 1, "A"), (1, 2, "B"), (2, 3, "B")]),
        ("B-A I-A L-A U-A", [(0, 3, "A"), (3, 4, "A")]),  # BILOU
    ],
)
def test_every_scheme_gives_spans(tags, spans):
    (record,) = read(column(tags))
    assert token_spans(record) == spans


def test_every_tag_column_is_a_layer():
    (record,) = read("University\tB-ORG\tO\nof\tI-ORG\tO\nOslo\tI-ORG\tB-GPE\n")
    assert record.text == "University of Oslo"
    assert record.words == ("University", "of", "Oslo")
    assert record.spans == ((0, 18, "ORG"), (14, 18, "GPE"))
    assert record.unknown_spaces


def test_each_layer_has_a_scheme_of_its_own():
    (record,) = read("a S-X B-Y\nb O I-Y\n")
    assert token_spans(record) == [(0, 1, "X"), (0, 2, "Y")]


def test_blank_lines_and_docstart_separate_records():
    text = "-DOCSTART- O\n\na B-X\n\n \t\nb I-X\n".replace("I-X", "O") + "-DOCSTART- O\nc O"
    records = read(text)
    assert [record.text for record in records] == ["a", "b", "c"]
    assert [record.source for record in records] == [f"x.bio line {n}" for n in (3, 6, 8)]
    assert [record.spans for record in records] == [((0, 1, "X"),), (), ()]
    assert read("") == []


def test_chinese_is_joined_without_spaces_and_keeps_ideographic_spaces():
    (record,) = read("北 B-GPE\r\n京 E-GPE\r\n\u3000 O\r\n好 O\r\n", joiner="")
    assert record.text == "北京\u3000好"
    assert record.spans == ((0, 2, "GPE"),)
    assert not record.unknown_spaces


def test_a_tab_allows_spaces_in_tokens():
    (record,) = read("New York\tB-GPE\n")
    assert record.words == ("New York",)


def test_comments_are_left_out():
    text = "# text = a # b\n#\n# id = 1\na B-X\n# in the middle of it\n# I-X\nb I-X\n\n# 2\nc O\n"
    records = read(text)
    assert [record.words for record in records] == [("a", "#", "b"), ("c",)]
    assert [record.source for record in records] == ["x.bio line 4", "x.bio line 10"]
    assert token_spans(records[0]) == [(0, 3, "X")]
    (record,) = read("# text = a\tb\n# 1\tB-X\n")
    assert record.words == ("# 1",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (column("O I-A O B-A"), "line 2: I-A must continue a span of A, was after: O. Write B-A"),
        (column("I-A B-B"), "line 1: I-A must continue .*was after: the start of the sentence"),
        (column("B-A I-B"), "line 2: I-B must continue a span of B, was after: B-A"),
        (column("B-A E-A I-A"), "line 3: I-A must continue a span of A, was after: E-A"),
        (column("E-A"), "line 1: E-A must continue"),
        (column("B-A O S-A"), "line 1: a span must end with E- or S- .*was: B-A. Write the end"),
        (column("S-A B-A I-A"), "line 3: a span must end with E- or S-"),
        (column("B-A B-A E-A"), "line 1: a span must end with E- or S-"),
        (column("O NNP"), "line 2: a tag must be O or one of B- .*was: 'NNP'. Keep only"),
        (column("B-"), "line 1: a tag must be O"),
        (column("B_A"), "line 1: a tag must be O"),
        (column("X-A"), "line 1: a tag must be O"),
        ("a O\nb\n", r"line 2: every line must have .*\(1 here\), was: b. Repair"),
        ("a O\nb O O\n", r"line 2: every line must have"),
        ("a O O\n\nb O\n", r"line 3: every line must have .*\(2 here\)"),
        ("#comment NN\n", "line 1: a tag must be O or"),
        ("a O\n# NN\n", "line 2: a tag must be O or"),  # a token "#", as the columns fit
        ("\tO\n", "line 1: every line must have a token"),
    ],
)
def test_a_malformed_line_is_named(text, message):
    with pytest.raises(ValueError, match=f"^x.bio {message}"):
        read(text)


@st.composite
def layers(draw):
    """Number of tokens, and layers of spans that do not overlap within a layer."""
    n_tokens = draw(st.integers(1, 10))
    result = []
    for _ in range(draw(st.integers(1, 3))):
        layer, position = [], 0
        while position < n_tokens:
            length = draw(st.integers(1, n_tokens - position))
            if draw(st.booleans()):
                layer.append(
                    (position, position + length, draw(st.sampled_from(["A", "B", "C-d"])))
                )
            position += length
        result.append(layer)
    return n_tokens, result


def encode(n_tokens, spans, scheme):
    """Tags of spans; scheme has the letters for first, inside, last and single tokens."""
    tags = ["O"] * n_tokens
    for start, end, label in spans:
        letters = [scheme[0], *scheme[1] * (end - start - 2), scheme[2]]
        for i, letter in enumerate(letters if end - start > 1 else scheme[3]):
            tags[start + i] = f"{letter}-{label}"
    return tags


@given(
    layers(),
    st.sampled_from(["BIIB", "BIES", "BMES", "BILU"]),
    st.sampled_from("\t "),
    st.sampled_from(["", " "]),
)
def test_bio_round_trip(case, scheme, separator, joiner):
    n_tokens, spans = case
    words = [f"w{i:02}" for i in range(n_tokens)]
    tags = [encode(n_tokens, layer, scheme) for layer in spans]
    rows = [separator.join(row) for row in zip(words, *tags, strict=True)]
    text = "\n".join(rows) + "\n\n"
    first, second = read(text * 2, joiner=joiner)
    assert first.words == second.words == tuple(words)
    assert first.text == joiner.join(words)
    assert (
        token_spans(first)
        == token_spans(second)
        == sorted(span for layer in spans for span in layer)
    )
    assert not re.search(r"\s$", first.text)
