"""A good file of each format that `convert` reads, with as much in it as the format can hold."""

import json

import spacy
from file_samples import BIOC_XML, BRAT, FILES
from json_samples import ROWS, SPANS, TEXT
from spacy.tokens import DocBin, Span

from spacy_globalpointer import Argument, Event, Relation, set_events, set_relations

EVENTS = """T3\tmet 4 7\tmet
T4\tPER 0 3;8 11\tAda Bob
E1\tmet:T3 who:T1 who2:T2
E2\tmet:T3 of:E1
"""
SLOTS = """#FORMAT=WebAnno TSV 3.2
#T_SP=webanno.custom.Frame|FE|ROLE_webanno.custom.Frame:Roles_webanno.custom.Link|webanno.custom.Lu
#T_SP=webanno.custom.Lu|luvalue


#Text=Ada met Bob .
1-1\t0-3\tAda\t_\t_\t_\tada[1]|x[2]\t
1-2\t4-7\tmet\tmeet\twho;*\t1-1[1];1-3\t_\t
1-3\t8-11\tBob\t_\t_\t_\tbob\t
1-4\t12-13\t.\t_\t_\t_\t_\t
"""
BIOC_EVENT = (
    '<relation id="R2"><infon key="type">PER</infon><node refid="T1" role="Trigger"/>'
    '<node refid="T2" role="who"/></relation></passage>'
)
RICH = {
    "jsonl": ROWS["jsonl"]
    | {"events": [{"type": "PER", "trigger": 0, "arguments": [{"role": "who", "span": 1}]}]}
    | {"span_labels": ["PER", "GPE"], "spans": [span | {"score": 0.5} for span in SPANS]},
    "doccano": {
        "text": TEXT,
        "entities": [
            {"id": i, "start_offset": s["start"], "end_offset": s["end"], "label": "PER"}
            for i, s in enumerate(SPANS)
        ],
        "relations": [{"id": 5, "from_id": 0, "to_id": 1, "type": "met"}],
        "Comments": ["sure?"],
    },
    "dygie": ROWS["dygie"]
    | {"relations": [[[0, 0, 2, 2, "met"]]], "events": [[[[1, "meet"], [0, 0, "who"]]]]},
    "prodigy": ROWS["prodigy"]
    | {
        "relations": [
            {
                "head": 0,
                "child": 2,
                "head_span": {"start": 0, "end": 3, "token_start": 0, "token_end": 0},
                "child_span": {"start": 8, "end": 11, "token_start": 2, "token_end": 2},
                "label": "met",
            }
        ]
    },
    "hugging-face": ROWS["hugging-face"] | {"text": TEXT, "fine_ner_tags": ["O", "O", "B-X", "O"]},
}
LINK = {"type": "relation", "from_id": "0", "to_id": "1", "direction": "right", "labels": ["met"]}


def rows_of(format):
    """Rows of a JSON format: the plain one, and one with more."""
    rows = [ROWS[format]]
    if format == "label-studio":
        (annotation,) = ROWS[format]["annotations"]
        more = {"result": [*annotation["result"], LINK], "id": 7, "was_cancelled": False}
        rows.append({**ROWS[format], "annotations": [more], "predictions": [annotation]})
    return [*rows, RICH[format]] if format in RICH else rows


def make_docbin():
    nlp = spacy.blank("en")
    doc = nlp.make_doc(TEXT)
    spans = [Span(doc, 0, 1, "PER"), Span(doc, 1, 2, "meet"), Span(doc, 2, 3, "PER")]
    doc.spans["sc"] = spans
    set_relations(doc, [Relation(spans[0], spans[2], "met")])
    set_events(doc, [Event("meet", spans[1], (Argument("who", spans[0]),))])
    doc.ents = spans[:1]
    return DocBin(docs=[doc, nlp.make_doc("Bob left.")], store_user_data=True).to_bytes()


def list_seeds():
    """(format, name, content) of good files; the text of brat is written beside it."""
    seeds = [(format, name, content.encode()) for format, name, content in FILES]
    seeds.append(("brat", "x.ann", (BRAT + EVENTS).encode()))
    seeds.append(("webanno", "x.tsv", SLOTS.encode()))
    seeds.append(("bioc", "x.xml", BIOC_XML.replace("</passage>", BIOC_EVENT).encode()))
    for format in ROWS:
        for row in rows_of(format):
            seeds.append((format, "x.jsonl", json.dumps(row).encode() + b"\n"))
            seeds.append((format, "x.json", json.dumps([row, row], indent=1).encode()))
    return [*seeds, ("spacy", "x.spacy", make_docbin())]
