"""What the forms of all tools share: what of a record they have no place for, and where it goes."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

# A record as `annotate` writes it: "text", "spans" and what else it may have.
Row = Mapping[str, Any]
# Annotation, which each tool has in a form of its own. What a tool cannot hold of it is in its
# "meta", under our name and in our form.
ANNOTATION = ("spans", "relations", "events")
KEPT = "spacy_globalpointer"


class Written(NamedTuple):
    """A record in the form of a tool.

    value: an object for JSON, or for brat the contents of two files by their suffixes.
    notes: what the form has no place for, and where it is then; the same words for each record, so
        that they can be counted.
    """

    value: dict[str, Any]
    notes: tuple[str, ...] = ()


def set_apart(record: Row, taken: Collection[str], lost: Collection[str]) -> dict[str, Any]:
    """The fields of a record that are no annotation.

    taken: names that the tool uses for something else, so that these fields go into "meta".
    lost: parts of the annotation that the form cannot hold: if there are any, all of it is in
        "meta" too, as it was.
    RETURNS: without "text"; "meta" only if there is something in it.
    """
    fields = {key: value for key, value in record.items() if key not in ("text", *ANNOTATION)}
    fields = move_to_meta(fields, taken)
    if lost:
        kept = {key: record[key] for key in ANNOTATION if key in record}
        fields["meta"] = {**fields.get("meta", {}), KEPT: kept}
    return fields


def move_to_meta(fields: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Fields of which some, those with the names, are in "meta"; it is an object then, at the end.

    RETURNS: without "meta" if there is nothing in it.
    """
    meta = fields.get("meta", {})
    meta = dict(meta) if isinstance(meta, dict) else {"meta": meta}
    meta |= {key: fields[key] for key in names if key in fields}
    kept = {key: value for key, value in fields.items() if key not in ("meta", *names)}
    return {**kept, "meta": meta} if meta else kept


def list_kept(tool: str, lost: Collection[str]) -> tuple[str, ...]:
    """A note for each part of the annotation that a form keeps in "meta" only."""
    return tuple(f'{tool} has no place for {what}: kept in "meta"' for what in lost)


def list_lost(record: Row, *, scores: bool) -> list[str]:
    """The parts of the annotation that a tool with spans and relations has no place for.

    scores: whether it has a place for those of spans.
    """
    spans, relations = record.get("spans") or (), record.get("relations") or ()
    lost = {
        "scores of spans": not scores and any("score" in span for span in spans),
        "scores of relations": any("score" in relation for relation in relations),
        "the groups of spans and relations": any("key" in part for part in (*spans, *relations)),
        "events": "events" in record,
    }
    return [what for what, is_lost in lost.items() if is_lost]
