"""Shapes of values that hold places in a text, or parts of it: borders, mentions, their kinds."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

# Lists as long as the tokens that say nothing of spans.
LINGUISTIC = frozenset(
    "char chars chunk dep deps feats head heads id ids lang lemma lemmas lower mask morph norm pos "
    "shape space spaces token tokens upos whitespace word words ws xpos".split()
)
START = frozenset(
    "b begin begins first from left offset s start starts anfang debut inicio inizio начало 开始 "
    "起始 開始".split()
)
END = frozenset(
    "e end ends last len length right stop stops to ende fim fin fine конец 结束 終了".split()
)
TIME = frozenset("date day hour month page second time timestamp year".split())
PLACES = frozenset(
    "idx index indexes indices interval loc location locations offset offsets points pos position "
    "positions range segment span spans".split()
)
TYPE = frozenset(
    "category class ent entity group label labels ner tag tags type types etiqueta etiquette tipo "
    "typ тип 标签 类别 类型 種類".split()
)
MENTION = frozenset(
    "content entity exact mention name object phrase quote span string subject surface text "
    "trigger value word 内容 名称 提及 文本".split()
)
# Parts of a text that are no annotation: their borders may be given.
PARTS = frozenset(
    "chunk chunks line lines page pages paragraph paragraphs section sections sent sentence "
    "sentences sents token tokens word words".split()
)
# Strings that name no kind of span: what stands there, or where it comes from.
PLAIN = frozenset("heading id key source text title token url uuid value word".split())


def split_name(key: str) -> frozenset[str]:
    """The words of a name such as "startOffset" or "ner_tags", in small letters without accents."""
    key = "".join(c for c in unicodedata.normalize("NFKD", key) if not unicodedata.combining(c))
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|[^\W\d_a-zA-Z]+", key)
    return frozenset(word.lower() for word in words)


def is_span(value: Any, text: str) -> bool:
    """Whether an object has the place or the mention of a span, and its label."""
    if not isinstance(value, dict):
        return False
    if has_place(value) or _has_mention(value, text):
        return True
    return any(
        _list_borders(inner)
        and (has_type({**inner, **value}) or bool(split_name(key) & PLACES and _has_name(value)))
        for key, inner in _list_inner(value)
    )


def _list_inner(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects in an object, alone or first of a list: places are often written so."""
    for key, item in value.items():
        item = item[0] if isinstance(item, list) and item else item
        if isinstance(item, dict):
            yield key, item


def has_place(value: dict[str, Any]) -> bool:
    """Whether an object has two borders and a string that is no text, or places and a type."""
    borders = _list_borders(value)
    if borders:
        others = {key: item for key, item in value.items() if key not in borders}
        numbers = any(split_name(key) & TYPE and type(v) is int for key, v in others.items())
        return numbers or _has_name(value)
    lists = any(split_name(k) & PLACES and isinstance(v, list) for k, v in _list_places(value))
    return lists and has_type(value)


def _list_borders(value: dict[str, Any]) -> list[str]:
    """The keys of an object's start and end; empty if it has not both."""
    names = {key: split_name(key) for key, _ in _list_places(value)}
    starts = [key for key, words in names.items() if words & START]
    ends = [key for key, words in names.items() if words & END and key not in starts[:1]]
    return [*starts[:1], *ends[:1]] if starts and ends else []


def _list_places(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if _is_place(item) and not split_name(key) & TIME:
            yield key, item


def _has_name(value: dict[str, Any]) -> bool:
    """Whether an object has a string that may name a kind of span."""
    return any(_is_name(item) and not split_name(key) & PLAIN for key, item in value.items())


def are_columns(value: dict[str, Any]) -> bool:
    """Whether an object has lists of starts, of ends and of names."""
    return has_place({key: item for key, item in value.items() if isinstance(item, list)})


def are_mentions(value: dict[str, Any], text: str) -> bool:
    """Whether an object has kinds by mention, or mentions by kind."""
    if any(split_name(key) & (LINGUISTIC | PARTS) for key in value):
        return False
    if all(isinstance(item, str) for item in value.values()):
        return all(_stands_in(key, text) for key in value)
    lists = [item for item in value.values() if isinstance(item, list) and item]
    return len(lists) == len(value) and all(_stands_in(x, text) for xs in lists for x in xs)


def is_fact(value: Any, text: str) -> bool:
    """Whether this is a list of a mention and its kind, or of mentions and what relates them."""
    if not isinstance(value, list) or len(value) not in (2, 3) or not _is_name(value):
        return False
    mentions = [_stands_in(item, text) for item in value]
    return mentions[0] and mentions[-1] if len(value) == 3 else sum(mentions) == 1


def _stands_in(value: Any, text: str) -> bool:
    """Whether a text has this string, as whole words where it is written in Latin letters."""
    if not isinstance(value, str) or len(value) < 2:
        return False
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text))


def _has_mention(value: dict[str, Any], text: str) -> bool:
    """Whether an object has a part of the text, and a type of it."""
    mentions = [
        key
        for key, item in value.items()
        if split_name(key) & MENTION and isinstance(item, str) and item.strip() and item in text
    ]
    return any(has_type({k: v for k, v in value.items() if k != key}) for key in mentions)


def has_type(value: dict[str, Any]) -> bool:
    """Whether an object has a string, or several, in a key that says of what kind it is."""
    return any(split_name(key) & TYPE and _is_name(item) for key, item in value.items())


def _is_place(value: Any) -> bool:
    """Whether this is a number, or a list of numbers or of lists of them."""
    if isinstance(value, list):
        inner = [x for item in value for x in (item if isinstance(item, list) else [item])]
        return bool(inner) and all(type(x) is int for x in inner)
    return _is_whole(value) or (isinstance(value, str) and value.isdecimal())


def _is_whole(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_name(value: Any) -> bool:
    """Whether this is a string, or a list of strings, and no number."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(x, str) and not x.isdecimal() for x in values)


def is_row(value: Any) -> bool:
    """Whether this is a list of start, end and label, in any order; start and end may be a pair."""
    if not isinstance(value, list) or not any(_is_name(item) for item in value):
        return False
    pairs = [item for item in value if isinstance(item, list) and _is_place(item)]
    numbers = [item for item in value if type(item) is int]
    numbers = numbers or [item for item in value if _is_whole(item)]
    return len(value) <= 6 and (len(numbers) == 2 or any(len(pair) == 2 for pair in pairs))


def are_borders(values: Sequence[Any], length: int) -> bool:
    """Whether these are pairs of start and end in a text of this length."""
    pairs = [v for v in values if isinstance(v, list) and [type(x) for x in v] == [int, int]]
    inside = all(0 <= start <= end <= length for start, end in pairs)
    return len(pairs) == len(values) and inside and any(start < end for start, end in pairs)
