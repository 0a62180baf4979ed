"""Tasks with predictions that Label Studio imports.

Sources: https://labelstud.io/guide/predictions (a task is `data` and `predictions` with
`model_version`, `score` and `result`), https://labelstud.io/guide/task_format (`meta`, and what is
in a result), https://labelstud.io/tags/relations (a relation is `from_id`, `to_id`, `direction`,
`labels`). Offsets are in characters (code points), `end` is exclusive. The names are those of this
labeling configuration:

    <View>
      <Relations><Relation value="..."/></Relations>
      <Labels name="label" toName="text"><Label value="..."/></Labels>
      <Text name="text" value="$text"/>
    </View>
"""

from typing import Any

from .form import Row, Written, list_kept, list_lost, set_apart

FROM, TO = "label", "text"


def to_label_studio(record: Row, model: str = "") -> Written:
    """A record as a task, with its annotation as a prediction; its score is the lowest of a span.

    model: name of what predicted it.
    """
    lost = list_lost(record, scores=True)
    lost = [what for what in lost if what != "scores of relations"]  # as in those of spans
    fields = set_apart(record, ("tokens",), lost)
    kept = fields.pop("meta", None)
    task: dict[str, Any] = {"data": {**fields, "text": record["text"]}}
    if kept is not None:
        task["meta"] = kept
    if "spans" not in record:
        return Written(task, list_kept("Label Studio", lost))
    text, spans = record["text"], record["spans"]
    results = [_add_score(_make_region(i, span, text), span) for i, span in enumerate(spans)]
    results += [_add_score(_make_relation(x), x) for x in record.get("relations") or ()]
    prediction: dict[str, Any] = {"model_version": model} if model else {}
    scores = [span["score"] for span in spans if "score" in span]
    prediction |= {"score": min(scores)} if scores else {}
    task["predictions"] = [{**prediction, "result": results}]
    return Written(task, list_kept("Label Studio", lost))


def _make_region(place: int, span: Row, text: str) -> dict[str, Any]:
    start, end = span["start"], span["end"]
    return {
        "id": f"span-{place}",
        "from_name": FROM,
        "to_name": TO,
        "type": "labels",
        "value": {"start": start, "end": end, "text": text[start:end], "labels": [span["label"]]},
    }


def _make_relation(relation: Row) -> dict[str, Any]:
    return {
        "type": "relation",
        "from_id": f"span-{relation['head']}",
        "to_id": f"span-{relation['child']}",
        "direction": "right",
        "labels": [relation["label"]],
    }


def _add_score(result: dict[str, Any], part: Row) -> dict[str, Any]:
    return result | ({"score": part["score"]} if "score" in part else {})
