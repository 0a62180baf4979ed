"""What looks like annotation in a record and is in no key that is read: never lost silently.

Names of keys and shapes of values tell it, whichever tool wrote them.
"""

import re
from typing import Any, Collection, Dict, FrozenSet, Mapping, NamedTuple, Optional, Sequence

from .messages import list_some, shorten

# Whatever is in these is no annotation of spans: spaCy's classes of texts, a place for the rest.
FREE = frozenset({"meta", "metadata", "cats"})
# Words in names of keys. Lists and objects under these are annotation ...
ANNOTATION = frozenset(
    "annotation annotations annotated ent entity entities ents event events highlights iob iob2 "
    "bilou bioes mention mentions ner nes relation relations span spans spo triples triplets 实体 "
    "标注".split()
)
# ... and under these, unless they are classes of the whole text: names, or numbers by name.
LABELS = frozenset("label labels 标签".split())
# Lists about annotation that is somewhere else, or nowhere.
ABOUT = frozenset("count counts id ids map names set type types url urls vocab".split())
# Lists as long as the tokens that say nothing of spans.
LINGUISTIC = frozenset(
    "char chars chunk dep deps feats head heads id ids lang lemma lemmas lower mask morph norm pos "
    "shape space spaces token tokens upos whitespace word words ws xpos".split()
)
START = frozenset("b begin first from left offset s start".split())
END = frozenset("e end last len length right stop to".split())
TIME = frozenset("date day hour month page second time timestamp year".split())
PLACES = frozenset(
    "idx index indexes indices interval loc location locations offset offsets points position "
    "positions range span spans".split()
)
TYPE = frozenset("category class ent entity group label labels ner tag tags type types".split())
MENTION = frozenset(
    "entity mention object phrase span subject surface text trigger value word".split()
)
# Parts of a text that are no annotation: their borders may be given.
PARTS = frozenset(
    "chunk chunks line lines page pages paragraph paragraphs section sections sent sentence "
    "sentences sents token tokens word words".split()
)
# Strings that name no kind of span: what stands there, or where it comes from.
PLAIN = frozenset("heading id key source text title token url uuid value word".split())
TAG = re.compile(r"O|[BIMELSU]-\S+")
# Deeper than any tool nests its annotation.
DEEPEST = 8


class _Text(NamedTuple):
    """What values are compared with.

    text: of the record.
    n_words: its tokens, where it has some.
    sizes: lengths that a list of tags may have.
    """

    text: str
    n_words: Optional[int]
    sizes: FrozenSet[int]


def refuse_unread(
    row: Mapping[str, Any],
    source: str,
    *,
    known: Collection[str],
    words: Optional[Sequence[str]] = None,
) -> None:
    """Refuse a record with annotation in a key that is not read.

    row: a JSON object.
    source: file and line, for messages.
    known: the keys that are read.
    words: the tokens of the record.
    RAISES (ValueError): such a key.
    """
    text = row["text"] if isinstance(row.get("text"), str) else ""
    n_words = None if words is None else len(words)
    sizes = frozenset({n_words or 0, len(text), len(text.split())})
    facts = _Text(text, n_words, sizes)
    others = {key: value for key, value in row.items() if key not in known and key not in FREE}
    for key, value in others.items():
        if _is_annotation(key, value, facts):
            raise ValueError(
                f'{source}: "{shorten(key)}" looks like annotation, but only '
                f"{_list_keys(known)} are read, was: {shorten(value)}. Write spans as "
                '"spans": [{"start": 0, "end": 3, "label": "X"}]; move what is no annotation of '
                'spans into "meta", or remove it'
            )


def refuse_single_span(row: Mapping[str, Any], source: str) -> None:
    """Refuse a record that is one span itself, as lines of a table are.

    row: a JSON object without "spans".
    source: file and line, for messages.
    RAISES (ValueError): it has start, end and a type.
    """
    others = {key: value for key, value in row.items() if key not in FREE}
    if _has_place(others) and _has_type(others):
        raise ValueError(
            f"{source}: a record that looks like one span must have it in a list, was: "
            f"the keys {list_some(sorted(others), 10)}. "
            'Write "spans": [{"start": 0, "end": 3, "label": "X"}]'
        )


def _list_keys(known: Collection[str]) -> str:
    *some, last = (f'"{key}"' for key in sorted(known))
    return f"{', '.join(some)} and {last}"


def _is_annotation(key: str, value: Any, facts: _Text, depth: int = 0) -> bool:
    """Whether a value looks like annotation of spans.

    key: its name, empty for an item of a list.
    depth: in the record.
    """
    words = _split_name(key)
    by_name = not words & ABOUT
    if isinstance(value, str):
        is_list = value.strip().startswith(("[", "{", "(")) and value.strip().endswith(tuple("]})"))
        if is_list and by_name and words & (ANNOTATION | LABELS) and len(value.strip()) > 2:
            return True
        return _are_tags(value.split(), facts)
    if not isinstance(value, (list, dict)) or not value or depth > DEEPEST:
        return False
    if by_name and words & ANNOTATION:
        return True
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return _are_tags(value, facts) or (not depth and _is_aligned(words, value, facts))
    if by_name and words & LABELS and not _are_numbers(value):
        return True
    if isinstance(value, dict):
        items = list(value.items())
    else:
        if any(_is_span(item, facts.text) or _is_row(item) for item in value):
            return True
        if not words & PARTS and _are_borders(value, len(facts.text)):
            return True
        items = [("", item) for item in value]
    return any(_is_annotation(name, item, facts, depth + 1) for name, item in items)


def _split_name(key: str) -> FrozenSet[str]:
    """The words of a name such as "startOffset" or "ner_tags"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|[^\W\d_a-zA-Z]+", key)
    return frozenset(word.lower() for word in words)


def _are_tags(values: Sequence[Any], facts: _Text) -> bool:
    """Whether these are BIO tags, of which one is O or which are as many as the tokens."""
    if len(values) < 2 or not all(isinstance(v, str) and TAG.fullmatch(v) for v in values):
        return False
    return "O" in values or len(values) in facts.sizes


def _is_aligned(words: FrozenSet[str], values: Sequence[Any], facts: _Text) -> bool:
    """Whether a list has a label for each token, as names or numbers."""
    if len(values) < 2 or words & LINGUISTIC or not all(type(v) in (int, str) for v in values):
        return False
    is_named = words & (LABELS | {"tag", "tags"})
    return len(values) == facts.n_words or bool(is_named and len(values) in facts.sizes)


def _are_numbers(value: Any) -> bool:
    """Whether an object has numbers by name, as classes of a text have."""
    return isinstance(value, dict) and all(isinstance(v, (int, float)) for v in value.values())


def _is_span(value: Any, text: str) -> bool:
    """Whether an object has the place or the mention of a span, and its label."""
    return isinstance(value, dict) and (_has_place(value) or _has_mention(value, text))


def _has_place(value: Dict[str, Any]) -> bool:
    """Whether an object has two borders and a string that is no text, or places and a type."""
    names = {key: _split_name(key) for key, item in value.items() if _is_place(item)}
    names = {key: words for key, words in names.items() if not words & TIME}
    starts = [key for key, words in names.items() if words & START]
    ends = [key for key, words in names.items() if words & END and key not in starts[:1]]
    if starts and ends:
        return any(_is_name(v) and not _split_name(key) & PLAIN for key, v in value.items())
    lists = any(words & PLACES and isinstance(value[key], list) for key, words in names.items())
    return lists and _has_type(value)


def _has_mention(value: Dict[str, Any], text: str) -> bool:
    """Whether an object has a part of the text, and a type of it."""
    mentions = [
        key
        for key, item in value.items()
        if _split_name(key) & MENTION and isinstance(item, str) and item.strip() and item in text
    ]
    return any(_has_type({k: v for k, v in value.items() if k != key}) for key in mentions)


def _has_type(value: Dict[str, Any]) -> bool:
    return any(_split_name(key) & TYPE and _is_name(item) for key, item in value.items())


def _is_place(value: Any) -> bool:
    """Whether this is a number, or a list of numbers or of lists of them."""
    if isinstance(value, list):
        inner = [x for item in value for x in (item if isinstance(item, list) else [item])]
        return bool(inner) and all(type(x) is int for x in inner)
    return type(value) is int or (isinstance(value, str) and value.isdecimal())


def _is_name(value: Any) -> bool:
    """Whether this is a string, or a list of strings, and no number."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(x, str) and not x.isdecimal() for x in values)


def _is_row(value: Any) -> bool:
    """Whether this is a list of start, end and label, in any order; start and end may be a pair."""
    if not isinstance(value, list) or not any(_is_name(item) for item in value):
        return False
    pairs = [item for item in value if isinstance(item, list) and _is_place(item)]
    numbers = [item for item in value if type(item) is int]
    return len(value) <= 6 and (len(numbers) == 2 or any(len(pair) == 2 for pair in pairs))


def _are_borders(values: Sequence[Any], length: int) -> bool:
    """Whether these are pairs of start and end in a text of this length."""
    pairs = [v for v in values if isinstance(v, list) and [type(x) for x in v] == [int, int]]
    inside = all(0 <= start <= end <= length for start, end in pairs)
    return len(pairs) == len(values) and inside and any(start < end for start, end in pairs)
