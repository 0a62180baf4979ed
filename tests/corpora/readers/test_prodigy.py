import pytest
from record_files import edges, mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

TEXT = "Ada can't sing."
TOKENS = [
    {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True},
    {"text": "can't", "start": 4, "end": 9, "id": 1, "ws": True},
    {"text": "sing", "start": 10, "end": 14, "id": 2, "ws": False},
    {"text": ".", "start": 14, "end": 15, "id": 3, "ws": False},
]
ADA = {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}
SING = {"start": 4, "end": 14, "token_start": 1, "token_end": 2, "label": "ACT"}
TASK = {"text": TEXT, "tokens": TOKENS, "spans": [ADA, SING], "answer": "accept"}
TASK |= {"_input_hash": 1, "_task_hash": -2, "_session_id": None, "_view_id": "spans_manual"}


def relation(head, child, label="does", **more):
    ends = {"head": head["token_end"], "child": child["token_end"]}
    return {**ends, "head_span": head, "child_span": child, "label": label, **more}


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_spans_and_tokens_are_kept(tmp_path, name):
    (record,), format = read_rows(tmp_path, TASK, name=name)
    assert (format, record.text) == ("prodigy", TEXT)
    assert mentions(record) == [("Ada", "PER"), ("can't sing", "ACT")]
    assert record.words == ("Ada", "can't", "sing", ".")
    assert (record.relations, record.notes) == (None, ())
    assert record.fields["_input_hash"] == 1


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_what_was_not_accepted_is_not_annotated(tmp_path, answer):
    rows = [TASK, {**TASK, "answer": answer}, {**TASK, "answer": None}]
    records, _ = read_rows(tmp_path, *rows)
    assert [record.spans is None for record in records] == [False, True, False]
    assert records[1].notes == (f"\"answer\" is '{answer}', so the spans are not read",)
    assert records[1].words == records[0].words


def test_an_accepted_task_without_spans_has_none(tmp_path):
    bare = {key: value for key, value in TASK.items() if key != "spans"}
    rows = [TASK, bare, {**bare, "answer": None}, {**bare, "tokens": None}]
    records, _ = read_rows(tmp_path, *rows)
    assert [record.spans and len(record.spans) for record in records] == [2, (), None, None]


def test_relations_are_between_spans_by_their_offsets(tmp_path):
    token = {"start": 14, "end": 15, "token_start": 3, "token_end": 3, "label": None}
    given = [relation(SING, ADA, color="red"), relation(ADA, ADA, "is"), relation(ADA, token)]
    (record, other), _ = read_rows(
        tmp_path, {**TASK, "relations": given}, {**TASK, "relations": []}
    )
    assert edges(record) == [("can't sing", "Ada", "does"), ("Ada", "Ada", "is")]
    assert record.notes == ("A relation between tokens that are no spans is left out",)
    assert other.relations == ()


def test_scores_of_a_model_are_read(tmp_path):
    rows = [
        {**TASK, "spans": [{**ADA, "score": 0.5}, {**SING, **more}]} for more in ({"score": 1}, {})
    ]
    (first, second), _ = read_rows(tmp_path, *rows)
    assert (first.scores, second.scores) == ((0.5, 1.0), None)
    assert second.notes == ('The "score" of spans is not read: not every span has one in [0, 1]',)


def test_choices_and_binary_answers_are_noted(tmp_path):
    options = [{"id": "Q7", "text": "Ada Lovelace"}, {"id": "Q8", "text": "Ada Yonath"}]
    rows = [{**TASK, "options": options, "accept": ["Q7"]}, {**TASK, "_view_id": "ner"}]
    (first, second), _ = read_rows(tmp_path, *rows)
    assert first.notes == ('The choice among "options" is not read',)
    assert second.notes == ("An answer about one span is read as if the text had no others",)


def test_an_empty_text_does_not_look_like_another_format(tmp_path):
    empty = {"text": "", "tokens": [], "spans": []}
    records, format = read_rows(tmp_path, empty, {**TASK, "answer": None}, empty)
    assert (format, [len(record.spans) for record in records]) == ("prodigy", [0, 2, 0])
    (record,), format = read_rows(tmp_path, empty)
    assert (format, record.text, record.spans) == ("jsonl", "", ())


def test_our_own_records_may_have_its_hashes(tmp_path):
    spans = [{"start": 0, "end": 3, "label": "PER", "score": 0.5}]
    row = {"text": TEXT, "_input_hash": 1, "spans": spans}
    own = {**row, "relations": [{"head": 0, "child": 0, "label": "is"}]}
    assert read_rows(tmp_path, own)[1] == "jsonl"
    assert read_rows(tmp_path, {**row, "events": []})[1] == "jsonl"
    assert read_rows(tmp_path, row)[1] == "prodigy"


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({**TASK, "text": None}, '"text" must be a string'),
        ({**TASK, "tokens": ["Ada"]}, '"tokens" must be a list of objects with "text"'),
        ({**TASK, "answer": "yes"}, '"answer" must be one of accept, reject, ignore, was: yes'),
        ({**TASK, "spans": {}}, '"spans" must be a list, was: {}'),
        ({**TASK, "spans": [{**ADA, "label": None}]}, "label must be a non-empty string"),
        ({**TASK, "spans": [{**ADA, "end": 99}]}, "must lie inside the 15 characters"),
        ({**TASK, "spans": [{**ADA, "text": "Bob"}]}, "must give the mention of the span"),
        ({**TASK, "spans": [{"token_start": 0, "label": "X"}]}, "missing: start, end"),
        (
            {**TASK, "spans": [{**ADA, "start": [0]}], "relations": [relation(ADA, ADA, "x")]},
            r"start and end must be whole numbers, was: \[0\] to",
        ),
        ({**TASK, "relations": {}}, '"relations" must be a list of objects with "head_'),
        ({**TASK, "relations": [{"head": 0}]}, '"relations" must be a list of objects with "head_'),
        ({**TASK, "relations": [relation(ADA, ADA, " ")]}, "label of a relation must be"),
        ({**TASK, "entities": [[0, 3, "PER"]]}, '"entities" looks like annotation'),
    ],
)
def test_a_malformed_task_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, TASK, row)
    with pytest.raises(ValueError, match=rf"x\.jsonl line 2: .*{rule}"):
        list(read_records(path, format="prodigy"))
