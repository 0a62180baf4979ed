"""One document of each JSON format: "Ada met Bob ." with two persons, as far as it can say so."""

import json

from spacy_globalpointer.corpora.formats import DIALECTS

WORDS = ["Ada", "met", "Bob", "."]
TEXT = "Ada met Bob ."
FOUND = [("Ada", "PER"), ("Bob", "PER")]
SPANS = [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 11, "label": "PER"}]
TOKENS = [
    {"text": word, "start": TEXT.index(word), "end": TEXT.index(word) + len(word), "id": i}
    for i, word in enumerate(WORDS)
]
REGIONS = [
    {
        "id": str(i),
        "type": "labels",
        "to_name": "text",
        "value": {"start": span["start"], "end": span["end"], "labels": [span["label"]]},
    }
    for i, span in enumerate(SPANS)
]
ROWS = {
    "jsonl": {"text": TEXT, "spans": SPANS, "relations": [{"head": 0, "child": 1, "label": "met"}]},
    "cluener": {"text": TEXT, "label": {"PER": {"Ada": [[0, 2]], "Bob": [[8, 10]]}}},
    "cmeee": {
        "text": TEXT,
        "entities": [
            {"start_idx": 0, "end_idx": 2, "type": "PER", "entity": "Ada"},
            {"start_idx": 8, "end_idx": 10, "type": "PER", "entity": "Bob"},
        ],
    },
    "doccano": {"text": TEXT, "label": [[0, 3, "PER"], [8, 11, "PER"]]},
    "label-studio": {"data": {"text": TEXT}, "annotations": [{"result": REGIONS}]},
    "prodigy": {"text": TEXT, "tokens": TOKENS, "spans": SPANS, "answer": "accept"},
    "hugging-face": {"tokens": WORDS, "ner_tags": ["B-PER", "O", "B-PER", "O"]},
    "gliner": {"tokenized_text": WORDS, "ner": [[0, 0, "PER"], [2, 2, "PER"]]},
    "dygie": {"sentences": [WORDS], "ner": [[[0, 0, "PER"], [2, 2, "PER"]]]},
    "spacy2": [TEXT, {"entities": [[0, 3, "PER"], [8, 11, "PER"]]}],
}
assert set(ROWS) == set(DIALECTS)


def lengthen(row, n):
    """The row with n times its text, or its tokens, and one annotation as before."""
    text = json.dumps(row)
    longer = json.dumps([*WORDS, *["word"] * n])
    text = text.replace(json.dumps(WORDS), longer)
    text = text.replace('"O"]', '"O"' + ', "O"' * n + "]")
    return json.loads(text.replace(f'"{TEXT}"', json.dumps(" ".join([TEXT, *["word"] * n]))))
