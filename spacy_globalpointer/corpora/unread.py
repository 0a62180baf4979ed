"""What looks like annotation in a record and is in no key that is read: never lost silently.

Names of keys and shapes of values tell it, whichever tool wrote them. Annotation is
- a list or object whose key has a word of ANNOTATION, or of LABELS if it is more than names;
- a place in the text, or a mention, with its kind: in an object or in a row;
- kinds by mention, mentions by kind, rows of mentions, pairs of borders;
- a tag or label for each token;
and each of these inside of others, or written into a string.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..messages import list_some, shorten
from .readers.bio import TAG

# Whatever is in these is no annotation of spans: spaCy's classes of texts, a place for the rest.
FREE = frozenset({"meta", "metadata", "cats"})
# Words in names of keys: of annotation, unless a word of ABOUT says that it is only about it ...
ANNOTATION = frozenset(
    "annotation annotations annotated ent entity entities ents event events highlights iob iob2 "
    "bilou bioes mention mentions ner nes relation relations span spans spo triples triplets "
    "entidad entidade entidades entitat entitaten entite entites entita сущности".split()
)
WITHIN = re.compile("[实實][体體]|标注|標註|标记|標記|固有表現")  # anywhere, as there are no spaces
LABELS = frozenset("label labels 标签".split())
ABOUT = frozenset("count counts id ids map names set type types url urls vocab".split())
# ... of its parts: borders, lists or objects of them, kinds, and mentions ...
BORDER = frozenset(
    "b begin begins first from left offset s start starts e end ends last len length right stop "
    "stops to anfang ende debut fin inicio fim inizio fine начало конец 开始 起始 结束 開始 "
    "終了".split()
)
PLACES = frozenset(
    "idx index indexes indices interval loc location locations offsets points pos position "
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
# ... of what is none: times, strings that name no kind, parts of a text, other facts of tokens.
TIME = frozenset("date day hour month page second time timestamp year years".split())
PLAIN = frozenset("heading id key source text title token url uuid value word".split())
PARTS = frozenset(
    "chunk chunks line lines page pages paragraph paragraphs section sections sent sentence "
    "sentences sents token tokens word words".split()
)
LINGUISTIC = PARTS | frozenset(
    "char chars dep deps feats head heads id ids lang lemma lemmas lower mask morph norm pos shape "
    "space spaces upos whitespace ws xpos".split()
)
INNER = ""  # stands for all words of a key in an object inside
# A line of brat's .ann files; a list or object as text, as in cells of tables, but an empty one.
BRAT = re.compile(r"^T\d+\t\S+ \d+ \d+", re.MULTILINE)
WRITTEN = re.compile(r"\s*(\[.+\]|\{.+\}|\(.+\))\s*", re.DOTALL)
# Deeper than any tool nests its annotation; items of the longest row.
DEEPEST, LONGEST_ROW = 8, 6
EXAMPLE = '"spans": [{"start": 0, "end": 3, "label": "X"}]'


def refuse_unread(
    row: Mapping[str, Any],
    source: str,
    *,
    known: Collection[str],
    words: Sequence[str] | None = None,
    text: Any = None,
) -> None:
    """Refuse a record with annotation in a key that is not read.

    row: a JSON object.
    known: the keys that are read.
    words: the tokens of the record.
    text: that it is about; None for its own, or its tokens.
    RAISES (ValueError): such a key.
    """
    text = row.get("text") if text is None else text
    text = text if isinstance(text, str) else " ".join(words or ())
    for key, value in row.items():
        if key not in {*known, *FREE} and _is_annotation(key, value, text, words):
            *some, last = (f'"{name}"' for name in sorted(known))
            keys = " and ".join([*([", ".join(some)] if some else []), last])
            raise ValueError(
                f'{source}: "{shorten(key)}" looks like annotation, but only {keys} are read, was: '
                f"{shorten(value)}. Write spans as {EXAMPLE}; move what is no annotation of spans "
                'into "meta", or remove it'
            )


def refuse_single_span(row: Mapping[str, Any], source: str) -> None:
    """Refuse a record that is one span itself, as lines of a table are.

    row: a JSON object without "spans".
    RAISES (ValueError): it has start, end and a type.
    """
    others = {key: value for key, value in row.items() if key not in FREE}
    if _is_span(others, None):
        raise ValueError(
            f"{source}: a record that looks like one span must have it in a list, was: "
            f"the keys {list_some(sorted(others), 10)}. Write {EXAMPLE}"
        )


def list_unread(row: Mapping[str, Any], *, known: Collection[str]) -> list[str]:
    """Keys that may hold annotation of a form that nobody knows: with lists, objects, or a name.

    row: a JSON object without annotation that is read.
    known: the keys that are read.
    """
    return [
        key
        for key, value in row.items()
        if value
        and key not in {*known, *FREE}
        and not split_name(key) & (ABOUT | LINGUISTIC)
        and (isinstance(value, (list, dict)) or split_name(key) & ANNOTATION)
    ]


@lru_cache(maxsize=1000)
def split_name(key: str) -> frozenset[str]:
    """The words of a name such as "startOffset" or "ner_tags", in small letters without accents."""
    key = "".join(c for c in unicodedata.normalize("NFKD", key) if not unicodedata.combining(c))
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|[^\W\d_a-zA-Z]+", key)
    return frozenset(word.lower() for word in words)


def _is_annotation(
    key: str, value: Any, text: str, words: Sequence[str] | None, depth: int = 0
) -> bool:
    """Whether a value looks like annotation of spans.

    key: its name, empty for an item of a list.
    depth: in the record.
    """
    name = split_name(key)
    is_named = bool(name & ANNOTATION or WITHIN.search(key)) and not name & ABOUT
    is_labels = bool(name & LABELS) and not name & ABOUT
    if isinstance(value, str) and WRITTEN.fullmatch(value):
        if is_named or is_labels:
            return True
        value = _parse(value)
    if isinstance(value, str):
        return bool(BRAT.search(value)) or _are_labels(frozenset(), value.split(), text, words)
    if not isinstance(value, (list, dict)) or not value or depth > DEEPEST:
        return False
    if isinstance(value, dict):
        inner = list(value.items())
        are_classes = all(isinstance(item, (int, float)) for item in value.values())
        found = _is_span(value, None) or _are_mentions(value, text)
    else:
        inner = [("", item) for item in value]
        are_classes = not any(isinstance(item, (list, dict)) for item in value)
        own = frozenset() if depth else name
        found = _are_labels(own, value, text, words) or _are_spans(name, value, text)
    if found or is_named or (is_labels and not are_classes):
        return True
    return any(_is_annotation(own, item, text, words, depth + 1) for own, item in inner)


def _parse(value: str) -> Any:
    """What a string holds as JSON; the string if it is none."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _are_labels(
    name: frozenset[str], values: Sequence[Any], text: str, words: Sequence[str] | None
) -> bool:
    """Whether these are BIO tags, or a label for each token, as names or numbers.

    name: words of the key that they are in; only tags are known without.
    """
    if len(values) < 2 and len(words or ()) != 1:
        return False
    is_whole = len(values) in ([len(text), len(text.split())] if words is None else [len(words)])
    if all(isinstance(v, str) and TAG.fullmatch(v) for v in values):
        return is_whole or "O" in values
    if len(values) < 2 or not is_whole or not name or name & LINGUISTIC:
        return False
    # Labels of a text are as many as its words by chance, but each stands there once.
    is_told = name & {*LABELS, "tag", "tags"} and len(set(map(str, values))) < len(values)
    return all(type(v) in (int, str) for v in values) and (words is not None or bool(is_told))


def _are_spans(name: frozenset[str], values: Sequence[Any], text: str) -> bool:
    """Whether one of these is a span, or all are borders or mentions."""
    if any(_is_span(value, text) for value in values):
        return True
    rows = [value for value in values if isinstance(value, list) and 2 <= len(value) <= 3]
    if len(rows) < len(values):
        return False
    if all([type(item) for item in row] == [int, int] for row in rows):
        inside = all(0 <= start <= end <= len(text) for start, end in rows)
        return inside and any(start < end for start, end in rows) and not name & PARTS
    # A mention and its kind, or two mentions and what relates them.
    stand = [[_stands_in(item, text) for item in row] for row in rows if _is_name(row)]
    facts = [row for row in stand if sum(row) == 1 or (len(row) == 3 and row[0] and row[-1])]
    return len(facts) == len(values)


def _is_span(value: Any, text: str | None) -> bool:
    """Whether an object or a row has a place and its kind.

    text: of the record, if this is one of a list. Then any string may be the kind, an object may
        have it and the place in others inside of it, and a mention will do for a place.
    """
    if isinstance(value, list) and len(value) <= LONGEST_ROW:
        leaves = [(BORDER | TYPE, item) for item in value if not isinstance(item, dict)]
    elif isinstance(value, dict):
        leaves = list(_list_leaves(value, depth=0 if text is None else 3))
    else:
        return False
    kinds = [v for name, v in leaves if name & TYPE and (_is_name(v) or type(v) is int)]
    strings = [v for name, v in leaves if not name & PLAIN and _is_name(v)]
    numbers = [(name, v) for name, v in leaves if not name & TIME and _is_whole(v)]
    borders = [(name, v) for name, v in numbers if name & BORDER]
    lists = [v for name, v in numbers if name & (BORDER | PLACES) and isinstance(v, list)]
    near = [v for name, v in borders if INNER not in name or name & PLACES]
    if isinstance(value, list):
        return bool(strings and (len(borders) >= 2 or lists))
    if kinds and (len(borders) >= 2 or lists):
        return True
    if text is None:  # lists of starts, of ends and of kinds
        return len(lists) >= 2 and any(isinstance(v, list) for v in strings)
    mentions = [v for n, v in leaves if n & MENTION and isinstance(v, str) and v.strip()]
    is_mention = any(v in text and any(v is not kind for kind in kinds) for v in mentions)
    return is_mention or bool(strings and len(near) >= 2)


def _list_leaves(value: dict[str, Any], depth: int) -> Iterator[tuple[frozenset[str], Any]]:
    """Values in an object and in those inside of it, with the words of their keys.

    depth: of the objects inside. Lists of lists or of objects stand for their first item.
    """
    for key, item in value.items():
        while isinstance(item, list) and item and isinstance(item[0], (list, dict)):
            item = item[0]
        if depth and isinstance(item, dict):
            for name, leaf in _list_leaves(item, depth - 1):
                yield name | split_name(key) | {INNER}, leaf
        else:
            yield split_name(key), item


def _are_mentions(value: dict[str, Any], text: str) -> bool:
    """Whether an object has kinds by mention, or mentions by kind."""
    lists = [item for item in value.values() if isinstance(item, list) and item]
    if all(isinstance(item, str) for item in value.values()):
        lists = [list(value)]
    elif len(lists) < len(value):
        return False
    is_other = any(split_name(key) & LINGUISTIC for key in value)
    return not is_other and all(_stands_in(item, text) for items in lists for item in items)


def _stands_in(value: Any, text: str) -> bool:
    """Whether a text has this string, as whole words where it is written in Latin letters."""
    if not isinstance(value, str) or len(value) < 2:
        return False
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text))


def _is_whole(value: Any) -> bool:
    """Whether this is a whole number, or a list of them."""
    if isinstance(value, list):
        return bool(value) and all(type(item) is int for item in value)
    if isinstance(value, str):
        return value.isdecimal()
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_name(value: Any) -> bool:
    """Whether this is a string, or a list of strings, and no number."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(v, str) and not v.isdecimal() for v in values)
