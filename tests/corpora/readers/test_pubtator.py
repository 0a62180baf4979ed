import pytest
from file_samples import causes, read_sample
from hypothesis import given
from hypothesis import strategies as st
from record_files import edges, mentions

from spacy_globalpointer.corpora.readers.pubtator import read_pubtator

# As the readme of the BioCreative V CDR corpus has it.
ARTICLES = """1|t|Naloxone and rash, fever.
1|a|Naloxone again (NLX).
1\t0\t8\tNaloxone\tChemical\tD009270
1\t13\t24\trash, fever\tDisease\tD005076|D005334\trash|fever
1\t26\t34\tNaloxone\tChemical\tD009270
1\t42\t45\tNLX\tChemical\t-1
1\tCID\tD009270\tD005334
1\tCID\tD009270\tD999999\tNovel

2|t|No abstract

3|t|
3|a|Only an abstract
3\t1\t5\tOnly\tX\t
"""


def read(text):
    return list(read_pubtator(text.splitlines(True), "x.txt"))


def test_the_documented_lines_are_read():
    first, second, third = read(ARTICLES)
    assert first.text == "Naloxone and rash, fever.\nNaloxone again (NLX)."
    assert mentions(first) == [
        ("Naloxone", "Chemical"),
        ("rash, fever", "Disease"),
        ("Naloxone", "Chemical"),
        ("NLX", "Chemical"),
    ]
    assert edges(first) == [("Naloxone", "rash, fever", "CID")] * 2
    assert first.relations == ((0, 1, "CID"), (2, 1, "CID"))
    assert first.notes == (
        "Relations of two concepts are read as relations of all mentions of the two",
    )
    assert causes(first) == {
        "The identifier of a concept": 3,
        "The parts of a composite mention": 1,
        "What is said of a relation beside its type": 1,
        "A relation of a concept without a mention": 1,
    }
    assert ("A relation of a concept without a mention", "x.txt line 8") in first.left_out
    assert (second.text, second.spans, second.relations) == ("No abstract", (), ())
    assert (third.text, mentions(third)) == ("\nOnly an abstract", [("Only", "X")])
    assert [record.source for record in (first, second, third)] == [
        f"x.txt line {n}" for n in (1, 10, 12)
    ]


def test_documents_need_no_blank_line_between_and_relations_may_be_unknown():
    text = "1|t|Ada\n1|a|\n1\t0\t3\tAda\tPER\n2|t|Bob\n2\t0\t3\tBob\tPER\t\n"
    records = read(text)
    assert [mentions(record) for record in records] == [[("Ada", "PER")], [("Bob", "PER")]]
    assert {record.relations for record in records} == {None}
    assert records[0].left_out == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\t0\t8\tNaloxone", "line 2: a line must be id|t|title, .*cut off"),
        ("1\t0\tx\tNaloxone\tChemical\tD1", "line 2: a line must be"),
        ("1 0 8 Naloxone", "line 2: a line must be"),
        (
            "9\t0\t8\tNaloxone\tChemical\tD1",
            "line 2: lines must follow the title .*'9' after document '1'",
        ),
        ("9|a|Other", "line 2: lines must follow the title"),
        ("1|a|One\n1|a|two", "line 3: a document must have one abstract"),
        ("1\t0\t8\tNaloxon\tChemical\tD1", "line 1: start and end must give the mention"),
        ("1\t1\t8\tNaloxone\tChemical\tD1", "To fix: subtract 1 from each start"),
        ("1\t50\t58\tNaloxone\tChemical\tD1", "must give the mention .*has nothing"),
        ("1\t8\t8\t\tChemical\tD1", "start must be smaller than end"),
    ],
)
def test_a_malformed_line_is_named(line, message):
    with pytest.raises(ValueError, match=message.replace("|", r"\|")):
        read(f"1|t|Naloxone\n{line}\n")


def test_lines_without_a_title_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: lines must follow the title .* after no title"):
        read("1\t0\t3\tAda\tPER\tP1\n")
    with pytest.raises(ValueError, match="must show a format"):
        read_sample(tmp_path, "x.txt", "1|a|Ada\n")


@given(st.data())
def test_round_trip(data):
    line = st.text("ab |😀ä", max_size=12)
    title, abstract = f"{data.draw(line)}.", f"{data.draw(line)}."
    text = f"{title}\n{abstract}"
    place = st.integers(0, len(text) - 1)
    lines = [f"x|t|{title}", f"x|a|{abstract}"]
    spans = []
    for first, second in data.draw(st.lists(st.tuples(place, place), max_size=5)):
        start, end = min(first, second), max(first, second) + 1
        if text[start:end].strip() and "\n" not in text[start:end]:
            lines.append(f"x\t{start}\t{end}\t{text[start:end]}\tA\tC{len(spans)}")
            spans.append((start, end, "A"))
    number = st.integers(0, max(len(spans) - 1, 0))
    relations = data.draw(st.lists(st.tuples(number, number), max_size=4)) if spans else []
    relations = [(head, child) for head, child in relations if head != child]
    lines += [f"x\tof\tC{head}\tC{child}" for head, child in relations]
    (record,) = read("\n".join(lines))
    assert (record.text, record.spans) == (text, tuple(spans))
    expected = tuple((head, child, "of") for head, child in dict.fromkeys(relations))
    assert record.relations == (expected if relations else None)
