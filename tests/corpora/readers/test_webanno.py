import pytest
from file_samples import WEBANNO, causes
from hypothesis import given
from hypothesis import strategies as st
from record_files import edges, mentions

from spacy_globalpointer.corpora.readers.webanno import read_webanno

DKPRO = "de.tudarmstadt.ukp.dkpro.core.api"
# As the user guide of INCEpTION has it, with an emoji, a line break and a part of a token.
NEWS = f"""#FORMAT=WebAnno TSV 3.3
#T_SP={DKPRO}.lexmorph.type.pos.POS|PosValue
#T_SP={DKPRO}.ner.type.NamedEntity|identifier|value
#T_SP=webanno.custom.Mood|
#T_CH={DKPRO}.coref.type.CoreferenceLink|referenceType|referenceRelation
#T_RL={DKPRO}.syntax.type.dependency.Dependency|DependencyType|BT_{DKPRO}.lexmorph.type.pos.POS
#T_RL=webanno.custom.Link|kind|note|BT_{DKPRO}.ner.type.NamedEntity


#Sentence.id=s1
#Text=😊 Ms. Haag
#Text=plays Elianti .
1-1\t0-2\t😊\t_\t_\t_\t*\t_\t_\t_\t_\t_\t_\t_\t
1-2\t3-6\tMs.\tNNP\t*[1]|Q\\_1[2]\tPER[1]|PERpart[2]\t_\tpr[1]\tcoref->1-1\tSUBJ\t1-4\t_\t_\t_\t
1-3\t7-11\tHaag\tNNP\t*[1]\tPER[1]\t_\tpr[1]\tcoref->1-1\t_\t_\t_\t_\t_\t
1-4\t12-17\tplays\tVBD\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
1-4.1\t12-16\tplay\t_\t*\t*\t_\t_\t_\t_\t_\t_\t_\t_\t
1-5\t18-25\tElianti\tNNP\t*\tO\\|T\\[1\\]\t_\tpr[1]\t*->1-2\t_\t_\tof|in\t_|sure\t1-2[1_0]|1-4.1\t
1-6\t26-27\t.\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t_\t

#Text=Yes.
2-1\t30-33\tYes\tUH\t*[3]\tA[3]\t_\t_\t_\t_\t_\t_\t_\t_\t
2-2\t33-34\t.\t_\t*[3]\tA[3]\t_\t_\t_\t_\t_\t_\t_\t_\t
"""
SLOTS = """#FORMAT=WebAnno TSV 3.2
#T_SP=webanno.custom.Frame|FE|ROLE_webanno.custom.Frame:Roles_webanno.custom.FrameRolesLink|webanno.custom.Lu
#T_SP=webanno.custom.Lu|luvalue


#Text=Bob sold the clock to John
1-1\t0-3\tBob\t_\t_\t_\tbob\t
1-2\t4-8\tsold\ttransaction\tseller;*;buyer\t1-1;1-3[4];1-6\t_\t
1-3\t9-12\tthe\t_\t_\t_\tclock[4]\t
1-4\t13-18\tclock\t_\t_\t_\tclock[4]\t
1-5\t19-21\tto\tmove\t_\t*\t_\t
1-6\t22-26\tJohn\t_\t_\t_\tjohn\t
"""


def read(text, **options):
    (record,) = read_webanno(text.splitlines(True), "x.tsv", **options)
    return record


def test_the_documented_layers_are_read():
    record = read(NEWS)
    assert record.text == "😊 Ms. Haag\nplays Elianti .\n  Yes."
    assert record.words == ("😊", "Ms.", "Haag", "plays", "Elianti", ".", "Yes", ".")
    assert mentions(record) == [
        ("Ms. Haag", "PER"),
        ("Ms.", "PERpart"),
        ("play", "NamedEntity"),
        ("Elianti", "O|T[1]"),
        ("Yes.", "A"),
        ("😊", "Mood"),
    ]
    assert edges(record) == [("Ms. Haag", "Elianti", "of"), ("play", "Elianti", "in")]
    assert record.events is None
    assert causes(record) == {
        "An annotation of layer POS": 5,
        "Feature identifier of layer NamedEntity": 1,
        "A link of a chain of layer CoreferenceLink": 2,
        "A relation of layer Dependency, of spans that are not read": 1,
        "Feature note of layer Link": 1,
    }
    assert ("Feature note of layer Link", "x.tsv Link 1-5 (2)") in record.left_out


def test_layers_are_chosen_by_name_perhaps_with_the_feature_that_is_the_label():
    record = read(NEWS, columns=["NamedEntity.identifier", f"{DKPRO}.lexmorph.type.pos.POS"])
    assert [label for _, label in mentions(record)[:5]] == ["NNP", "NNP", "VBD", "NNP", "UH"]
    assert mentions(record)[5:7] == [("Ms. Haag", "NamedEntity"), ("Ms.", "Q_1")]
    assert ("Haag", "Ms.", "SUBJ") not in edges(record)
    assert ("plays", "Ms.", "SUBJ") in edges(record)
    assert causes(record)["An annotation of layer Mood"] == 1
    with pytest.raises(
        ValueError, match="name a layer of the file, as POS, NamedEntity, Mood, was: X"
    ):
        read(NEWS, columns=["X"])


def test_a_span_with_slots_is_an_event():
    record = read(SLOTS)
    assert mentions(record) == [
        ("sold", "transaction"),
        ("to", "move"),
        ("Bob", "bob"),
        ("the clock", "clock"),
        ("John", "john"),
    ]
    arguments = (("seller", 2), ("Roles", 3), ("buyer", 4))
    assert record.events == (("transaction", 0, arguments), ("move", 1, ()))
    record = read(SLOTS, columns=["Frame"])
    assert record.events == (("transaction", 0, ()), ("move", 1, ()))
    assert causes(record) == {
        "An annotation of layer Lu": 3,
        "A relation or an argument of a span that is left out": 3,
    }


def test_slots_of_any_layer_and_spans_of_no_characters():
    text = SLOTS.replace("|webanno.custom.Lu\n", "|uima.tcas.Annotation\n", 1)
    assert read(text).events == read(SLOTS).events
    text = SLOTS.replace("1-2\t4-8", "1-1.1\t3-3\t\t_\t_\t_\tnull\t\n1-2\t4-8").replace(
        "1-6\t", "1-1.1\t", 1
    )
    record = read(text.replace("1-1;1-3[4];1-1.1", "1-1.1;1-3[4];1-1"))
    assert causes(record)["A span of no characters"] == 1


def test_text_of_older_versions_and_tokens_with_tabs_in_the_text():
    text = WEBANNO.replace("3.3", "3.1").replace("#Text=Ada met", "#Text=\\u0041da\\tmet")
    assert read(text).text == "Ada\tmet Bob ."
    text = WEBANNO.replace("3.3", "3.0").replace("met Bob .\n1", "met \\uD83D\\uDE0Ab .\n1")
    record = read(text.replace("\tBob", "\t😊b"))
    assert mentions(record)[1] == ("😊b", "PER")


def test_sentences_without_annotation_and_without_a_gap():
    first = "#FORMAT=WebAnno TSV 3.3\n\n\n#Text=one\n1-1\t0-3\tone\t\n\n"
    record = read(f"{first}#Text=#two\n2-1\t3-4\t#\t\n2-2\t4-7\ttwo\t\n")
    assert (record.text, record.words, record.spans) == ("one#two", ("one", "#", "two"), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#FORMAT=WebAnno TSV 3.3", "#FORMAT=WebAnno TSV 2.0", "line 1: the first line must be"),
        ("#T_SP=webanno", "#T_XX=webanno", "line 2: a line of the header must be #T_SP="),
        ("PER\t_\t_\t\n", "PER\t_\n", "line 7: a line must be a number .* 3 columns .*cut off"),
        ("PER\t_\t_\t\n", "PER\t_\t_\tLOC\t\n", "line 7: a line must be a number .* 3 columns"),
        ("1-1\t0-3", "1\t0-3", "line 7: a line must be a number"),
        ("0-3\t", "0-x\t", "line 7: a line must be a number"),
        ("\tAda\t", "\tEve\t", "must give the mention of the span, was: 'Eve'"),
        ("8-11\t", "8-10\t", "must give the mention of the span, was: 'Bob'"),
        ("12-13\t", "112-113\t", "must give the mention of the span, was: '.' .*has nothing"),
        ("\t1-1\t\n", "\t1-2\t\n", "Relation 1-3 must be between annotations of layer Entity"),
        ("\t1-1\t\n", "\t1-1[7_0]\t\n", "Relation 1-3 must be between annotations"),
    ],
)
def test_a_malformed_line_is_named(old, new, message):
    with pytest.raises(ValueError, match=f"^x.tsv.* ?{message}"):
        read(WEBANNO.replace(old, new, 1))


def test_an_annotation_with_two_labels_is_named():
    text = NEWS.replace("7-11\tHaag\tNNP\t*[1]\tPER[1]", "7-11\tHaag\tNNP\t*[1]\tLOC[1]")
    with pytest.raises(ValueError, match=r"NamedEntity\[1\] must have the same label .*PER, LOC"):
        read(text)


def test_a_file_that_is_cut_off_is_named():
    lines = NEWS.splitlines(True)
    with pytest.raises(
        ValueError, match=r"every sentence must have its tokens, was: none for Yes\."
    ):
        read("".join(lines[:-2]))
    for n_lines in (7, 8):
        cut = "".join(WEBANNO.splitlines(True)[:n_lines])
        with pytest.raises(
            ValueError, match=r"tokens must go to the end .* none for .*Bob \.\. Is"
        ):
            read(cut)
    with pytest.raises(ValueError, match="sentence must start after the one before"):
        read(NEWS.replace("30-33", "3-6"))
    with pytest.raises(
        ValueError, match="a slot of 1-2 must be filled by an annotation of layer Lu"
    ):
        read(SLOTS.replace("1-1;", "1-5;"))


@pytest.mark.parametrize("behind", ["", "|ROLE_webanno.custom.Frame:Others_Link|webanno.custom.Lu"])
def test_a_slot_without_the_layer_of_what_fills_it_is_named(behind):
    with pytest.raises(ValueError, match=r"^x\.tsv line 2: a slot must have the layer .*RolesLink"):
        read(SLOTS.replace("|webanno.custom.Lu", behind, 1))


def escape(value):
    for letter in "\\[]|_;*":
        value = value.replace(letter, f"\\{letter}")
    return value.replace("->", "\\->")


@given(st.data())
def test_round_trip(data):
    words = data.draw(st.lists(st.sampled_from(["a", "😊", "\\n", "x_[1]", "->"]), min_size=1))
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    place = st.integers(0, len(words) - 1)
    labels = st.sampled_from(["A", "_", "*", "B|[1]", "C->1", "\\"])
    pairs = data.draw(st.lists(st.tuples(place, place, labels), max_size=6))
    spans = [(*sorted(pair[:2]), pair[2]) for pair in pairs]
    relations = []
    if spans:
        number = st.integers(0, len(spans) - 1)
        relations = data.draw(st.lists(st.tuples(number, number, labels), max_size=4))
    lines = ["#FORMAT=WebAnno TSV 3.3", "#T_SP=x.Span|value", "#T_RL=x.Rel|value|BT_x.Span", "", ""]
    lines.append("#Text=" + " ".join(words).replace("\\", "\\\\"))
    size = 0
    for at, word in enumerate(words):
        here = [i for i, (first, last, _) in enumerate(spans) if first <= at <= last]
        cells = [f"{escape(spans[i][2])}[{i + 1}]" for i in here]
        edges = [x for x in relations if spans[x[1]][0] == at]
        values = [escape(label) for _, _, label in edges]
        ends = [f"1-{spans[head][0] + 1}[{head + 1}_{child + 1}]" for head, child, _ in edges]
        end = size + len(word.encode("utf-16-le")) // 2
        row = [f"1-{at + 1}", f"{size}-{end}", word]
        lines.append("\t".join([*row, *("|".join(x) or "_" for x in (cells, values, ends)), ""]))
        size = end + 1
    record = read("\n".join(lines) + "\n")
    expected = {(starts[a], starts[b] + len(words[b]), label) for a, b, label in spans}
    assert (record.text, record.words) == (" ".join(words), tuple(words))
    assert {*record.spans} == expected
    assert len(record.spans) == len(spans)
    found = [(record.spans[a], record.spans[b], label) for a, b, label in record.relations]
    own = [(starts[a], starts[b] + len(words[b]), label) for a, b, label in spans]
    assert sorted(found) == sorted((own[a], own[b], label) for a, b, label in relations)
