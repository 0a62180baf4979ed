import gzip

import pytest
from file_samples import BRAT, TEXT, causes, read_sample, write_sample
from hypothesis import given
from hypothesis import strategies as st
from record_files import edges, mentions

from spacy_globalpointer.corpora import detect_format, read_records
from spacy_globalpointer.corpora.readers.brat import list_texts_alone

NEWS = "Sony formed a joint venture with Ericsson, a company based in Sweden.\nIt is old."
# From the description of the format, https://brat.nlplab.org/standoff.html.
ANNOTATION = """T1	Organization 0 4	Sony
T2	MERGE-ORG 14 27	joint venture
T3	Organization 33 41	Ericsson
T4	Country 62 68	Sweden
E1	MERGE-ORG:T2 Org1:T1 Org2:T3
R1	Origin Arg1:T3 Arg2:T4
*	Equiv T1 T3
A1	Negation E1
M2	Confidence E1 L1
N1	Reference T1 Wikipedia:534366	Sony
#1	AnnotatorNotes T1	this annotation is suspect
"""


def read(tmp_path, annotation, text=NEWS):
    (record,) = read_sample(tmp_path, "x.ann", annotation, text, format="brat")
    return record


def test_the_documented_annotation_is_read(tmp_path):
    record = read(tmp_path, ANNOTATION)
    assert record.text == NEWS
    assert mentions(record) == [
        ("Sony", "Organization"),
        ("joint venture", "MERGE-ORG"),
        ("Ericsson", "Organization"),
        ("Sweden", "Country"),
    ]
    assert edges(record) == [("Ericsson", "Sweden", "Origin")]
    assert record.events == (("MERGE-ORG", 1, (("Org1", 0), ("Org2", 2))),)
    assert causes(record) == {
        "An attribute": 2,
        "A normalisation": 1,
        "A note": 1,
        "An equivalence": 1,
    }
    places = [place for _, place in record.left_out]
    assert places == [f"{tmp_path / 'x.ann'} {id}" for id in ("line 7", "A1", "M2", "N1", "#1")]


def test_pieces_with_white_space_between_are_one_span_and_others_are_left_out(tmp_path):
    lines = [
        "T1\tA 62 69;70 72\tSweden. It",
        "T2\tB 0 4;33 41\tSony Ericsson",
        "T3\tC 0 4\tSony",
        "R1\tX Arg1:T2 Arg2:T3",
        "E1\tC:T3 Who:T2 Whom:T1",
        "E2\tB:T2 Who:T3",
    ]
    record = read(tmp_path, "\n".join(lines))
    assert mentions(record) == [("Sweden.\nIt", "A"), ("Sony", "C")]
    assert record.relations == ()
    assert record.events == (("C", 1, (("Whom", 0),)),)
    assert causes(record) == {
        "A discontinuous span": 1,
        "A relation or an argument of a span that is left out": 2,
        "An event whose trigger or spans are left out": 1,
    }


def test_an_event_in_another_is_its_trigger_and_numbered_roles_are_one(tmp_path):
    lines = [
        "T1\tGo 0 4\tSony",
        "T2\tStop 5 11\tformed",
        "E1\tGo:T1",
        "E2\tStop:T2 Theme:E1 Theme2:T1 Site2:T1",
        "R1\tAfter Arg1:E2 Arg2:E1",
    ]
    record = read(tmp_path, "\n".join(lines))
    arguments = (("Theme", 0), ("Theme", 0), ("Site2", 0))
    assert record.events == (("Go", 0, ()), ("Stop", 1, arguments))
    assert edges(record) == [("formed", "Sony", "After")]
    assert record.left_out == ()
    lines.insert(4, "E3\tGo:T1 Theme:T2")
    record = read(tmp_path, "\n".join(lines))
    what = "Which of several events with one trigger takes part in another or in a relation"
    assert causes(record) == {what: 2}


def test_roles_of_relations_and_another_label_of_a_trigger(tmp_path):
    annotation = ANNOTATION.replace("Arg1", "From").replace("E1\tMERGE-ORG", "E1\tFound")
    record = read(tmp_path, annotation)
    assert causes(record)["Names of the roles of a relation ('From' and 'Arg2')"] == 1
    assert record.events[0][:2] == ("Found", 4)
    assert mentions(record)[4] == ("joint venture", "Found")


def test_annotation_conf_says_what_is_annotated(tmp_path):
    folder = tmp_path / "corpus" / "a"
    folder.mkdir(parents=True)
    (record,) = read_sample(folder, "x.ann", "T1\tA 0 4\tSony", NEWS)
    assert (record.relations, record.events) == (None, None)
    conf = "[entities]\nA\n\n[relations]\nOrigin Arg1:A, Arg2:A\n<OVERLAP> Arg1:A\n[events]\n# no\n"
    (tmp_path / "corpus" / "annotation.conf").write_text(conf)
    (record,) = read_records(folder / "x.ann")
    assert (record.relations, record.events) == ((), None)
    (record,) = read_sample(folder, "y.ann", "", NEWS)
    assert (record.spans, record.relations) == ((), ())


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("counts", ["as in the file", "as one"])
def test_line_ends_and_a_byte_order_mark_are_counted_or_not(tmp_path, bom, counts):
    text = "Ada\r\nmet\r\nBob"
    own = ("\ufeff" if bom else "") + text if counts == "as in the file" else "Ada\nmet\nBob"
    lines = [
        f"T{i}\tPER {own.index(x)} {own.index(x) + 3}\t{x}" for i, x in enumerate(("Ada", "Bob"))
    ]
    annotation = bom + "\r\n".join(lines).encode()
    record = read(tmp_path, annotation, bom + text.encode())
    assert mentions(record) == [("Ada", "PER"), ("Bob", "PER")]
    assert record.text == (text if counts == "as in the file" else "Ada\nmet\nBob")


def test_a_byte_order_mark_in_a_span_is_a_part_of_the_text(tmp_path):
    """As in a line that was the first of another file."""
    annotation = "T1\tPER 0 4\t\ufeffAda\nT2\tPER 10 13\tBob".encode()
    record = read(tmp_path, annotation, "\ufeffAda\r\nmet Bob".encode())
    assert mentions(record) == [("\ufeffAda", "PER"), ("Bob", "PER")]


def test_files_may_be_compressed(tmp_path):
    path = tmp_path / "x.ann.gz"
    path.write_bytes(gzip.compress(BRAT.encode()))
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert detect_format(path) == "brat"
    (record,) = read_records(path)
    assert mentions(record) == [("Ada", "PER"), ("Bob", "PER")]


def test_texts_without_annotation_are_found(tmp_path):
    write_sample(tmp_path, "x.ann", BRAT)
    (tmp_path / "y.txt").write_text("No one.")
    assert list_texts_alone(tmp_path) == [tmp_path / "y.txt"]
    (tmp_path / "x.ann").unlink()
    assert list_texts_alone(tmp_path) == []


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("X1\tA 0 4\tSony", "x.ann line 1: a line must be an id that starts with T, R, E"),
        ("T1 A 0 4 Sony", "line 1: a line must be an id"),
        (
            "\nT1\tA 0 four\tSony",
            "line 2: a line must be T1, a tab, label, start and end .*cut off",
        ),
        ("T1\tA 0 4", "line 1: a line must be T1"),
        ("T1\tA 0 4\t", "line 1: a line must be T1"),
        ("T1\tA -1 4\tSony", "line 1: a line must be T1"),
        ("T1\tA 0 4\tSony\nR1\tX Arg1:T1", "line 2: a line must be R1, a tab, label, and two of"),
        ("T1\tA 0 4\tSony\nR1\tX Arg1:T1 Arg2:T1 Arg3:T1", "line 2: a line must be R1"),
        ("T1\tA 0 4\tSony\nR1\tX T1 T1", "line 2: a line must be R1"),
        ("T1\tA 0 4\tSony\nE1\tA Who:T1", "line 2: a line must be E1, a tab, type:id"),
        ("T1\tA 0 4\tSony\nE1\tA:T1 Who", "line 2: a line must be E1"),
        ("T1\tA 0 4\tSony\nR1\tX Arg1:T1 Arg2:T9", "R1 must refer to an id that is there .*'T9'"),
        ("T1\tA 0 4\tSony\nE1\tA:T9", "E1 must refer to an id that is there"),
        ("T1\tA 0 4\tSony\nT1\tA 0 4\tSony", "an id must be given once, was: 'T1' again"),
        ("T1\tA 0 4\tSoni", "start and end must give the mention of the span, was: 'Soni'"),
        ("T1\tA 1 4\tSony", "must give the mention .*To fix: subtract 1 from each start"),
        ("T1\tA 0 400\tSony", "start and end must give the mention"),
        ("T1\tA 400 404\tSony", "start and end must give the mention .*has nothing"),
        ("T1\tA 0 4;33 41\tSony Erikson", "T1: the pieces of a span must be what it says"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, annotation, message):
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path, annotation)
    assert str(error.value).startswith(str(tmp_path / "x.ann"))


def test_a_missing_text_is_named(tmp_path):
    path = write_sample(tmp_path, "x.ann", BRAT)
    (tmp_path / "x.txt").unlink()
    with pytest.raises(ValueError, match=r"its text beside it, was: x.txt, which is missing"):
        list(read_records(path))


@given(st.data())
def test_round_trip(tmp_path_factory, data):
    text = data.draw(st.text("ab \n\r😀ä", min_size=1, max_size=20)) + "."
    places = st.integers(0, len(text) - 1)
    spans = []
    for start, other in data.draw(st.lists(st.tuples(places, places), max_size=5)):
        start, end = sorted((start, other))
        if text[start : end + 1].strip():
            spans.append((start, end + 1, data.draw(st.sampled_from(["A", "B-c"]))))
    lines = [
        f"T{i}\t{label} {start} {end}\t{' '.join(text[start:end].splitlines())}"
        for i, (start, end, label) in enumerate(spans)
    ]
    relations = []
    if spans:
        place = st.integers(0, len(spans) - 1)
        relations = data.draw(st.lists(st.tuples(place, place, st.just("of")), max_size=3))
    for i, (head, child, label) in enumerate(relations):
        lines.append(f"R{i}\t{label} Arg1:T{head} Arg2:T{child}")
    events = [(label, i, (("who", 0),)) for i, (_, _, label) in enumerate(spans)]
    lines += [f"E{i}\t{kind}:T{i} who:T0" for i, (kind, _, _) in enumerate(events)]
    folder = tmp_path_factory.mktemp("brat")
    (record,) = read_sample(folder, "x.ann", "\n".join(lines), text)
    assert (record.text, record.spans) == (text, tuple(spans))
    assert record.relations == (tuple(relations) if relations else None)
    assert record.events == (tuple(events) if events else None)
    assert record.left_out == ()
