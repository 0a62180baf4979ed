import pytest
from file_samples import CONLL2003, CONLLU_PLUS, GERMEVAL, causes, read_sample
from hypothesis import given
from hypothesis import strategies as st
from record_files import mentions

from spacy_globalpointer.corpora.readers.bio import is_bio, read_bio

CONLLU = """# sent_id = 1
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\tNE=O
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\tNE=B-PER
2.1\tx\t_\t_\t_\t_\t_\t_\t1:a\tCopyOf=1
3\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\tSpaceAfter=No
"""
UNER = """# newdoc id = a
# text = Ada saw Rome
1\tAda\tB-PER\t-\tann
2\tsaw\tO\t-\t-
3\tRome\tB-LOC\t-\tann
"""
HIPE = """TOKEN\tNE-COARSE\tNE-NESTED\tNEL\tMISC
# hipe:language = en
# segment = 1
University\tB-org\tO\tQ1\t_
of\tI-org\tO\tQ1\t_
Rome\tI-org\tB-loc\tQ1\tNoSpaceAfter
.\tO\tO\t_\tEndOfLine

It\tO\tO\t_\t_
"""


def read(text, **options):
    return list(read_bio(text.splitlines(True), "x.tsv", **options))


def test_conll_2003_as_published():
    (record,) = read(CONLL2003)
    assert mentions(record) == [("Ada", "PER"), ("Bob", "PER")]
    assert record.notes == ("Column 2 is not read", "Column 3 is not read")
    (record,) = read(CONLL2003, columns=["3"])
    assert mentions(record) == [("Ada", "NP"), ("met", "VP"), ("Bob", "NP")]
    (record,) = read(CONLL2003, columns=["4", "3"])
    assert len(record.spans) == 5


def test_phrases_are_read_if_there_is_nothing_else():
    (record,) = read("Ada NNP B-NP\nmet VBD B-VP\n")
    assert mentions(record) == [("Ada", "NP"), ("met", "VP")]


def test_a_stray_b_does_not_hide_iob1():
    tags = ["I-A", "O", "I-A", "I-B", "O", "B-A", "I-A", "B-A"]
    (record,) = read("\n".join(f"w{i} {tag}" for i, tag in enumerate(tags)))
    assert mentions(record) == [("w0", "A"), ("w2", "A"), ("w3", "B"), ("w5 w6", "A"), ("w7", "A")]


def test_germeval_2014_as_published():
    text = GERMEVAL + "\n#\thttp://example.org/2\n1\tUlmer\tB-LOCderiv\tB-LOC\n2\t#\tO\tO\n"
    first, second = read(text)
    assert mentions(first) == [("Ada", "PER"), ("Bob", "PER")]
    assert mentions(second) == [("Ulmer", "LOC"), ("Ulmer", "LOCderiv")]
    assert second.words == ("Ulmer", "#")
    assert first.notes == ()


def test_columns_have_names_in_a_comment_or_a_first_line():
    (record,) = read(CONLLU_PLUS)
    assert mentions(record) == [("Ada", "PER"), ("Bob", "PER")]
    assert record.notes == ("Column 3 (UPOS) is not read", "Column 4 (MISC) is not read")
    assert read(CONLLU_PLUS, columns=["NER"])[0].spans == record.spans
    first, second = read(HIPE)
    assert mentions(first) == [("University of Rome", "org"), ("Rome", "loc")]
    assert (second.spans, second.source) == ((), "x.tsv line 9")
    assert mentions(read(HIPE, columns=["NE-NESTED"])[0]) == [("Rome", "loc")]
    text = "nr\ttag\tword\n1\tB-PER\tAda\n2\tO\tmet\n"
    assert mentions(read(text)[0]) == [("Ada", "PER")]
    assert mentions(read("x\tkind\nAda\tB-PER\n", columns=["kind"])[0]) == [("Ada", "PER")]


def test_tags_may_be_in_any_column():
    (record,) = read(UNER)
    assert mentions(record) == [("Ada", "PER"), ("Rome", "LOC")]
    assert record.notes == ("Column 4 is not read", "Column 5 is not read")
    assert read(UNER, columns=["3"])[0].spans == record.spans


def test_lines_that_are_no_words_are_left_out():
    text = CONLLU.replace("NE=O", "O").replace("NE=B-PER", "B-PER").replace("SpaceAfter=No", "O")
    (record,) = read(text, columns=["10"])
    assert (record.words, mentions(record)) == (("vamos", "nos", "mar"), [("nos", "PER")])
    assert record.left_out == (
        ("A line of words that are written as one", "x.tsv line 3"),
        ("A line of a word that is not written", "x.tsv line 6"),
    )


@pytest.mark.parametrize(
    "text",
    [CONLL2003, GERMEVAL, CONLLU_PLUS, CONLLU, UNER, HIPE, "1\tO\tO\n", "word tag\nAda B-X\n"],
)
def test_the_first_line_shows_the_format(tmp_path, text):
    head = "".join(x for x in text.splitlines(True) if not x.startswith(("# ", "#\t")))
    assert is_bio(head)


def test_a_number_is_a_token_where_nothing_else_is():
    (record,) = read("1\tO\tB-A\n2\tB-B\tO\n")
    assert (record.words, len(record.spans)) == (("1", "2"), 2)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (CONLLU, (), r"x.tsv: a column must hold tags \(O, B-PER\), was: 3, as 'ir'"),
        (CONLLU, ["10"], "line 4: a column of tags must hold O or .*'NE=O' in column 10, which ho"),
        (CONLLU_PLUS, ["MISC"], r"line 5: .*'SpaceAfter=No' in column 4 \(MISC\)"),
        (CONLLU_PLUS, ["XPOS"], "--column must name a column of tags, as UPOS, MISC, NER, 3, 4, 5"),
        (CONLLU_PLUS, ["FORM"], "--column must name a column of tags"),
        (CONLL2003, ["1"], "--column must name a column of tags, as 2, 3, 4, was: '1'"),
        (CONLL2003, ["0"], "--column must name a column of tags"),
        (CONLL2003, ["5"], "--column must name a column of tags"),
        (CONLL2003, ["NER"], "--column must name a column of tags"),
        (CONLL2003, ["9" * 5000], "--column must name a column of tags.*was: '9999"),
        (CONLL2003, ["2"], "line 3: a tag must be O or one of B- .*'NNP'"),
        (CONLLU_PLUS.replace("\tO\n3", "\n3"), (), "line 4: every line must have a token and"),
        (UNER.replace("\tO\t", "\tI-PER\t"), (), None),
        (UNER.replace("\tB-LOC\t", "\tLOC\t"), (), "line 5: a tag must be O or .*'LOC'"),
    ],
)
def test_a_malformed_file_is_named(text, columns, message):
    if message is None:
        assert mentions(read(text)[0])[0] == ("Ada saw", "PER")
        return
    with pytest.raises(ValueError, match=message):
        read(text, columns=columns)


@pytest.mark.parametrize("text", ["TOKEN\tNER\tMISC\n", "# global.columns = ID FORM NER\n", "\n"])
def test_a_file_of_nothing_but_names_has_no_records(text):
    assert read(text) == []


def test_options_reach_the_reader(tmp_path):
    (record,) = read_sample(tmp_path, "x.conll", CONLL2003, columns=("3",))
    assert len(record.spans) == 3


@given(st.data())
def test_round_trip_of_numbered_and_named_columns(data):
    n = data.draw(st.integers(1, 6))
    layers = [[], []]
    for layer in layers:
        at = 0
        while at < n:
            end = data.draw(st.integers(at + 1, n))
            if data.draw(st.booleans()):
                layer.append((at, end, data.draw(st.sampled_from(["A", "B-c"]))))
            at = end
    rows = [[str(i + 1), f"w{i}", "NN", "O", "O", "x=y"] for i in range(n)]
    for column, layer in enumerate(layers, start=3):
        for start, end, label in layer:
            for i in range(start, end):
                rows[i][column] = f"{'B' if i == start else 'I'}-{label}"
    head = data.draw(st.sampled_from(["", "# global.columns = ID FORM POS NE NE2 MISC\n"]))
    text = head + "\n".join("\t".join(row) for row in rows) + "\n"
    wanted = data.draw(st.sampled_from([["NE", "NE2"], ["4", "5"]] if head else [["4", "5"]]))
    (record,) = read(text, columns=wanted)
    starts = [i * 3 for i in range(n)]
    expected = [(starts[a], starts[b - 1] + 2, label) for layer in layers for a, b, label in layer]
    assert sorted(record.spans) == sorted(expected)
    assert record.words == tuple(f"w{i}" for i in range(n))
    assert causes(record) == {}
