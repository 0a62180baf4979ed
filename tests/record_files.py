"""Files and records of JSON formats, for their tests."""

import json

from spacy_globalpointer.corpora import Reading, detect_format, read_records


def write_rows(folder, *rows, name="x.jsonl"):
    """A file of rows, as lines or, if its name ends in .json, as an array."""
    path = folder / name
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = f"[{', '.join(lines)}]" if path.suffix == ".json" else "\n".join(lines)
    path.write_text(text, encoding="utf-8")
    return path


def read_rows(folder, *rows, name="x.jsonl", **reading):
    """Their records, and the format that is detected."""
    path = write_rows(folder, *rows, name=name)
    return [*read_records(path, reading=Reading(**reading))], detect_format(path)


def mentions(record):
    """[(text, label)] of a record; None if it is not annotated."""
    spans = record.spans
    return None if spans is None else [(record.text[s:e], label) for s, e, label in spans]


def edges(record):
    """[(text, text, label)] of its relations."""
    texts = [text for text, _ in mentions(record)]
    return [(texts[head], texts[child], label) for head, child, label in record.relations]
