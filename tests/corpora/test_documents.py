import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer import get_events, get_relations, has_events, has_relations
from spacy_globalpointer.corpora import OUTCOMES, Record, record_to_doc
from spacy_globalpointer.events import EventEdges

EN = spacy.blank("en")
ZH = spacy.blank("zh")
TEXT = "Ada Lovelace lived in London ."


def groups(doc):
    return {key: [(s.start, s.end, s.label_) for s in doc.spans[key]] for key in doc.spans}


def to_record(doc, words=None):
    spans = tuple((s.start_char, s.end_char, s.label_) for s in doc.spans["sc"])
    return Record(doc.text, spans, words)


def test_a_missing_list_of_spans_is_no_group_and_an_empty_one_an_empty_group():
    assert groups(record_to_doc(Record(TEXT), EN)[0]) == {}
    assert groups(record_to_doc(Record(TEXT, ()), EN)[0]) == {"sc": []}
    assert groups(record_to_doc(Record(TEXT, ()), EN, spans_key="gold")[0]) == {"gold": []}


@pytest.mark.parametrize(
    ("span", "alignment", "outcome", "tokens"),
    [
        ((0, 12), "skip", "kept", (0, 2)),
        ((0, 12), "fail", "kept", (0, 2)),
        ((0, 12), "expand", "kept", (0, 2)),
        ((0, 13), "fail", "trimmed", (0, 2)),
        ((3, 12), "fail", "trimmed", (1, 2)),
        ((1, 12), "skip", "skipped", None),
        ((0, 11), "skip", "skipped", None),
        ((1, 5), "expand", "expanded", (0, 2)),
        ((3, 5), "expand", "expanded", (1, 2)),  # " L": the space touches no token
        ((3, 4), "skip", "skipped", None),
        ((3, 4), "expand", "skipped", None),
    ],
)
def test_spans_meet_tokens(span, alignment, outcome, tokens):
    doc, outcomes, *_ = record_to_doc(Record(TEXT, ((*span, "X"),)), EN, alignment=alignment)
    assert outcomes == [outcome]
    assert groups(doc) == {"sc": [(*tokens, "X")] if tokens else []}


def test_fail_names_the_file_and_the_span():
    record = Record(TEXT, ((0, 3, "PER"), (1, 7, "PER")), source="train.jsonl line 7")
    with pytest.raises(ValueError, match=r"train.jsonl line 7: .*'da Lov' \(PER, characters 1 to"):
        record_to_doc(record, EN, alignment="fail")


def test_fail_refuses_a_span_of_white_space():
    with pytest.raises(ValueError, match="token borders, was: ' '"):
        record_to_doc(Record(TEXT, ((3, 4, "PER"),)), EN, alignment="fail")


def test_an_unknown_alignment_is_an_error():
    with pytest.raises(ValueError, match="one of fail, skip, expand, was: 'strict'"):
        record_to_doc(Record(TEXT), EN, alignment="strict")


def test_the_same_tokens_and_label_are_one_span():
    spans = ((0, 3, "A"), (0, 3, "A"), (0, 3, "B"), (0, 4, "A"), (1, 3, "A"))
    doc, outcomes, *_ = record_to_doc(Record(TEXT, spans), EN, alignment="expand")
    assert outcomes == ["kept", "duplicate", "kept", "duplicate", "duplicate"]
    assert groups(doc) == {"sc": [(0, 1, "A"), (0, 1, "B")]}


def test_spans_may_nest_and_overlap_in_chinese():
    record = Record("北京大学在北京", ((0, 4, "ORG"), (0, 2, "GPE"), (1, 3, "X"), (5, 7, "GPE")))
    doc, outcomes, *_ = record_to_doc(record, ZH, alignment="fail")
    assert outcomes == ["kept"] * 4
    assert to_record(doc) == record


@pytest.mark.parametrize(
    ("text", "words", "tokens"),
    [
        ("don't go", ("don", "'t", "go"), ["don", "'t ", "go"]),
        ("a  b", ("a", "b"), ["a ", " ", "b"]),
        ("a \n b", ("a", "b"), ["a ", "\n ", "b"]),
        (" a\tb ", ("a", "b"), [" ", "a", "\t", "b "]),
        ("New York", ("New York",), ["New York"]),
        ("a  b", ("a", " ", "b"), ["a ", " ", "b"]),
        ("a\nb", ("a", " ", "b"), ["a", "\n", "b"]),
        ("a b c", ("a ", "b", " c"), ["a ", "b ", "c"]),
        ("", (), []),
    ],
)
def test_words_are_found_in_the_text(text, words, tokens):
    doc, *_ = record_to_doc(Record(text, (), words), EN)
    assert [token.text_with_ws for token in doc] == tokens
    assert doc.text == text
    assert not doc.has_unknown_spaces


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("Ada", "London"), "was: 'London' where the text has 'Lovelace lived in Lo'"),
        (("Ada", "Lovelace"), "was: 'the end of the tokens' where the text has 'lived"),
        (("Lovelace", "Ada"), "was: 'Lovelace' where the text has 'Ada Lov"),
        ((*TEXT.split(), "!"), r"was: '!' where the text has ''"),
    ],
)
def test_words_that_are_not_in_the_text_are_an_error(words, problem):
    with pytest.raises(ValueError, match=f"line 3: tokens must follow .*{problem}"):
        record_to_doc(Record(TEXT, None, words, source="line 3"), EN)


def test_from_words_counts_tokens_and_leaves_spaces_unknown():
    spans = [(0, 2, "PER"), (1, 2, "X")]
    record = Record.from_words(["Ada", "L.", "!"], spans, joiner=" ", source="x")
    assert record.text == "Ada L. !"
    assert record.spans == ((0, 6, "PER"), (4, 6, "X"))
    doc, outcomes, *_ = record_to_doc(record, EN, alignment="fail")
    assert [token.text for token in doc] == ["Ada", "L.", "!"]
    assert doc.has_unknown_spaces
    assert outcomes == ["kept", "kept"]


@pytest.mark.parametrize(
    ("words", "text", "tokens"),
    [
        (["a", " ", "b"], "a   b", ["a", " ", "b"]),
        ([" ", "a", "\n", "\n", "b"], "  a \n \n b", [" ", "a", "\n", "\n", "b"]),
        (["a", "b", " "], "a b  ", ["a", "b", " "]),
        (["a ", " b"], "a b", ["a", "b"]),
        (["a", "\u3000", "b"], "a \u3000 b", ["a", "\u3000", "b"]),
    ],
)
def test_white_space_in_words_without_text(words, text, tokens):
    spans = [(words.index(word), words.index(word) + 1, "X") for word in words if word.strip()]
    spans.append((0, len(words), "ALL"))
    record = Record.from_words(words, spans, joiner=" ", source="x")
    doc, outcomes, *_ = record_to_doc(record, EN)
    assert record.text == text
    assert [token.text for token in doc] == tokens
    assert set(outcomes) <= {"kept", "trimmed"}
    assert [span.text for span in doc.spans["sc"]] == ["a", "b", text.strip()]


def test_from_words_without_a_joiner_knows_the_text():
    record = Record.from_words(["北京", "大学"], None, joiner="", source="x")
    doc, *_ = record_to_doc(record, ZH)
    assert (doc.text, len(doc), doc.has_unknown_spaces) == ("北京大学", 2, False)
    assert record.spans is None


@pytest.mark.parametrize(
    ("span", "rule"),
    [
        ((0, 31, "X"), "must lie inside the 30 characters of the text, was: 0 to 31, 'X'"),
        ((-1, 3, "X"), "must lie inside the 30 characters"),
        ((3, 3, "X"), "start must be smaller than end, was: 3 to 3"),
        ((3, 2, "X"), "start must be smaller than end"),
        ((0, 3, ""), "label must be a non-empty string, was: 0 to 3, ''"),
        ((0, 3, 7), "label must be a non-empty string"),
        ((0, 3.0, "X"), "start and end must be whole numbers, was: 0 to 3.0"),
        ((False, True, "X"), "start and end must be whole numbers"),
        (("0", 3, "X"), "start and end must be whole numbers"),
    ],
)
def test_a_record_checks_its_spans(span, rule):
    with pytest.raises(ValueError, match=f"^dev.jsonl line 2: .*{rule}"):
        Record(TEXT, (span,), source="dev.jsonl line 2")


def test_offsets_of_words_are_checked_in_tokens():
    with pytest.raises(ValueError, match="inside the 2 tokens of the text, was: 0 to 3"):
        Record.from_words(["a", "b"], [(0, 3, "X")], joiner=" ", source="x")
    with pytest.raises(ValueError, match="non-empty strings"):
        Record.from_words(["a", ""], [], joiner=" ", source="x")


def test_half_a_character_is_an_error():
    with pytest.raises(ValueError, match=r"valid Unicode.* at 2"):
        Record("ab\ud83d")
    with pytest.raises(ValueError, match=r"label must be valid Unicode, was: 0 to 1, '\\udc80'"):
        Record("ab", ((0, 1, "\udc80"),))


def test_white_space_around_labels_is_trimmed_with_a_note():
    record = Record("ab", ((0, 1, " X"), (1, 2, "X\u00a0"), (0, 2, "X"), (0, 2, " X")))
    trimmed = record.trim_labels()
    assert [label for _, _, label in trimmed.spans] == ["X"] * 4
    assert trimmed.notes == (
        "White space around the label ' X' was trimmed",
        "White space around the label 'X\\xa0' was trimmed",
    )
    assert trimmed.trim_labels() is trimmed
    assert Record("ab").trim_labels().notes == ()


def test_a_tokenizer_that_changes_the_text_is_an_error():
    nlp = spacy.blank("en")
    nlp.tokenizer = lambda text: spacy.tokens.Doc(nlp.vocab, words=text.lower().split())
    with pytest.raises(ValueError, match="must keep the text, was: 'ada ' for 'Ada'"):
        record_to_doc(Record("Ada"), nlp)


TEXTS = st.text(st.sampled_from("ab.'-1 \n\t\u3000中文é😀"), max_size=25)
LABELS = st.sampled_from(["A", "B", "a b", "标签"])


@st.composite
def token_spans(draw, n_tokens):
    n_spans = draw(st.integers(0, 5)) if n_tokens else 0
    starts = [draw(st.integers(0, n_tokens - 1)) for _ in range(n_spans)]
    return [(s, draw(st.integers(s + 1, n_tokens)), draw(LABELS)) for s in starts]


@given(st.data())
def test_record_to_doc_and_back_is_the_identity(data):
    nlp = data.draw(st.sampled_from([EN, ZH]))
    doc = nlp.make_doc(data.draw(TEXTS))
    spans = {
        (doc[s].idx, doc[e - 1].idx + len(doc[e - 1]), label)
        for s, e, label in data.draw(token_spans(len(doc)))
        if not doc[s].text[0].isspace() and not doc[e - 1].text[-1].isspace()
    }
    words = data.draw(st.sampled_from([None, tuple(t.text for t in doc if not t.is_space)]))
    record = Record(doc.text, tuple(sorted(spans)), words)
    result, outcomes, *_ = record_to_doc(record, nlp, alignment="fail")
    assert outcomes == ["kept"] * len(spans)
    assert to_record(result, words) == record
    assert [t.text for t in result if not t.is_space] == [t.text for t in doc if not t.is_space]


@given(st.data())
def test_every_span_has_an_outcome_and_no_span_starts_or_ends_on_white_space(data):
    text = data.draw(TEXTS)
    spans = tuple(data.draw(token_spans(len(text))))
    alignment = data.draw(st.sampled_from(["skip", "expand"]))
    doc, outcomes, *_ = record_to_doc(Record(text, spans), EN, alignment=alignment)
    assert len(outcomes) == len(spans)
    assert set(outcomes) <= set(OUTCOMES)
    assert len(doc.spans["sc"]) == sum(o not in ("skipped", "duplicate") for o in outcomes)
    for span in doc.spans["sc"]:
        assert not span[0].is_space
        assert not span[-1].is_space
    for (start, end, _), outcome in zip(spans, outcomes, strict=True):
        if alignment == "expand" or outcome == "kept":
            assert (outcome == "skipped") == text[start:end].isspace()
        if outcome == "kept":
            assert text[start:end] in {span.text for span in doc.spans["sc"]}


PLACES = st.tuples(st.integers(0, 20), st.integers(1, 7), st.sampled_from("XY")).map(
    lambda x: (x[0], min(21, x[0] + x[1]), x[2])
)


@st.composite
def related_records(draw):
    """Records with spans that are given twice, or off the token borders, or become one."""
    spans = draw(st.lists(PLACES, min_size=1, max_size=6))
    ends = st.integers(0, len(spans) - 1)
    relations = draw(st.lists(st.tuples(ends, ends, st.sampled_from("pq")), max_size=6))
    return Record("ab, cd  ef.gh ij-kl m", tuple(spans), relations=tuple(relations))


def find_tokens(record, alignment):
    """The tokens of each span, alone in its text; None if it is left out."""
    for span in record.spans:
        doc, *_ = record_to_doc(Record(record.text, (span,)), EN, alignment=alignment)
        yield next(iter(groups(doc)["sc"]), None)


@given(related_records(), st.sampled_from(["skip", "expand"]))
def test_relations_follow_their_spans_whatever_becomes_of_these(record, alignment):
    doc, _, outcomes, _ = record_to_doc(record, EN, alignment=alignment)
    tokens = list(find_tokens(record, alignment))
    kept = []
    for (first, second, label), outcome in zip(record.relations, outcomes, strict=True):
        head, child = tokens[first], tokens[second]
        if None in (head, child):
            assert outcome == "skipped"
        elif head == child and first != second:
            assert outcome == "merged"
        else:
            assert outcome == ("duplicate" if (head, child, label) in kept else "kept")
            kept += [(head, child, label)] if outcome == "kept" else []
    ends = [(r.head, r.child, r.label) for r in get_relations(doc)]
    assert [(*[(s.start, s.end, s.label_) for s in (a, b)], c) for a, b, c in ends] == kept
    assert has_relations(doc)


def test_relations_may_have_another_key():
    record = Record("Ada", ((0, 3, "P"),), relations=((0, 0, "x"),))
    doc, *_ = record_to_doc(record, EN, relations_key="edges")
    assert set(doc.spans) == {"sc", "edges"}
    with pytest.raises(ValueError, match="must differ, was: spans_key = 'sc', rel"):
        record_to_doc(record, EN, relations_key="sc")
    assert set(record_to_doc(Record("Ada", ()), EN, relations_key="sc")[0].spans) == {"sc"}


@pytest.mark.parametrize(
    ("spans", "relations", "rule"),
    [
        (None, (), "x: relations must be between spans, was: 0 relations of a text without spans"),
        ((), ((0, 0, "p"),), "x: head and child of a relation must be places among 0 spans"),
        (((0, 3, "P"),), ((0, -1, "p"),), r"was: 0 to -1, 'p' \(relation 0, from 0\). Count"),
        (((0, 3, "P"),), ((0, 0, ""),), "label of a relation must be a non-empty string"),
    ],
)
def test_a_record_refuses_relations_between_spans_that_are_not_there(spans, relations, rule):
    with pytest.raises(ValueError, match=rule):
        Record("Ada", spans, relations=relations, source="x")


def test_labels_of_relations_are_trimmed_with_a_note():
    record = Record("Ada", ((0, 3, "P"),), relations=((0, 0, " p "),)).trim_labels()
    assert (record.relations, record.spans) == (((0, 0, "p"),), ((0, 3, "P"),))
    assert record.notes == ("White space around the label ' p ' was trimmed",)


@st.composite
def eventful_records(draw):
    """Records with spans anywhere in a text, and events of them."""
    spans = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=5))
    spans = [(start, min(start + n, 13), draw(st.sampled_from("XY"))) for start, n in spans]
    places = st.integers(0, len(spans) - 1)
    arguments = st.lists(st.tuples(st.sampled_from(["who", "whom"]), places), max_size=3)
    events = []
    for trigger, own in draw(st.lists(st.tuples(st.none() | places, arguments), max_size=4)):
        if trigger is not None or own:
            kind = "Z" if trigger is None else spans[trigger][2]
            events.append(EventEdges(kind, trigger, tuple(own)))
    return Record("Ada met Mary.", tuple(spans), events=tuple(events))


SAME = ("duplicate", "kept")


@given(eventful_records(), st.sampled_from(["skip", "expand"]))
def test_events_follow_their_spans_whatever_becomes_of_these(record, alignment):
    doc, _, _, outcomes = record_to_doc(record, EN, alignment=alignment)
    tokens = list(find_tokens(record, alignment))
    kept = []
    for (kind, place, ends), outcome in zip(record.events, outcomes, strict=True):
        trigger = None if place is None else tokens[place]
        own = {(role, tokens[at]) for role, at in ends if tokens[at]}
        if (trigger is None) and not (place is None and own):
            assert outcome == "skipped"
            continue
        made = (kind, trigger, frozenset(own))
        expected = ("merged", "reduced") if any(not tokens[at] for _, at in ends) else SAME
        assert outcome == expected[made not in kept]
        kept += [made] if made not in kept else []

    def place(span):
        return span and (span.start, span.end, span.label_)

    found = [
        (e.type, place(e.trigger), frozenset((role, place(span)) for role, span in e.arguments))
        for e in get_events(doc)
    ]
    assert found == kept
    assert has_events(doc)


def test_a_record_refuses_events_of_spans_that_are_not_there():
    spans = ((0, 3, "P"),)
    for own, events, rule in (
        (None, (), "x: events must be of spans, was: 0 events of a text without spans"),
        ((), (("P", 0, ()),), "x: the trigger of an event must be a place among 0 spans"),
        (spans, (("P", 0, (("who", 1),)),), r"trigger 0, arguments \(\('who', 1\),\) \(event 0, f"),
        (spans, (5,), r"x: an event must be a type, a trigger .*, was: type 5 \(event 0"),
        (spans, (("P",),), r"an event must be a type, .*, was: type 'P' \(event 0"),
        (spans, (("P", 0, 3),), "the arguments of an event must be a list .*, arguments 3"),
        (spans, (("P", 0, None),), "the arguments of an event must be a list .*, arguments None"),
        (spans, ((3, 0, ()),), "the type of an event must be a non-empty string, was: type 3"),
    ):
        with pytest.raises(ValueError, match=rule):
            Record("Ada", own, events=events, source="x")


def test_names_of_events_are_trimmed_with_a_note():
    record = Record("Ada", ((0, 3, "P "),), events=(("P ", 0, ((" who", 0),)),)).trim_labels()
    assert record.events == (("P", 0, (("who", 0),)),)
    assert len(record.notes) == 2


def test_events_need_a_key_of_their_own():
    record = Record("Ada", ((0, 3, "P"),), relations=(), events=(("P", 0, ()),))
    with pytest.raises(ValueError, match=r"must differ, was: .*, events_key = 'relations'"):
        record_to_doc(record, EN, events_key="relations")
    assert set(record_to_doc(record, EN, events_key="what")[0].spans) == {"sc", "relations", "what"}


def test_an_argument_that_is_left_out_makes_an_event_less_or_another():
    spans = ((4, 7, "met"), (0, 3, "P"), (9, 11, "P"), (0, 3, "P"))
    one, more = ("met", 0, (("who", 1),)), ("met", 0, (("who", 1), ("who", 2)))
    same = ("met", 0, (("who", 1), ("who", 3)))
    for events, outcomes in (
        ((one, more), ["kept", "merged"]),
        ((more, more, one), ["reduced", "merged", "duplicate"]),
        ((same, one), ["kept", "duplicate"]),
    ):
        doc, _, _, found = record_to_doc(Record("Ada met Mary", spans, events=events), EN)
        assert found == outcomes
        assert [len(event.arguments) for event in get_events(doc)] == [1]


def test_a_text_that_is_too_long_is_named():
    nlp = spacy.blank("en")
    nlp.max_length = 3
    record_to_doc(Record("Ada", ()), nlp)
    record_to_doc(Record("Ada lives", (), ("Ada", "lives")), nlp)
    with pytest.raises(
        ValueError, match=r"^x line 1: a text without tokens must have at most 3 char"
    ):
        record_to_doc(Record("Ada lives", (), source="x line 1"), nlp)
