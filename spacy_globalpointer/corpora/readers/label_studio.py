"""Label Studio's exports JSON and JSON_MIN, and tasks with predictions as it imports them.

Sources: https://labelstud.io/guide/task_format, https://labelstud.io/guide/export (JSON_MIN),
https://labelstud.io/tags/relations.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from ...messages import shorten
from ..containers import Rows, check_object
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect
from .label_studio_results import (
    LEFT_OUT,
    RELATION,
    Result,
    check_names,
    find_text,
    is_region,
    link_regions,
    list_ids,
    read_regions,
)

# What holds annotation of a task; "completions" is the old name.
ANNOTATIONS = ("annotations", "completions")
# Beside them: the same once more, and drafts, which were not submitted.
TASK_KEYS = (*ANNOTATIONS, "predictions", "drafts", "annotations_results", "predictions_results")
# Tasks that tell whether a project has relations.
SAMPLE = 1000
# What JSON_MIN has of its own.
MIN_KEYS = frozenset("id annotator annotation_id created_at updated_at lead_time agreement".split())


def read_label_studio(rows: Rows, reading: Reading) -> Iterator[Record]:
    """Records of tasks; a task with regions in several texts gives one for each.

    {"id": 1, "data": {"text": "Ada lives."}, "annotations": [{"was_cancelled": false, "result": [
      {"id": "a", "from_name": "label", "to_name": "text", "type": "labels",
       "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}}]}]}

    JSON_MIN: {"id": 1, "text": "Ada lives.", "annotation_id": 7,
      "label": [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}]}

    Offsets are in characters, and the end is exclusive. Of several annotations of a task its ground
    truth is read, or else the newest; cancelled ones are not. A task without the key "annotations",
    as it is imported, has its first prediction read, with scores. A region with several labels is a
    span for each. A relation goes from `from_id`, or to it if its direction is "left"; "bi" is two.
    Where some task has relations, a task without has none. The text is a field of the data: that of
    "source", or with the name in `to_name`, or "text", or the longest one, as far as it has the
    mentions. What is not read is noted.

    RAISES (ValueError): no text, regions of hypertext or paragraphs, a mention that is not at its
        place, a relation of a region that is not there, annotation in another key.
    """
    seen: set[Any] = set()
    first = [(source, check_object(row, source)) for source, row in islice(rows, SAMPLE)]
    has_relations = any(map(_has_relations, (row for _, row in first)))
    for source, row in chain(first, rows):
        row = check_object(row, source)
        has_relations = has_relations or _has_relations(row)
        if isinstance(row.get("data"), dict):
            yield from _read_task(row, source, has_relations)
        else:
            yield _read_min(row, source, seen)


def is_label_studio(row: Any) -> bool:
    """Whether a row is a task with annotations, or has regions with lists of labels."""
    if not isinstance(row, dict):
        return False
    if isinstance(row.get("data"), dict):
        keys = [key for key in (*ANNOTATIONS, "predictions") if key in row]
        return any(_are_annotations(row[key]) for key in keys)
    return any(_are_regions(value) for value in row.values())


def _are_annotations(value: Any) -> bool:
    is_list = isinstance(value, list)
    return is_list and all(isinstance(x, dict) and isinstance(x.get("result"), list) for x in value)


def _are_regions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_region, value))


def _has_relations(row: dict[str, Any]) -> bool:
    lists = [row[key] for key in (*ANNOTATIONS, "predictions") if _are_annotations(row.get(key))]
    results = (result for values in lists for value in values for result in value["result"])
    return any(isinstance(result, dict) and result.get("type") == RELATION for result in results)


def _read_task(row: dict[str, Any], source: str, has_relations: bool) -> Iterator[Record]:
    """The records of a task, one for each text.

    has_relations: whether they are annotated.
    """
    data = row["data"]
    refuse_unread(row, source, known=(*TASK_KEYS, "data"))
    results, notes = _choose(row, source)
    by_name: dict[Any, list[Result]] = {}
    for result in results or ():
        if result.get("type") != RELATION:
            by_name.setdefault(result.get("to_name"), []).append(result)
    texts: dict[str, list[Result]] = {}
    for name, own in (by_name or {None: []}).items():
        texts.setdefault(find_text(data, name, own, source), []).extend(own)
    refuse_unread(data, source, known=texts, text=data[next(iter(texts))])
    relations = [result for result in results or () if result.get("type") == RELATION]
    known, last = list_ids(results or ()), [*texts][-1]
    for key, own in texts.items():
        regions = read_regions(own, data[key], source)
        edges, lost, relations = link_regions(relations, regions.places, known, source)
        lost += [LEFT_OUT] * len(relations) if key == last else []
        yield Record(
            data[key],
            None if results is None else tuple(regions.spans),
            source=source,
            notes=(*notes, *regions.notes, *lost),
            fields={**data, **{name: row[name] for name in ("id", "meta") if name in row}},
            relations=None if results is None or not has_relations else tuple(edges),
            scores=regions.scores,
        )
        notes = []


def _choose(row: dict[str, Any], source: str) -> tuple[list[Result] | None, list[str]]:
    """The results that count, and what is not read.

    RETURNS: None if the task is not annotated.
    """
    key = next((key for key in ANNOTATIONS if key in row), None)
    predictions = _list_annotations(row, "predictions", source)
    drafts = row.get("drafts") or []
    notes = ["A draft is not read"] * (len(drafts) if isinstance(drafts, list) else 1)
    if key is None:
        notes += ["A prediction beside the first is not read"] * len(predictions[1:])
        if not predictions:
            return None, notes
        notes.append("A prediction is read, which nobody has checked: there is no annotation")
        return predictions[0]["result"], notes
    notes += ["A prediction is not read"] * len(predictions)
    all_of_them = _list_annotations(row, key, source)
    done = [x for x in all_of_them if not (x.get("was_cancelled") or x.get("skipped"))]
    notes += ["A cancelled annotation is not read"] * (len(all_of_them) - len(done))
    if not done:
        return None, notes
    dates = [
        (bool(x.get("ground_truth")), str(x.get("updated_at", x.get("created_at")))) for x in done
    ]
    best = max(range(len(done)), key=lambda i: (dates[i], i))
    for other in (x for i, x in enumerate(done) if i != best):
        same = _list_facts(other) == _list_facts(done[best])
        which = "which says the same" if same else "which differs"
        notes.append(f"Another annotation of a task, {which}, is not read")
    return done[best]["result"], notes


def _list_annotations(row: dict[str, Any], key: str, source: str) -> list[dict[str, Any]]:
    values = row.get(key) or []
    if not _are_annotations(values) or not all(
        isinstance(result, dict) for value in values for result in value["result"]
    ):
        raise ValueError(
            f'{source}: "{key}" must be a list of objects with "result", a list of objects, was: '
            f"{shorten(values)}. Export the project again, as JSON"
        )
    check_names((result for value in values for result in value["result"]), source)
    return values


def _list_facts(annotation: dict[str, Any]) -> list[str]:
    """What an annotation says, in one order."""
    ids = {result.get("id"): repr(result.get("value")) for result in annotation["result"]}
    return sorted(
        repr([ids.get(x.get(key), x.get(key)) for key in ("id", "from_id", "to_id", "labels")])
        for x in annotation["result"]
    )


def _read_min(row: dict[str, Any], source: str, seen: set[Any]) -> Record:
    """The record of a row of JSON_MIN.

    seen: tasks so far.
    """
    keys = [key for key, value in row.items() if _are_regions(value)]
    results = [{"type": "labels", "value": value} for key in keys for value in row[key]]
    data = {key: value for key, value in row.items() if key not in {*MIN_KEYS, *keys}}
    key = find_text(data, None, results, source)
    refuse_unread(row, source, known=(key, *keys), text=row[key])
    regions = read_regions(results, row[key], source)
    task = repr(row.get("id"))
    if "id" in row and task in seen:
        regions.notes.append("Another annotation of a task is a document of its own")
    seen.add(task)
    return Record(
        row[key],
        tuple(regions.spans) if keys or "annotation_id" in row else None,
        source=source,
        notes=tuple(regions.notes),
        fields={name: value for name, value in row.items() if name not in (key, *keys)},
    )


LABEL_STUDIO = Dialect(read_label_studio, is_label_studio)
