import pytest

from spacy_globalpointer.corpora.mentions import check_mentions, find_mention
from spacy_globalpointer.spans import LabelledSpan

TEXT = "😀北京很大，李雷在上海😀见韩梅梅。"
MENTIONS = ["北京", "李雷", "上海", "韩梅梅"]
BREAKS = "Ada lives\nin London\nwith Bob.\n"


def pair(start, end, label, mention):
    return LabelledSpan(start, end, label), mention


def spans(text, mentions, count, last=0):
    """Spans with offsets that count something else than characters.

    count: of the text before an offset.
    last: added to each end.
    """
    pairs = []
    for mention in mentions:
        start = text.index(mention)
        end = start + len(mention)
        pairs.append(pair(count(text[:start]), count(text[:end]) + last, "X", mention))
    return pairs


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def utf8(text):
    return len(text.encode())


def crlf(text):
    return len(text.replace("\n", "\r\n"))


def lf(text):
    return len(text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    ("text", "mentions", "count", "last", "reading", "repair"),
    [
        (TEXT, MENTIONS, len, -1, "ends are inclusive", "add 1 to each end"),
        (TEXT, MENTIONS, len, 1, "ends are 1 too large", "subtract 1 from each end"),
        (TEXT, MENTIONS, utf16, 0, "offsets count UTF-16 code units", "count characters: len"),
        (TEXT, MENTIONS, utf16, -1, "offsets count UTF-16 .* and ends are inclusive", "then add 1"),
        (TEXT, MENTIONS, utf8, 0, "offsets count UTF-8 bytes", "len(text.encode()"),
        (BREAKS, ["London", "Bob"], crlf, 0, "offsets count a line break as two", "line breaks"),
        (
            BREAKS.replace("\n", "\r\n"),
            ["London", "Bob"],
            lf,
            0,
            "offsets count CRLF as one character",
            "CRLF before it",
        ),
        (BREAKS, ["Ada", "Bob"], lambda s: len(s) + 1, 0, "offsets are 1 too large", "subtract 1"),
        (BREAKS, ["London", "Bob"], lambda s: len(s) - 1, 0, "are 1 too small", "add 1 to each st"),
        (BREAKS, ["Ada", "Bob"], lambda s: len(s) + 700, 0, "are 700 too large", "subtract 700"),
        (BREAKS, ["Ada", "Bob"], lambda s: len(s) + 1, -1, "1 too large and ends are incl", "sub"),
        ("😀\n" + BREAKS, ["Ada", "Bob"], lambda s: utf16(s) + s.count("\n"), 0, "two and a l", ""),
    ],
)
def test_the_reading_that_fits_is_named(text, mentions, count, last, reading, repair):
    with pytest.raises(
        ValueError, match=f" of {len(mentions)} mentions .* fit if .*{reading}"
    ) as e:
        check_mentions(text, spans(text, mentions, count, last), "x line 1")
    assert str(e.value).startswith("x line 1: start and end must give the mention of the span, was")
    assert repair in str(e.value).split("To fix: ")[1]


def test_offsets_that_count_characters_pass():
    check_mentions(TEXT, spans(TEXT, MENTIONS, len), "x")
    check_mentions(TEXT, [pair(0, 99, "X", None), pair("0", 2, "X", "北京")], "x")


def test_white_space_does_not_count():
    check_mentions("Ada \nLovelace ", [pair(0, 14, "X", "Ada Lovelace")], "x")


def test_the_unicode_form_does_not_count():
    check_mentions("Cafe\u0301 Rome", [pair(0, 5, "X", "Caf\u00e9")], "x")
    with pytest.raises(ValueError, match="must give the mention"):
        check_mentions("Cafe\u0301 Rome", [pair(0, 4, "X", "Caf\u00e9")], "x")


def test_most_of_the_mentions_are_enough():
    pairs = [*spans(TEXT, MENTIONS, utf16), pair(1, 3, "X", "no such")]
    with pytest.raises(ValueError, match="4 of 5 mentions of this record fit if offsets count UTF"):
        check_mentions(TEXT, pairs, "x")


def test_no_reading_is_named_where_none_fits():
    with pytest.raises(ValueError, match="No usual reading of the offsets fits"):
        check_mentions(TEXT, [pair(1, 3, "X", "广州")], "x")


def test_a_mention_in_an_empty_text_is_named():
    with pytest.raises(ValueError, match=r"was: '广州' .* where the text has nothing"):
        check_mentions("", [pair(0, 2, "X", "广州")], "x")


def test_offsets_in_tokens():
    words = ["Ada", "Lovelace", "met", "Bob"]
    text = " ".join(words)
    inside = [pair(0, 2, "X", "Ada Lovelace"), pair(3, 4, "X", "Bob")]
    check_mentions(text, inside, "x", words=words, in_tokens=True)
    with pytest.raises(ValueError, match=r'fit if offsets count tokens.*leave "text" out'):
        check_mentions(text, inside, "x", words=words)
    inclusive = [(span._replace(end=span.end - 1), mention) for span, mention in inside]
    with pytest.raises(ValueError, match=r"2 of 2 .* fit if ends are inclusive. To fix: add 1 to"):
        check_mentions(text, inclusive, "x", words=words, in_tokens=True)
    with pytest.raises(ValueError, match="fit if offsets count characters of the joined tokens"):
        check_mentions(text, [pair(17, 20, "X", "Bob")], "x", words=words, in_tokens=True)


@pytest.mark.parametrize(
    ("span", "mention"),
    [
        ({"text": "Ada"}, "Ada"),
        ({"mention": "Ada"}, "Ada"),
        ({"text": "", "surface": "Ada"}, "Ada"),
        ({"value": "Ada"}, "Ada"),
        ({"value": "2020-01-01"}, None),  # another form of what stands there
        ({"text": 7}, None),
        ({"comment": "Ada"}, None),
        ({"Text": "Bob"}, "Bob"),
        ({"entity": "Ada"}, "Ada"),
        ({"entity": "PER"}, None),
        ({"entityText": "Ada"}, "Ada"),
        ({"span": "Ada"}, "Ada"),
        ({"内容": "Ada"}, "Ada"),
        ({"normalized_name": "Ada"}, None),
        ({"label": "Ada"}, None),
    ],
)
def test_the_mention_of_a_span(span, mention):
    assert find_mention(span, "Ada lives.") == mention


def test_long_mentions_are_shown_in_part():
    with pytest.raises(ValueError, match="must give the mention") as error:
        check_mentions("a" * 50_000, [pair(0, 40_000, "X" * 9_000, "b" * 30_000)], "x")
    assert len(str(error.value)) < 700
