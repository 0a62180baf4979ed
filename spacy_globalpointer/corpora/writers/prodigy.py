"""JSON lines that Prodigy's recipes `spans.manual`, `spans.correct` and `rel.manual` take.

Sources: https://prodi.gy/docs/api-interfaces#spans_manual and #relations: `tokens` are objects
with `text`, `start`, `end` (characters, exclusive), `id` and `ws` (a space follows); spans have
`token_start` and `token_end`, of which the last is inclusive; relations have the tokens `head` and
`child`, which are the last ones of their spans (explosion/projects, tutorials/rel_component,
scripts/parse_data.py), and the spans themselves as `head_span` and `child_span`. What a task has
beside these is kept.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Any

from .form import Row, Written, list_kept, list_lost, set_apart

# Of an earlier answer to the task: with them Prodigy would take it for one that is done.
TAKEN = ("answer", "_input_hash", "_task_hash", "_timestamp", "_annotator_id", "_session_id")
# Where there are no tokens: characters of scripts without spaces, words, signs, white space.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\uffff]+|\s+|.", re.DOTALL)


def to_prodigy(record: Row) -> Written:
    """A record as a task. A token that a span cuts becomes two tokens, so that every span fits."""
    lost = list_lost(record, scores=True)
    lost = [what for what in lost if what == "events"]  # a score or a group may stand anywhere
    fields = set_apart(record, TAKEN, lost)
    text, spans = record["text"], record.get("spans")
    extents = [(span["start"], span["end"]) for span in spans or ()]
    tokens = list_tokens(text, fields.pop("tokens", ()), extents)
    task: dict[str, Any] = {"text": text, **fields, "tokens": tokens}
    if spans is None:
        return Written(task, list_kept("Prodigy", lost))
    first = {token["start"]: token["id"] for token in tokens}
    last = {token["end"]: token["id"] for token in tokens}
    # Where a space follows a token, a span may end behind it.
    last |= {token["end"] + 1: token["id"] for token in tokens if token["ws"]} | last
    task["spans"] = [
        {**span, "token_start": first[span["start"]], "token_end": last[span["end"]]}
        for span in spans
    ]
    if "relations" in record:
        task["relations"] = [_make_relation(x, task["spans"]) for x in record["relations"]]
    return Written(task, list_kept("Prodigy", lost))


def list_tokens(
    text: str, words: Iterable[str], extents: Collection[tuple[int, int]]
) -> list[dict[str, Any]]:
    """The tokens of a text: with the spaces behind them, they are the text.

    words: found in the text in this order; if there are none, or one is not found, others are made.
    extents (characters): of spans; a token that goes over a border of one is cut.
    """
    starts = {start for start, _ in extents}
    cuts = sorted({*_find_borders(text, words), *(place for both in extents for place in both)})
    tokens: list[dict[str, Any]] = []
    for start, end in pairwise(cuts):
        is_space = text[start:end] == " " and start not in starts
        if is_space and tokens and tokens[-1]["end"] == start:
            tokens[-1]["ws"] = True
        else:
            row = {"text": text[start:end], "start": start, "end": end, "id": len(tokens)}
            tokens.append({**row, "ws": False})
    return tokens


def _find_borders(text: str, words: Iterable[str]) -> set[int]:
    """Where words, and the spaces before other white space, begin and end."""
    found, place = {0, len(text)}, 0
    for word in words:
        place = text.find(word, place)
        if place < 0:
            found = {0, len(text)}
            break
        found |= {place, place + len(word)}
        place += len(word)
    if found == {0, len(text)}:
        found |= {match.start() for match in WORD.finditer(text)}
    # A single space after a token is no token of its own.
    return found | {place + 1 for place in found if text[place : place + 1] == " "}


def _make_relation(relation: Row, spans: Sequence[Row]) -> dict[str, Any]:
    head, child = spans[relation["head"]], spans[relation["child"]]
    keys = ("start", "end", "token_start", "token_end", "label")
    return {
        **relation,
        "head": head["token_end"],
        "child": child["token_end"],
        "head_span": {key: head[key] for key in keys},
        "child_span": {key: child[key] for key in keys},
    }
