"""JSON lines that Doccano imports as sequence labeling, with or without relations.

Sources: the examples in doccano/doccano, backend/data_import/pipeline/examples/
relation_extraction/example.jsonl, and pipeline/label.py and readers.py there: `entities` have
`id`, `start_offset`, `end_offset` (characters, exclusive) and `label`, `relations` have `from_id`,
`to_id` and `type`. Every other column of a line becomes metadata, which the export gives back.
"""

from .form import Row, Written, list_kept, list_lost, set_apart

# Columns that Doccano makes itself or reads as labels, and tokens, which it does not know.
TAKEN = ("entities", "label", "filename", "upload_name", "example_uuid", "#line_number", "tokens")


def to_doccano(record: Row) -> Written:
    """A record as a line for Doccano; its entities are numbered by their places in the list."""
    lost = list_lost(record, scores=False)
    row = {"text": record["text"], **set_apart(record, TAKEN, lost)}
    row["entities"] = [
        {"id": i, "start_offset": x["start"], "end_offset": x["end"], "label": x["label"]}
        for i, x in enumerate(record.get("spans") or ())
    ]
    if "relations" in record:
        row["relations"] = [
            {"id": i, "from_id": x["head"], "to_id": x["child"], "type": x["label"]}
            for i, x in enumerate(record["relations"])
        ]
    return Written(row, list_kept("Doccano", lost))
