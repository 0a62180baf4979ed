import pytest
from record_files import edges, mentions, read_rows, write_rows

from spacy_globalpointer.corpora import read_records

TEXT = "Ada met Bob\nin London."


def region(start, end, *labels, id="a", text=TEXT, **more):
    value = {"start": start, "end": end, "text": text[start:end], "labels": [*labels]}
    result = {"id": id, "from_name": "label", "to_name": "text", "type": "labels"}
    return {**result, "origin": "manual", "value": value, **more}


def relation(start, end, *labels, **more):
    ends = {"from_id": start, "to_id": end, "direction": "right"}
    return {"type": "relation", **ends, "labels": [*labels], **more}


ADA, BOB, LONDON = region(0, 3, "PER"), region(8, 11, "PER", id="b"), region(15, 21, "GPE", id="c")


def annotation(*results, **more):
    made = {"id": 7, "completed_by": 1, "created_at": "2024-01-02T00:00:00Z", "lead_time": 3.5}
    return {**made, "was_cancelled": False, "ground_truth": False, "result": [*results], **more}


def task(*annotations, data=None, **more):
    row = {"id": 1, "annotations": [*annotations], "drafts": [], "predictions": [], "meta": {}}
    counts = {"total_annotations": 1, "cancelled_annotations": 0, "file_upload": "a.json"}
    return {**row, **counts, "data": data or {"text": TEXT, "source": "web"}, **more}


FOUND = [("Ada", "PER"), ("Bob", "PER"), ("London", "GPE")]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
@pytest.mark.parametrize("key", ["annotations", "completions"])
def test_regions_are_read(tmp_path, key, name):
    row = task(annotation(ADA, BOB, LONDON))
    row = {key: row.pop("annotations"), **row}
    (record,), format = read_rows(tmp_path, row, name=name)
    assert (format, record.text, mentions(record)) == ("label-studio", TEXT, FOUND)
    assert (record.relations, record.scores, record.notes) == (None, None, ())
    assert record.fields["source"] == "web"


def test_no_regions_and_not_annotated_are_two_things(tmp_path):
    cancelled = annotation(ADA, was_cancelled=True)
    rows = [task(annotation(ADA)), task(annotation()), task(), task(cancelled)]
    records, _ = read_rows(tmp_path, *rows)
    assert [*map(mentions, records)] == [FOUND[:1], [], None, None]
    assert records[3].notes == ("A cancelled annotation is not read",)


def test_of_several_annotations_the_ground_truth_or_the_newest_is_read(tmp_path):
    old = annotation(ADA, updated_at="2024-01-01T00:00:00Z")
    new = annotation(BOB, updated_at="2024-01-09T00:00:00Z")
    true, same = annotation(LONDON, ground_truth=True), annotation(region(8, 11, "PER", id="x"))
    rows = [task(new, old), task(old, new), task(true, new), task(new, same), task(old, old)]
    records, _ = read_rows(tmp_path, *rows)
    assert [mentions(record)[0][0] for record in records] == ["Bob", "Bob", "London", "Bob", "Ada"]
    differs = "Another annotation of a task, which differs, is not read"
    agrees = "Another annotation of a task, which says the same, is not read"
    assert [record.notes for record in records[:3]] == [(differs,)] * 3
    assert records[4].notes == (agrees,)


def test_a_region_with_several_labels_is_a_span_for_each(tmp_path):
    results = [region(0, 3, "PER", "QUEEN"), region(8, 11, id="b"), relation("a", "b", "x")]
    (record,), _ = read_rows(tmp_path, task(annotation(*results, relation("a", "a", "is"))))
    assert mentions(record) == [("Ada", "PER"), ("Ada", "QUEEN")]
    assert record.relations == ((0, 0, "is"),)
    left_out = "A relation with a region that is not read, or in another text, is left out"
    assert record.notes == ("A region without a label is not read", left_out)


def test_relations_have_a_direction_and_labels(tmp_path):
    both = relation("a", "b", "knows", direction="bi")
    back = relation("a", "c", "of", "in", direction="left")
    results = [both, ADA, BOB, LONDON, back, relation("b", "c")]
    (record, other), _ = read_rows(
        tmp_path, task(annotation(*results)), task(annotation(ADA), id=2)
    )
    knows = [("Ada", "Bob", "knows"), ("Bob", "Ada", "knows")]
    assert edges(record) == [*knows, ("London", "Ada", "of"), ("London", "Ada", "in")]
    assert record.notes == ("A relation without a label is left out",)
    assert other.relations == ()


def test_what_is_not_read_is_noted(tmp_path):
    choice = {"type": "choices", "from_name": "c", "to_name": "text", "value": {"choices": ["x"]}}
    noted = region(0, 3, "PER", meta={"text": ["sure?"]})
    row = task(annotation(noted, choice), predictions=[{"result": [BOB]}], drafts=[{"result": []}])
    (record,), _ = read_rows(tmp_path, row)
    assert mentions(record) == FOUND[:1]
    assert sorted(record.notes) == [
        "A draft is not read",
        "A prediction is not read",
        'A result of type "choices" is not read',
        "The meta of a region is not read",
    ]


def test_predictions_of_a_task_to_import_are_read_with_scores(tmp_path):
    results = [{**ADA, "score": 0.5}, {**BOB, "score": 1}]
    predictions = [{"model_version": "a", "score": 0.5, "result": results}, {"result": [LONDON]}]
    rows = [{"data": {"text": TEXT}, "predictions": predictions}, {"data": {"text": TEXT}}]
    (record, bare), format = read_rows(tmp_path, *rows)
    assert (format, mentions(record), record.scores) == ("label-studio", FOUND[:2], (0.5, 1.0))
    assert record.notes == (
        "A prediction beside the first is not read",
        "A prediction is read, which nobody has checked: there is no annotation",
    )
    assert (bare.spans, bare.notes) == (None, ())
    predictions[0]["result"][0]["score"] = 2
    (record, _), _ = read_rows(tmp_path, *rows)
    assert record.scores is None
    assert "Scores are not read: not every region has one in [0, 1]" in record.notes


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ({"title": "Short", "text": TEXT, "note": "x" * 99}, {}),
        ({"title": "Short", "body": TEXT}, {}),
        ({"body": TEXT, "note": "x" * 99}, {}),
        ({"body": TEXT, "text": "Ada in London or not in"}, {}),
        ({"body": TEXT, "text": f"{TEXT}!"}, {"source": "$body"}),
        ({"body": TEXT, "text": f"{TEXT}!"}, {"to_name": "body"}),
    ],
)
def test_the_text_is_found_in_the_data(tmp_path, data, more):
    results = [region(0, 3, "PER", **more), region(15, 21, "GPE", **more)]
    (record,), _ = read_rows(tmp_path, task(annotation(*results), data=data))
    assert (record.text, mentions(record)) == (TEXT, [FOUND[0], FOUND[2]])


def test_regions_of_two_texts_are_two_records(tmp_path):
    other = region(0, 3, "X", id="z", text="Bob left.", to_name="reply")
    results = [relation("b", "a", "knows"), ADA, BOB, other, relation("a", "z", "x")]
    row = task(annotation(*results), data={"text": TEXT, "reply": "Bob left."})
    (first, second), _ = read_rows(tmp_path, row)
    assert (edges(first), mentions(second)) == ([("Bob", "Ada", "knows")], [("Bob", "X")])
    left_out = "A relation with a region that is not read, or in another text, is left out"
    assert (first.notes, second.notes, second.relations) == ((left_out,), (), ())


def test_a_line_break_in_a_mention_may_be_written_out(tmp_path):
    across = region(8, 14, "X")
    across["value"]["text"] = "Bob\\nin"
    (record,), _ = read_rows(tmp_path, task(annotation(across)))
    assert mentions(record) == [("Bob\nin", "X")]


MIN = {"id": 1, "text": TEXT, "annotator": 1, "annotation_id": 7, "lead_time": 3.5}
MIN |= {"created_at": "2024-01-02T00:00:00Z", "updated_at": "2024-01-02T00:00:00Z"}


def test_the_small_export_is_read(tmp_path):
    regions = {"label": [ADA["value"], BOB["value"]], "place": [LONDON["value"]], "mood": "glad"}
    rows = [{**MIN, **regions}, {**MIN, "id": 2}, {"id": 3, "text": "a"}, {**MIN, **regions}]
    records, format = read_rows(tmp_path, *rows, name="x.json")
    assert (format, [*map(mentions, records)]) == ("label-studio", [FOUND, [], None, FOUND])
    assert [len(record.notes) for record in records] == [0, 0, 0, 1]
    assert records[3].notes == ("Another annotation of a task is a document of its own",)
    assert records[0].fields["mood"] == "glad"


def moved(**value):
    return {**ADA, "value": {**ADA["value"], **value}}


HTML = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "endOffset": 3}
HTML |= {"text": "Ada", "hypertextlabels": ["PER"], "globalOffsets": {"start": 0, "end": 3}}
TALK = {"start": "0", "end": "0", "startOffset": 0, "endOffset": 3, "paragraphlabels": ["PER"]}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (task(annotation(ADA), data={"image": 7}), "a task must have a text in its data"),
        (task({"id": 7}), '"annotations" must be a list of objects with "result"'),
        (task(annotation("Ada")), '"annotations" must be a list of objects with "result"'),
        (task(annotation(moved(text="Bob"))), "must give the mention of the span, was: 'Bob'"),
        (task(annotation(moved(start=0.5, text=None))), "start and end must be whole numbers"),
        (task(annotation(moved(end=99, text=None))), "must lie inside the 22 characters"),
        (task(annotation(moved(labels=[7]))), "label must be a non-empty string"),
        (task(annotation(moved(labels="PER"))), 'must have "start", "end" and a list of "labels"'),
        (task(annotation({**ADA, "value": None})), 'must have "start", "end" and a list of "label'),
        (
            task(annotation({**ADA, "value": HTML})),
            "was: hypertextlabels, .*elements of a web page",
        ),
        (task(annotation({**ADA, "value": TALK})), "was: paragraphlabels, .*paragraphs of a dial"),
        ({**MIN, "label": [HTML]}, "was: hypertextlabels, with offsets in the elements"),
        ({**MIN, "label": [moved(text="Bob")["value"]]}, "must give the mention of the span"),
        (task(annotation(ADA, relation("a", "q", "x"))), "must be between regions of its task"),
        (task(annotation(ADA, relation("a", "a", "x", direction="up"))), "a direction of right, l"),
        (task(annotation(ADA, relation("a", "a", " "))), "label of a relation must be"),
        (task(annotation(ADA, relation(["a"], "a", "x"))), "must be strings or numbers"),
        (task(annotation({**ADA, "to_name": {}})), "must be strings or numbers, and its labels a"),
        (task(annotation({**ADA, "id": [1]})), "id, type, to_name, .* must be strings or numbers"),
        (task(annotation(ADA, relation("a", "a") | {"labels": "met"})), "and its labels a list"),
        (task(annotation(ADA), entities=[[0, 3, "PER"]]), '"entities" looks like annotation'),
        (
            task(annotation(ADA), data={"text": TEXT, "gold": [[0, 3, "PER"]]}),
            '"gold" looks like annotation',
        ),
    ],
)
def test_a_malformed_task_is_named(tmp_path, row, rule):
    path = write_rows(tmp_path, task(annotation(BOB)), row, name="x.json")
    with pytest.raises(ValueError, match=rf"x\.json entry 2: .*{rule}"):
        list(read_records(path, format="label-studio"))
