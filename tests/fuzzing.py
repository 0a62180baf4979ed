"""What the fuzz tests share: how many cases they try, and strings and bytes that break things."""

import os
import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

IS_NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# Of the cases of a nightly run, one in so many is tried with each change.
SHARE = 50
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def cases(nightly, share=SHARE, **options):
    """Settings of a test that tries so many cases in a nightly run."""
    n = nightly if IS_NIGHTLY else max(2, nightly // share)
    return settings(max_examples=n, suppress_health_check=SLOW, **options)


# Zero width, combining, right to left, ligatures, astral, spaces, line ends, controls.
ODD = [
    *("\u200b", "\u200d", "\ufeff", "\u0301", "\u202e", "\u05d0", "\ufb01", "😀", "👩\u200d👧"),
    *("𝒳", "\U0010ffff", " ", "  ", "\u3000", "\u00a0", "\t", "\n", "\r\n", "\r", "\u2028"),
    *("\x85", "\x0b", "\x1c", "\0", "\x7f", "'", '"', "\\", "<", "&", "-", "_", "//", "..."),
    *("http://a.b/c?d=e", "1,000.5", "北京", "don't", "cannot", "U.S.", "Ada", "Bob", "a"),
    *("İ", "ß", "ǅ"),
]
# Whole texts: only spaces, any Unicode, and odd pieces among words.
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.text(" \t\n\u3000\u200b", max_size=12)
    | st.lists(st.sampled_from(ODD), max_size=24).map("".join)
    | st.lists(st.sampled_from(ODD), max_size=24).map(" ".join)
)
# Names of labels, roles and types, as people have them and as nobody should.
LABELS = (
    st.sampled_from(["PER", "a:b", "a=b", "a.b", 'a"b', "a'b", "a b", "😀", "x" * 200, "${a.b}"])
    | st.sampled_from(["null", "true", "1", "1e5", "-", "[]", "{}", "#", "%", "$", "O", "B-PER"])
    | st.sampled_from(["\\", "\\n", "@x", "\u200b", "İ", "ß", "|", ",", "<b>", "(same event)"])
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
).filter(str.strip)
NUMBERS = st.sampled_from(
    [0, 1, 2, 3, -1, 10**9, 2**31, -(2**31) - 1, 2**63, 2**64, 10**30, 10**400]
) | st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e-320, 1e308, -1e4, float("nan"), float("inf")])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.sampled_from(["Ada", "PER", ""]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)
CHANGES = ["cut", "remove", "replace", "insert", "repeat", "flip", "word"]
# What goes into a file at any place: bytes, and text.
PIECES = st.binary(max_size=4) | st.sampled_from(
    [
        *(b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\0", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\t\t"),
        *(b"NaN", b"-Infinity", b"1e999", b"-1", b"9" * 25, b"9" * 5000, b"1.5", b"null", b"true"),
        *(b"[" * 2_000, b'{"a":' * 2_000, b"]", b"}", b'"', b"\\", b"\\ud800", b"\\u0000", b","),
        *(b"*", b"_", b"|", b"[1]", b";", b"#", b"B-X", b"I-", b"O", b"T1", b"R1", b"E1", b"Arg1"),
        *(b"&amp;", b"&x;", b"<!--", b"<a>", b"</a>", b"<![CDATA["),
        "\u200b\u2028\x85😀".encode(),
    ]
)


@st.composite
def damaged(draw, data):
    """The bytes, with up to three changes."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(CHANGES))
        if kind == "cut":
            data = data[:at]
        elif kind == "remove":
            data = data[:at] + data[end:]
        elif kind == "replace":
            data = data[:at] + draw(PIECES) + data[end:]
        elif kind == "insert":
            data = data[:at] + draw(PIECES) + data[at:]
        elif kind == "repeat":
            data = data[:end] + data[at:]
        elif kind == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
        elif words := [*re.finditer(rb"\w+", data)]:  # a number, a name, a tag
            word = draw(st.sampled_from(words))
            data = data[: word.start()] + draw(PIECES) + data[word.end() :]
    return data


# Words of a rule: ours, those of config checks and spaCy's errors; and of what does not fit memory.
RULES = r"\b(must|needs?|only|cannot)\b|To fix:|looks like|is not|\[E\d+\]"
RULES += "|Unable to allocate|dimension exceeded|array is too big"


def refuse_unclear(error, *names):
    """Refuse an error whose message has no rule, or none of the names of what it is about."""
    message = str(error)
    told = re.search(RULES, message)
    assert told, f"{type(error).__name__} has no rule: {message}"
    assert not names or any(name in message for name in names), f"not named: {message}"
