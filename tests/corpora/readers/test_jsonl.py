import json

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.corpora import Record, record_to_doc
from spacy_globalpointer.corpora.containers import read_array
from spacy_globalpointer.corpora.readers.jsonl import JSONL, read_jsonl
from spacy_globalpointer.corpora.reading import Reading


def read(*rows, **options):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return list(read_jsonl([line + "\n" for line in lines], "x.jsonl", **options))


def read_entries(text, **reading):
    return list(JSONL.read(read_array(text.splitlines(True), "x.json"), Reading(**reading)))


def span(start, end, label):
    return {"start": start, "end": end, "label": label}


@pytest.mark.parametrize(
    ("row", "text", "spans", "words"),
    [
        ({"text": "Ada"}, "Ada", None, None),
        ({"text": "Ada", "spans": []}, "Ada", (), None),
        ({"text": "", "spans": []}, "", (), None),
        ({"text": "Ada", "spans": [span(0, 3, "P")], "id": 7}, "Ada", ((0, 3, "P"),), None),
        (
            {"text": "Ada's", "tokens": ["Ada", "'s"], "spans": [span(3, 5, "P")]},
            "Ada's",
            ((3, 5, "P"),),
            ("Ada", "'s"),
        ),
        (
            {"tokens": ["Ada", "'s"], "spans": [span(1, 2, "P")]},
            "Ada 's",
            ((4, 6, "P"),),
            ("Ada", "'s"),
        ),
        ({"tokens": ["Ada"], "text": None}, "Ada", None, ("Ada",)),
        ({"tokens": []}, "", None, ()),
    ],
)
def test_a_line_becomes_a_record(row, text, spans, words):
    (record,) = read(row)
    assert (record.text, record.spans, record.words) == (text, spans, words)
    assert record.unknown_spaces == ("text" not in row or row["text"] is None)
    assert record.source == "x.jsonl line 1"


def test_tokens_without_text_are_joined_as_the_language_wants():
    (record,) = read({"tokens": ["北京", "大学"], "spans": [span(1, 2, "X")]}, joiner="")
    assert (record.text, record.spans) == ("北京大学", ((2, 4, "X"),))


def test_keys_beside_start_end_and_label_are_ignored():
    (record,) = read({"text": "Ada", "spans": [{**span(0, 3, "P"), "trigger": True}]})
    assert record == Record("Ada", ((0, 3, "P"),), source="x.jsonl line 1")


def test_a_mention_and_the_text_agree():
    rows = [{**span(0, 3, "P"), "text": "Ada"}, {**span(10, 12, "P"), "mention": "😀b"}]
    (record,) = read({"text": "Ada lives 😀b", "spans": rows})
    assert record.spans == ((0, 3, "P"), (10, 12, "P"))


def relation(head, child, label):
    return {"head": head, "child": child, "label": label}


ADA = {"text": "Ada in London", "spans": [span(0, 3, "P"), span(7, 13, "G"), span(0, 3, "P")]}


def test_relations_are_read_by_the_places_of_their_spans():
    edges = [relation(0, 1, "in"), relation(1, 2, "of"), relation(0, 0, "self")]
    (record,) = read({**ADA, "relations": edges})
    assert record.relations == ((0, 1, "in"), (1, 2, "of"), (0, 0, "self"))
    assert (record.notes, record.fields) == ((), {})
    (record,) = read({"tokens": ["Ada", "Byron"], "spans": [span(1, 2, "P")], "relations": []})
    assert (record.relations, record.spans) == ((), ((4, 9, "P"),))


def test_without_relations_they_are_not_annotated():
    assert read(ADA)[0].relations is None


def test_relations_keep_what_annotate_writes_beside_them():
    edge = {**relation(0, 1, "in"), "score": 0.5, "key": "relations", "meta": {"by": "me"}}
    assert read({**ADA, "relations": [edge]})[0].relations == ((0, 1, "in"),)


@pytest.mark.parametrize(
    ("edge", "rule"),
    [
        (relation(0, 3, "in"), r"places among 3 spans, from 0, was: 0 to 3, 'in' \(relation 1, f"),
        (relation(-1, 0, "in"), "places among 3 spans, from 0, was: -1 to 0, 'in'"),
        (relation(True, 0, "in"), "places among 3 spans, .* was: True to 0"),
        (relation(0, "1", "in"), "was: 0 to '1', 'in' .*Count the spans from 0, without quotes"),
        (relation(0, 1.0, "in"), r"was: 0 to 1\.0"),
        (relation(0, None, "in"), "was: 0 to None, .*remove a relation of a removed span"),
        (relation(0, 1, " "), "label of a relation must be .* was: 0 to 1, ' ' .*Name it"),
        (relation(0, 1, 5), "label of a relation must be .* was: 0 to 1, 5"),
        (relation(0, 1, "\udc80"), "label of a relation must be valid Unicode, was: 0 to 1"),
        ({"head": 0, "label": "in"}, "Add what is missing: child"),
        (
            [0, 1, "in"],
            r"must be an object with .*was: \[0, 1, 'in'\] .*missing: head, child, label",
        ),
        ({**relation(0, 1, "in"), "color": "red"}, '"meta", or remove, what is not read: color'),
        ({**relation(0, 1, "in"), "head_span": {}}, "Prodigy counts tokens in head and child"),
    ],
)
def test_a_bad_relation_is_an_error_with_its_line_and_number(edge, rule):
    row = {**ADA, "relations": [relation(0, 1, "in"), edge]}
    with pytest.raises(ValueError, match=rf"^x\.jsonl line 2: .*{rule}"):
        read("", row)
    with pytest.raises(ValueError, match="relation 1, from 0"):
        read(row)


@pytest.mark.parametrize("relations", [[], [relation(0, 1, "in")]])
def test_relations_without_spans_are_an_error(relations):
    with pytest.raises(
        ValueError, match=r'line 1: "relations" are between spans, .* leave the rel'
    ):
        read({"text": "Ada", "relations": relations})


@pytest.mark.parametrize("relations", [None, {}, "in", 3])
def test_relations_must_be_a_list(relations):
    with pytest.raises(ValueError, match=r'line 1: "relations" must be a list, .*not annotated'):
        read({**ADA, "relations": relations})


def event(kind, trigger, *arguments):
    rows = [{"role": role, "span": place} for role, place in arguments]
    return {"type": kind, "trigger": trigger, "arguments": rows}


def test_events_are_read_by_the_places_of_their_spans():
    events = [event("G", 1, ("who", 0), ("who", 2)), event("P", 0, ("self", 0)), event("G", 1)]
    (record,) = read({**ADA, "events": [*events, event("X", None, ("where", 1))]})
    assert record.events == (
        ("G", 1, (("who", 0), ("who", 2))),
        ("P", 0, (("self", 0),)),
        ("G", 1, ()),
        ("X", None, (("where", 1),)),
    )
    assert (record.notes, record.fields) == ((), {})
    assert (read(ADA)[0].events, read({**ADA, "events": []})[0].events) == (None, ())


def test_what_is_not_read_of_events_is_noted_but_for_what_annotate_writes():
    row = {**event("G", 1, ("who", 0)), "score": 0.5, "meta": {}, "realis": "actual"}
    row["arguments"][0] |= {"score": 0.5, "distance": 3}
    (record,) = read({**ADA, "events": [row]})
    assert record.events == (("G", 1, (("who", 0),)),)
    assert record.notes == ('"distance" of events is not read', '"realis" of events is not read')


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (event("G", 3), "trigger of an event must be a place among 3 spans, .*Count the spans"),
        (event("G", "1"), "trigger of an event must be a place among 3 spans.* trigger '1'"),
        (event("G", True), "trigger of an event must be a place among 3 spans.* trigger True"),
        (event("G", 1, ("who", -1)), "an argument of an event must be a place among 3 spans"),
        (event("G", 1, ("who", None)), "an argument of an event must be a place among 3 spans"),
        (event("G", 1, (" ", 0)), "the role of an argument must be a non-empty string"),
        (event("G", 1, (None, 0)), "the role of an argument must be a non-empty string"),
        (event("", None, ("who", 0)), "the type of an event must be a non-empty string"),
        (event("G", 0, ("who", 1)), "label of a trigger, here 'P', must be the type .*as a span"),
        (event("G", None), "an event must have a trigger or an argument, .*Complete or remove"),
        (event("\udc80", None, ("who", 0)), "type of an event must be valid Unicode"),
        ({"type": "G", "arguments": []}, "an event must be an object with .*Add what is missing"),
        ([1], "an event must be an object with"),
        ({**event("G", 1), "arguments": {"who": 0}}, "the arguments of an event must be a list"),
        ({**event("G", 1), "arguments": [{"span": 0}]}, "the arguments of an event must be a list"),
        ({**event("G", 1), "arguments": [["who", 0]]}, "the arguments of an event must be a list"),
    ],
)
def test_a_bad_event_is_an_error_with_its_line_and_number(wrong, rule):
    row = {**ADA, "events": [event("G", 1), wrong]}
    with pytest.raises(ValueError, match=rf"^x\.jsonl line 2: .*{rule}"):
        read("", row)
    with pytest.raises(ValueError, match="event 1, from 0"):
        read(row)


def test_events_without_spans_are_an_error():
    rule = (
        r'^x\.jsonl line 1: "events" are of spans, so a record must have "spans" too, was: .*Give'
    )
    with pytest.raises(ValueError, match=rule):
        read({"text": "Ada", "events": [event("G", 1)]})


def test_a_thousand_triggers_in_a_line():
    spans = [span(i, i + 1, "a") for i in range(1000)]
    (record,) = read(
        {"text": "b" * 1000, "spans": spans, "events": [event("a", i) for i in range(1000)]}
    )
    assert [event.trigger for event in record.events] == [*range(1000)]


def test_events_are_a_list():
    for wrong in (None, {}, "in", 3):
        with pytest.raises(ValueError, match=r'line 1: "events" must be a list, .*not annotated'):
            read({**ADA, "events": wrong})


def test_without_spans_the_keys_that_are_not_read_are_noted():
    row = {"text": "Ada lives.", "output": ["Ada <> PER"], "id": 3}
    assert read(row)[0].notes == ('No "spans", and "output" is not read',)
    assert read({**row, "spans": []})[0].notes == ()


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_spans_that_an_annotator_did_not_accept_are_no_gold_spans(answer):
    row = {"text": "Ada", "spans": [span(0, 3, "P")]}
    assert read({**row, "answer": "accept"})[0].spans == ((0, 3, "P"),)
    (record,) = read({**row, "answer": answer})
    assert record.spans is None
    assert record.notes == (f'"answer" is {answer!r}, so the spans are not read',)
    (record,) = read({**ADA, "relations": [relation(0, 1, "in")], "answer": answer})
    assert (record.spans, record.relations) == (None, None)
    assert record.notes == (f'"answer" is {answer!r}, so the spans and relations are not read',)


def test_parts_of_a_span_are_not_lost():
    row = {"text": "Ada lives", "spans": [{**span(0, 9, "P"), "fragments": [[0, 3], [6, 9]]}]}
    with pytest.raises(ValueError, match='"fragments" looks like annotation'):
        read(row)


def test_an_array_of_records_is_read_as_lines_are():
    rows = [{"text": "Ada", "spans": [span(0, 3, "P")]}, {"tokens": ["a", "b"]}]
    records = read_entries(json.dumps(rows, indent=1), joiner="-")
    assert [(record.text, record.spans) for record in records] == [
        ("Ada", ((0, 3, "P"),)),
        ("a-b", None),
    ]
    assert records[1].source == "x.json entry 2"
    with pytest.raises(ValueError, match=r'^x\.json entry 1: "label" looks like annotation'):
        read_entries(json.dumps([{"text": "Ada", "label": [[0, 3, "P"]]}]))
    with pytest.raises(ValueError, match=r'entry 1: a record must be .* with "entities" in a list'):
        read_entries('[["Ada", {"entities": [[0, 3, "P"]]}]]')


def test_blank_lines_count_but_give_no_record():
    assert [record.source for record in read({"text": "a"}, "", {"text": "b"})] == [
        "x.jsonl line 1",
        "x.jsonl line 3",
    ]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ('{"text": "a"', 'must be valid JSON, was: {"text": "a" .*character 1'),
        ("[1]", r"must be a JSON object, was: \[1\]"),
        ({"spans": []}, r'must have "text" \(a string\) or "tokens", was: {\'spans\': \[\]}'),
        ({"text": 3}, 'must have "text"'),
        ({"text": 3, "tokens": ["a"]}, 'must have "text"'),
        ({"text": "a", "tokens": "a"}, "tokens must be a list of non-empty strings, was: 'a'"),
        ({"tokens": ["a", ""]}, "tokens must be a list of non-empty strings"),
        ({"text": "a", "spans": None}, '"spans" must be a list, was: None. Leave it out'),
        ({"text": "a", "spans": [[0, 1, "X"]]}, r'object with "start", .*was: \[0, 1'),
        (
            {"text": "a", "spans": [{"token_start": 0, "token_end": 0, "label": "X"}]},
            "with the keys token_start, token_end, label. Add what is missing: start, end",
        ),
        ({"text": "a", "spans": [{**span(0, 1, "X"), "children": [span(0, 1, "Y")]}]}, "children"),
        ({"text": "a", "label": [[0, 1, "X"]]}, '"label" looks like annotation'),
        ({"text": "a", "spans": [], "entities": [[0, 1, "X"]]}, '"entities" looks like annotation'),
        ({"tokens": ["a", "b"], "ner_tags": [0, 1]}, '"ner_tags" looks like annotation'),
        (
            {"tokens": ["a"], "entities": [{"type": "X", "start": 0, "end": 1}], "relations": []},
            '"entities" looks like annotation',
        ),
        ({"text": "ab", "start": 0, "end": 1, "label": "X"}, "looks like one span"),
        (
            {"text": "a", "relations": [{"head": 0, "child": 0}]},
            '"relations" are between spans',
        ),
        ('["a", {"entities": [[0, 1, "X"]]}]', r'must be a JSON object, was: .* with "entities"'),
        ({"text": "ab", "spans": [{**span(0, 1, "X"), "text": "ab"}]}, "fit if ends are inclusive"),
        ({"text": "😀ab", "spans": [{**span(2, 4, "X"), "text": "ab"}]}, "UTF-16 code units"),
        ({"text": "ab", "spans": [{**span(1, 1, "X"), "text": "b"}]}, "fit if ends are inclusive"),
        (
            {"tokens": ["a", "b"], "spans": [{**span(0, 1, "X"), "mention": "a b"}]},
            "fit if ends are inclusive",
        ),
        ('{"text": "a\\udc80"}', "text must be valid Unicode, was: half a character"),
        (
            '{"text": "a", "spans": [{"start": 0, "end": 1, "label": "\\udc80"}]}',
            r"label must be valid Unicode, was: 0 to 1, '\\udc80'. Remove",
        ),
        ('{"text": "a", "\\udc80": 1}', r"a key must be valid Unicode, was: .* in \\udc80."),
        ('{"tokens": ["a\\udc80"]}', "text must be valid Unicode"),
        ({"text": "a", "spans": [span(0, 1, " \t")]}, "label must be a non-empty string"),
        (
            {"text": "a", "spans": [{"start": 0, "end": 1}]},
            'object with "start", "end" and "label"',
        ),
        ({"text": "a", "spans": [span(0, 2, "X")]}, "inside the 1 characters"),
        ({"text": "a", "spans": [span(1, 1, "X")]}, "start must be smaller than end"),
        (
            {"text": "a", "spans": [span(0, 1, None)]},
            "label must be a non-empty string, was: 0 to 1",
        ),
        ({"tokens": ["abc"], "spans": [span(0, 3, "X")]}, "inside the 1 tokens"),
    ],
)
def test_a_malformed_line_is_named(row, rule):
    with pytest.raises(ValueError, match=f"^x.jsonl line 2: .*{rule}"):
        read({"text": "fine"}, row)


def test_messages_show_no_more_than_the_start_of_a_line():
    with pytest.raises(ValueError, match="valid JSON") as error:
        read('{"text": "' + "a" * 5000)
    assert len(str(error.value)) < 250


NAMES = st.sampled_from(["text", "tokens", "spans", "label", "start", "end", "entities", "x"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.floats()
    | st.text("ab 0\udc80😀", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES))
def test_any_json_becomes_a_record_or_a_clear_error(row):
    message = "x.jsonl line 1: "
    try:
        (record,) = read(row)
    except ValueError as error:
        message = str(error)
    else:
        assert record.spans is None or len(record.spans) == len(row["spans"])
        assert not row.get("entities") or isinstance(row["entities"], (str, int, float))
    assert message.encode().startswith(b"x.jsonl line 1: ")


@pytest.mark.parametrize(
    "row",
    [
        {"text": ["a"] * 9_000},
        {"text": "a", "tokens": ["a"] * 9_000 + [1]},
        {"text": "a", "tokens": "a" * 9_000},
        {"text": "a", "tokens": ["a" * 9_000]},
        {"text": "a" * 9_000, "tokens": ["b" * 9_000]},
        {"text": "a", "spans": "a" * 9_000},
        {"text": "a", "spans": [{str(i): i for i in range(9_000)}]},
        {"text": "a", "spans": [span("0" * 9_000, 1, "X")]},
        {"text": "a", "spans": [span(0, 9, "X" * 9_000)]},
        {"text": "a", "spans": [span(0, 1, [0] * 9_000)]},
        {"text": "a" * 9_000, "spans": [span(1, 8_000, "X" * 9_000)], "tokens": ["a" * 9_000]},
        {"text": "a", "k" * 9_000: [span(0, 1, "X")]},
    ],
)
def test_no_message_is_longer_than_a_screen(row):
    def convert():
        record_to_doc(*read(row), spacy.blank("en"), alignment="fail")

    with pytest.raises(ValueError, match=r"^x\.jsonl line 1: ") as error:
        convert()
    assert len(str(error.value)) < 700


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5_000], ids=["deep", "long number"])
def test_json_that_python_refuses_is_named_too(value):
    with pytest.raises(ValueError, match=r"^x\.jsonl line 1: every line must be valid JSON"):
        list(read_jsonl([value], "x.jsonl"))


ROW = {"text": "Ada lives", "spans": [span(0, 3, "P")]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROW, indent=2),
        json.dumps(ROW, indent=2) + "\n" + json.dumps(ROW, indent=2),
        json.dumps(ROW) + "\n" + json.dumps(ROW, indent="\t") + "\n\n" + json.dumps(ROW),
        json.dumps(ROW).replace('"spans"', '\n"spans"'),
    ],
)
def test_an_object_may_take_several_lines(text):
    records = list(read_jsonl(text.splitlines(True), "x.jsonl"))
    assert len(records) == text.count("Ada")
    assert {(record.text, record.spans) for record in records} == {("Ada lives", ((0, 3, "P"),))}
    places = [i for i, line in enumerate(text.splitlines(), 1) if line.startswith("{")]
    assert [record.source for record in records] == [f"x.jsonl line {i}" for i in places]


@pytest.mark.parametrize(
    "text", ['{\n"text": "Ada"\n', '{\n"text": Ada\n}\n', '{\n"text": "A"\n', "{\n" + "[" * 9_999]
)
def test_a_broken_object_is_named_by_its_first_line(text):
    with pytest.raises(ValueError, match=r"^x\.jsonl line 2: every line must be valid JSON"):
        list(read_jsonl(["\n", *text.splitlines(True), '{"text": "b"}'], "x.jsonl"))


def test_a_record_has_the_other_fields_of_its_object():
    row = {**ROW, "id": 7, "relations": [], "events": [], "meta": {"a": 1}}
    assert read(row)[0].fields == {"id": 7, "meta": {"a": 1}}
    # Without spans they are somebody else's.
    (record,) = read({"text": "Ada", "events": 3})
    assert (record.events, record.fields) == (None, {"events": 3})
    assert read({"tokens": ["a"], "id": 7})[0].fields == {"id": 7}


def test_the_labels_that_a_line_is_annotated_with():
    rows = [
        {"text": "Ada", "spans": [span(0, 3, "P")], "span_labels": ["P", " Q "]},
        {"text": "Ada", "spans": [], "span_labels": []},
        {"tokens": ["Ada"], "spans": [span(0, 1, "P")], "span_labels": ["P"]},
        {"text": "Ada", "spans": []},
    ]
    records = read(*rows)
    assert [record.labels for record in records] == [("P", " Q "), (), ("P",), None]
    assert "span_labels" not in records[0].fields
    assert records[0].trim_labels().labels == ("P", "Q")
    nlp = spacy.blank("en")
    doc, *_ = record_to_doc(records[0].trim_labels(), nlp)
    assert doc.spans["sc"].attrs == {"labels": ["P", "Q"]}
    assert not record_to_doc(records[3], nlp)[0].spans["sc"].attrs


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ("P", '"span_labels" must be a list of labels, was: .P.'),
        (None, '"span_labels" must be a list of labels, was: null. .* leave it out'),
        ([1], "must hold labels, which are non-empty strings"),
        (["P", "P"], "must name each label once"),
        (["Q"], "must have the label of each span, was: .P., not in"),
        (["P", "\udc80"], "must hold valid Unicode"),
    ],
)
def test_bad_labels_of_a_line_are_an_error(labels, rule):
    with pytest.raises(ValueError, match=f"x.jsonl line 1: .*{rule}"):
        read({"text": "Ada", "spans": [span(0, 3, "P")], "span_labels": labels})


def test_labels_of_a_line_without_spans_are_not_lost():
    for labels, shown in ((["P"], r"\['P'\]"), (None, "None")):
        with pytest.raises(ValueError, match=f'must have "spans" too, was: {shown} without. Give'):
            read({"text": "Ada", "span_labels": labels})


def test_labels_of_a_text_as_a_class_are_still_another_thing():
    (record,) = read({"text": "Ada", "spans": [], "labels": ["sport"]})
    assert (record.labels, record.fields["labels"]) == (None, ["sport"])
