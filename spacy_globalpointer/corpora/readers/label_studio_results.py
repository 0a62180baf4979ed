"""What is in the results of Label Studio: regions of a text, and relations between them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...messages import shorten
from ...relations import Edge
from ...spans import LabelledSpan
from ..mentions import Mention, check_mentions
from ..unread import refuse_unread

RELATION = "relation"
LEFT_OUT = "A relation with a region that is not read, or in another text, is left out"
# Regions whose offsets are not in characters of a text.
ELSEWHERE = {
    "hypertextlabels": "the elements of a web page",
    "paragraphlabels": "the paragraphs of a dialogue",
}
# Which way a relation goes: from the first region to the second.
WAYS = {"right": (1,), "left": (-1,), "bi": (1, -1)}
VALUE_KEYS = ("start", "end", "text", "labels")
# One entry of "result".
Result = dict[str, Any]

# Of results: what tells them from each other, and their kind.
NAMES = ("id", "type", "to_name", "from_id", "to_id", "direction")


class Regions(NamedTuple):
    """The spans of a text.

    places: of the first span of each region, by its id.
    scores: of all spans, if they have one.
    notes: one for each thing that is not read.
    """

    spans: list[LabelledSpan]
    places: dict[str, int]
    scores: tuple[float, ...] | None
    notes: list[str]


def is_region(value: Any) -> bool:
    """Whether an object has a place and a list of labels."""
    if not isinstance(value, dict) or not {"start", "end"} <= value.keys():
        return False
    return any(isinstance(value.get(key), list) for key in ("labels", *ELSEWHERE))


def check_names(results: Iterable[Result], source: str) -> None:
    """Refuse results whose ids and names are no strings or numbers, or labels that are no list.

    RAISES (ValueError): such a result.
    """
    for result in results:
        names = [result.get(key) for key in NAMES]
        if any(isinstance(name, (list, dict)) for name in names) or not isinstance(
            result.get("labels") or [], list
        ):
            raise ValueError(
                f"{source}: {', '.join(NAMES)} of a result must be strings or numbers, and its "
                f"labels a list, was: {shorten(result)}. Export the project again, as JSON"
            )


def list_ids(results: Iterable[Result]) -> set[Any]:
    """The ids of everything that is no relation."""
    return {result.get("id") for result in results if result.get("type") != RELATION}


def find_text(data: dict[str, Any], name: Any, results: Sequence[Result], source: str) -> str:
    """The key of the text that regions are in.

    data: of the task.
    name: of the text in the labeling configuration; None if it is not known.
    RAISES (ValueError): there is no text.
    """
    _refuse_elsewhere(results, source)
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    if not texts:
        raise ValueError(
            f'{source}: a task must have a text in its data, was: {shorten(data)}. Add it as "text"'
        )
    told = [str(result.get("source", "")).removeprefix("$") for result in results[:1]]
    longest = sorted(texts, key=lambda key: -len(texts[key]))
    keys = [key for key in (*told, name, "text", *longest) if key in texts]
    return next((key for key in keys if _has_mentions(texts[key], results)), keys[0])


def _refuse_elsewhere(results: Iterable[Result], source: str) -> None:
    """Refuse regions whose offsets are not in characters of a text."""
    for result in results:
        value = result.get("value")
        value = value if isinstance(value, dict) else {}
        kinds = [kind for kind in ELSEWHERE if kind == result.get("type") or kind in value]
        if not kinds and "startOffset" in value:
            kinds = ["hypertextlabels"]
        if kinds:
            raise ValueError(
                f"{source}: a region must be in a plain text, was: {kinds[0]}, with offsets in "
                f"{ELSEWHERE[kinds[0]]}: {shorten(value)}. Label the plain text (the tag Text), or "
                "convert the offsets to its characters"
            )


def _has_mentions(text: str, results: Iterable[Result]) -> bool:
    """Whether regions can be in a text."""
    for result in results:
        value = result.get("value")
        start, end = (
            value.get(key) if isinstance(value, dict) else None for key in ("start", "end")
        )
        if type(start) is not int or type(end) is not int:
            continue
        mention = _read_mention(value, text)
        if end > len(text) or (mention and mention.split() != text[start:end].split()):
            return False
    return True


def _read_mention(value: Any, text: str) -> str | None:
    """The mention of a region; a line break may be written as a backslash and an n in it."""
    mention = value.get("text")
    if not isinstance(mention, str):
        return None
    return mention if mention in text else mention.replace("\\n", "\n")


def read_regions(results: Iterable[Result], text: str, source: str) -> Regions:
    """The regions of a text; a region with several labels is a span for each.

    RAISES (ValueError): a malformed region, a mention that is not at its place.
    """
    mentions: list[Mention] = []
    scores: list[Any] = []
    regions = Regions([], {}, None, [])
    for result in results:
        value: Any = result.get("value")
        kind = result.get("type", "labels" if is_region(value) else None)
        if kind != "labels":
            regions.notes.append(f'A result of type "{shorten(kind)}" is not read')
            continue
        _check_region(result, text, source)
        labels = value["labels"]
        if not labels:
            regions.notes.append("A region without a label is not read")
        if result.get("meta"):
            regions.notes.append("The meta of a region is not read")
        for label in labels:
            regions.places.setdefault(str(result.get("id")), len(mentions))
            span = LabelledSpan(value["start"], value["end"], label)
            mentions.append((span, _read_mention(value, text)))
            scores.append(result.get("score"))
    check_mentions(text, mentions, source)
    regions.spans.extend(span for span, _ in mentions)
    known = [x for x in scores if type(x) in (int, float) and 0 <= x <= 1]
    if known and len(known) == len(scores):
        return regions._replace(scores=tuple(map(float, known)))
    if any(score is not None for score in scores):
        regions.notes.append("Scores are not read: not every region has one in [0, 1]")
    return regions


def _check_region(result: Result, text: str, source: str) -> None:
    value = result.get("value")
    if not is_region(value):
        raise ValueError(
            f'{source}: a region must have "start", "end" and a list of "labels", was: '
            f"{shorten(value)}. Repair it"
        )
    refuse_unread(value or {}, source, known=VALUE_KEYS, text=text)


def link_regions(
    results: Iterable[Result], places: Mapping[str, int], known: Collection[Any], source: str
) -> tuple[list[Edge], list[str], list[Result]]:
    """Relations between the regions of a text.

    places: of its regions; known: ids of all regions of the task.
    RETURNS: relations, a note of each that is left out, and those that start in another text.
    RAISES (ValueError): a region that is not there.
    """
    edges, notes, others = [], [], []
    for result in results:
        ends = (result.get("from_id"), result.get("to_id"))
        missing = [end for end in ends if end not in known]
        if missing or result.get("direction", "right") not in WAYS:
            raise ValueError(
                f"{source}: a relation must be between regions of its task, with a direction of "
                f"{', '.join(WAYS)}, was: {shorten(result)}. Repair or remove it"
            )
        first, second = (places.get(str(end)) for end in ends)
        labels = result.get("labels") or ()
        if first is None:
            others.append(result)
        elif second is None:
            notes.append(LEFT_OUT)
        elif not labels:
            notes.append("A relation without a label is left out")
        else:
            ways = WAYS[result.get("direction", "right")]
            pairs = [(first, second) if way > 0 else (second, first) for way in ways]
            edges += [Edge(head, child, label) for head, child in pairs for label in labels]
    return edges, notes, others
