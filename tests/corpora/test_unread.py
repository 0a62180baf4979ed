import pytest

from spacy_globalpointer.corpora.unread import list_unread, refuse_single_span, refuse_unread

TEXT = "Ada lives in London."
WORDS = ["Ada", "lives", "in", "London", "."]
CMEEE = {"start_idx": 0, "end_idx": 2, "type": "PER", "entity": "Ada"}
LABEL_STUDIO = {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}


def refuse(row, **options):
    refuse_unread({"text": TEXT, **row}, "x.jsonl line 1", known=("text", "spans"), **options)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # Known names, whatever is in them.
        ("label", [[0, 3, "PER"]]),
        ("labels", [["PER", 0, 3]]),
        ("labels", {"PER": ["Ada"]}),
        ("label", {"name": {"Ada": [[0, 2]]}}),
        ("entities", [{"id": 7, "label": "PER", "start_offset": 0, "end_offset": 3}]),
        ("entities", ["Ada"]),
        ("entities", {"PER": ["Ada"]}),
        ("entities", "[(0, 3, 'PER')]"),
        ("entities", [CMEEE]),
        ("annotations", [{"label": 3, "start_offset": 0, "end_offset": 3, "user": 1}]),
        ("annotation", [["PER", 0, 3]]),
        ("label", [LABEL_STUDIO]),
        ("ner_tags", [1, 0, 0, 2, 0]),
        ("entity_mentions", [{"start": 0, "end": 1, "entity_type": "PER"}]),
        ("golden-entity-mentions", [{"start": 0}]),
        ("nerTags", ["PER"]),
        ("NER", [[0, 0, "person"]]),
        ("Spans", [{"start": 0}]),
        ("实体", [{"文本": "Ada"}]),
        ("relations", [{"subject": "Ada", "object": "London"}]),
        # Shapes, whatever their name.
        ("gold", [{"start": 0, "end": 3, "label": "PER"}]),
        ("gold", [{"beginOffset": 0, "endOffset": 3, "class": "PER"}]),
        ("gold", [{"offset": 0, "length": 3, "category": "PER"}]),
        ("gold", [{"start": "0", "end": "3", "tag": "PER"}]),
        ("gold", [{"index": [0], "type": "PER"}]),
        ("gold", [{"text": "Ada", "type": "PER"}]),
        ("gold", [[0, 3, "PER"]]),
        ("gold", [["PER", 0, 3, 0.9]]),
        ("gold", [[[0, 3], "PER"]]),
        ("person", [[0, 3]]),
        ("gold", {"PER": {"Ada": [[0, 2]]}}),
        ("spo_list", [{"subject": "Ada", "predicate": "lives in", "object": "London"}]),
        ("gold", ["B-PER", "O", "O", "B-GPE", "O"]),
        ("gold", "B-PER O O B-GPE O"),
        ("gold", [["B-PER", "O"], ["O", "O"]]),
        ("result", [{"value": {"items": [[0, 3, "PER"]]}}]),
        ("data", {"more": {"entities": [[0, 3, "PER"]]}}),
        ("responses", [{"user": "a", "values": {"task": {"value": [LABEL_STUDIO]}}}]),
        # Places inside: Label Studio's result, Dataturks, Labelbox, bigbio, DocRED.
        ("result", [{"value": LABEL_STUDIO, "from_name": "label", "type": "labels"}]),
        ("gold", [{"globalOffsets": {"start": 0, "end": 3}, "labels": ["PER"]}]),
        ("gold", [{"label": ["PER"], "points": [{"start": 0, "end": 2, "text": "Ada"}]}]),
        ("gold", [{"name": "PER", "location": {"start": 0, "end": 2}}]),
        ("gold", [{"type": "PER", "text": ["Ada"], "offsets": [[0, 3]]}]),
        ("vertexSet", [[{"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "PER"}]]),
        # Numbers of a table, labels by number, columns.
        ("gold", [{"start": 0.0, "end": 3.0, "label": "PER"}]),
        ("gold", [[0.0, 3.0, "PER"]]),
        ("gold", [{"start": 0, "end": 3, "label": 1}]),
        ("gold", {"start": [0, 13], "end": [3, 19], "label": ["PER", "GPE"]}),
        # One span, not in a list; a number before the borders.
        ("gold", {"start": 0, "end": 3, "label": "PER"}),
        ("gold", [[7, 0, 3, "PER"]]),
        # Any string may be the kind, also of places in the whole document.
        ("gold", [{"start": 500, "end": 503, "concept": "PER"}]),
        ("gold", [{"concept": "PER", "location": {"start": 500, "end": 503}}]),
        # Text in a cell.
        ("gold", '[{"start": 0, "end": 3, "labels": ["PER"]}]'),
        ("gold", "T1\tPER 0 3\tAda\nT2\tGPE 13 19\tLondon"),
        ("gold", ["T1\tPER 0 3\tAda"]),
        # Mentions without places.
        ("gold", [{"name": "Ada", "type": "PER"}]),
        ("gold", {"Ada": "PER", "London": "GPE"}),
        ("gold", {"PER": ["Ada"], "GPE": ["London"]}),
        ("gold", [["Ada", "PER"], ["London", "GPE"]]),
        ("gold", [["Ada", "lives in", "London"]]),
        # Other languages.
        ("实体列表", [{"开始": 0, "结束": 3}]),
        ("gold", [{"起始": 0, "结束": 3, "类别": "PER"}]),
        ("標註結果", ["Ada"]),
        ("Entitäten", [{"Anfang": 0}]),
        ("entités", ["Ada"]),
        ("gold", [{"inicio": 0, "fin": 3, "etiqueta": "PER"}]),
        ("gold", [{"начало": 0, "конец": 3, "тип": "PER"}]),
    ],
)
def test_annotation_is_refused_and_its_key_is_named(key, value):
    message = rf'^x.jsonl line 1: "{key}" looks like annotation, but only "spans" and "text" are'
    with pytest.raises(ValueError, match=message) as error:
        refuse({key: value})
    assert 'Write spans as "spans": [{"start"' in str(error.value)
    with pytest.raises(ValueError, match=message):
        refuse({"spans": [], key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", 7),
        ("doc_id", "a-1"),
        ("source", "news"),
        ("label", "POSITIVE"),
        ("label", ["politics"]),
        ("labels", {"politics": 0.9, "sport": 0.1}),
        ("label", []),
        ("entities", None),
        ("entities", []),
        ("annotations", {}),
        ("annotator", "jk"),
        ("annotation_id", 4),
        ("entity_types", ["PER", "GPE"]),
        ("span_count", 3),
        ("tags", ["news", "local"]),
        ("cats", {"politics": 1.0}),
        ("meta", {"spans": [[0, 3, "PER"]], "start": 0, "end": 20, "label": "x"}),
        ("metadata", {"source": "a", "entities": 2}),
        ("passage", {"document": "a", "start": 100, "end": 200}),
        ("sentences", [{"start": 0, "end": 20, "text": TEXT}]),
        ("sentences", [[0, 20]]),
        ("sections", [{"start": 0, "end": 20, "title": "Intro"}]),
        ("jobs", [{"start_year": 1990, "end_year": 1995, "title": "clerk", "label": "x"}]),
        ("authors", [{"name": "Ada", "url": "u"}]),
        ("scores", [0.1, 0.2, 0.3]),
        ("embedding", [[0.1, 0.2], [0.3, 0.4]]),
        ("bbox", [[0, 0], [10, 10]]),
        ("size", [20, 4]),
        ("keywords", ["O", "work"]),
        ("keywords", ["S-Bahn", "U-Boot"]),
        ("url", "https://example.org/O"),
        ("_input_hash", -123),
        ("tags", ["news", "local", "people", "city"]),  # as many as the text has words
        ("period", {"start": 1990, "end": 2000, "place": "Rome"}),
        ("jobs", [{"title": "clerk", "years": {"from": 1990, "to": 1995}, "company": "A"}]),
        ("authors", [["Ada", "London"]]),
        ("language", {"on": "Ontario"}),
        ("info", {"author": ["Bob"], "words": ["Ada", "lives"]}),
        ("note", "[to do] ask Ada [later]"),
        ("note", "{not JSON}"),
    ],
)
def test_other_data_passes(key, value):
    refuse({key: value})


@pytest.mark.parametrize("key", ["tags", "ner", "labels", "y"])
@pytest.mark.parametrize("value", [[1, 0, 0, 2, 0], ["PER", "-", "-", "GPE", "-"]])
def test_a_list_as_long_as_the_tokens_is_annotation(key, value):
    with pytest.raises(ValueError, match=f'"{key}" looks like annotation'):
        refuse_unread({"tokens": WORDS, key: value}, "x", known=("tokens",), words=WORDS)


def test_tags_of_one_token_are_annotation():
    with pytest.raises(ValueError, match='"tags" looks like annotation'):
        refuse_unread({"tokens": ["Ada"], "tags": ["B-PER"]}, "x", known=("tokens",), words=["Ada"])


@pytest.mark.parametrize("value", [[{"name": "Ada", "type": "PER"}], {"PER": ["Ada"]}, [[0, 3]]])
def test_mentions_are_looked_for_in_tokens_too(value):
    with pytest.raises(ValueError, match='"gold" looks like annotation'):
        refuse_unread({"tokens": WORDS, "gold": value}, "x", known=("tokens",), words=WORDS)


@pytest.mark.parametrize("key", ["pos_tags", "lemmas", "heads", "input_ids", "attention_mask"])
def test_other_facts_of_tokens_pass(key):
    row = {"tokens": WORDS, key: [1, 2, 3, 4, 5]}
    refuse_unread(row, "x", known=("tokens",), words=WORDS)


@pytest.mark.parametrize("n", [len(TEXT), len(TEXT.split())])
def test_without_tokens_labels_are_counted_against_characters_and_words(n):
    with pytest.raises(ValueError, match='"labels" looks like annotation'):
        refuse({"labels": [0] * n})
    refuse({"labels": [0] * (n + 1)})


def test_a_single_key_that_is_read_is_named():
    with pytest.raises(ValueError, match='looks like annotation, but only "text" are read, was'):
        refuse_unread({"label": [[0, 3, "PER"]]}, "x.json", known=("text",), text="Ada")


def test_a_record_that_is_one_span_is_refused():
    with pytest.raises(ValueError, match="looks like one span must have it in a list, was: the k"):
        refuse_single_span({"text": TEXT, "start": 0, "end": 3, "label": "PER"}, "x")
    refuse_single_span({"text": TEXT, "start": 0, "end": 20, "title": "Intro"}, "x")


def test_a_large_value_is_shown_in_part():
    with pytest.raises(ValueError, match="looks like annotation") as error:
        refuse({"entities": [[0, 3, "PER"]] * 10_000})
    assert len(str(error.value)) < 500


def test_keys_that_may_hold_annotation_are_listed():
    row = {
        "text": TEXT,
        "out": ["Ada <> PER"],
        "entities": "Ada",
        "meta": {"a": 1},
        "n": 3,
        "x": [],
    }
    row |= {"entity_types": ["PER"], "tokens": WORDS, "title": "Ada"}
    assert list_unread(row, known=("text", "tokens")) == ["out", "entities"]


def test_deep_values_are_no_recursion_error():
    value = []
    for _ in range(900):
        value = [value]
    refuse({"deep": value})
