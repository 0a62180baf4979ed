import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.commands.debug.case import Case
from spacy_globalpointer.commands.debug.encoder import Encoder, Window
from spacy_globalpointer.commands.debug.findings import find_all, find_in_documents
from spacy_globalpointer.commands.debug.gold import read_example, read_record
from spacy_globalpointer.commands.debug.statistics import SplitStatistics
from spacy_globalpointer.corpora import Record

EN = spacy.blank("en")
FLAT = [Record("Ada saw Rome", ((0, 3, "PER"), (8, 12, "GPE"))), Record("no", ())]
NESTED = [Record("Bank of Rome", ((0, 12, "ORG"), (8, 12, "GPE")))]


def make_case(train, dev=None, key="sc", window=None, **options):
    splits = {}
    for name, texts in (("train", train), ("dev", dev)):
        if texts is not None:
            encoder = None if window is None else Encoder(window)
            splits[name] = SplitStatistics({"sc": encoder}, splits.get("train"))
            for text in texts:
                is_record = isinstance(text, Record)
                example = None if is_record else Example(text, text)
                read = read_record(text, EN, key) if is_record else read_example(example, [key])
                splits[name].add(read)
    return Case("sc", splits, low=1, **{"is_config": True, **options})


def found(case, topic, *levels):
    return [f for f in find_all(case) if f.topic == topic and f.level in levels]


def only(case, topic, level):
    (finding,) = found(case, topic, level)
    return finding


def lines(finding):
    return finding.advice and (finding.advice.section, *finding.advice.lines)


def make_doc(spans, n_tokens=200):
    doc = Doc(EN.vocab, words=["a"] * n_tokens)
    doc.spans["sc"] = [Span(doc, start, end, "X") for start, end in spans]
    return doc


def lengths_document(*lengths, n_tokens=200):
    """A text with spans of these lengths, which follow each other."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    spans = [(s, s + n) for s, n in zip(starts, lengths, strict=True)]
    return make_doc(spans, max(n_tokens, sum(lengths)))


def test_labels_that_look_alike_are_named():
    """As a rule they are one label, spelt in two ways."""
    records = [Record("Ada", ((0, 3, label),)) for label in ("PER", "per", "PER\u200b", "é", "C+")]
    others = [Record("Ada", ((0, 3, label),)) for label in ("e\u0301", "C")]
    (finding, *_) = found(make_case(records, others), "labels", "warning")
    assert "5 labels that differ only in case, white space or the form of Unicode" in finding.text
    assert finding.text.count("(1)") == 5
    assert "C" not in finding.text.partition("misspelt: ")[2]


def test_good_data_has_no_problems():
    findings = find_all(make_case(FLAT, FLAT))
    assert {finding.level for finding in findings} == {"good"}
    assert [lines(f) for f in findings if f.advice] == [
        ("components.global_pointer", "allow_overlap = false"),
    ]


def test_no_documents_and_no_gold_are_errors():
    assert (
        only(make_case([], FLAT), "documents", "error").text
        == "train has no documents. Is its path right?"
    )
    assert "all groups 'sc' are empty" in only(make_case(FLAT[1:]), "groups", "error").text
    finding = only(make_case([Record("a")]), "groups", "error")
    assert finding.text == "train has no gold: no document has the span group 'sc'"
    assert finding.advice is None


def test_the_split_with_gold_is_looked_over_though_the_other_has_none():
    case = make_case(FLAT, [])
    assert only(case, "documents", "error").text.startswith("dev has no documents")
    assert only(case, "nesting", "good").advice.lines == ("allow_overlap = false",)
    assert found(case, "lengths", "good")[1].text.endswith("loses 0 of 2 spans of train")


def test_another_group_and_entities_are_named():
    finding = only(make_case(FLAT, key="gold"), "groups", "error")
    assert "but 2 have 'gold'" in finding.text
    assert lines(finding) == ("components.global_pointer", 'spans_key = "gold"')
    finding = only(make_case(FLAT, key="gold", is_config=False), "groups", "error")
    assert finding.text.endswith("Use --spans-key gold")
    assert finding.advice is None
    doc = EN("a b c")
    doc.ents = [Span(doc, i, i + 1, "X") for i in range(3)]
    finding = only(make_case([doc]), "groups", "error")
    assert "3 entities in doc.ents" in finding.text


@pytest.mark.parametrize(
    ("records", "settings", "level", "advice"),
    [
        ([FLAT[0], Record("a")], {}, "warning", 'missing = "negative"'),
        ([*FLAT, Record("a")], {}, "warning", None),
        ([*FLAT, Record("a")], {"missing": "negative"}, "info", None),
        (FLAT, {}, "good", None),
    ],
)
def test_documents_without_the_group(records, settings, level, advice):
    (finding,) = [f for f in find_all(make_case(records, settings=settings)) if f.topic == "groups"]
    assert finding.level == level
    assert ("1 of" in finding.text) == (level != "good")
    assert lines(finding) == (advice and ("components.global_pointer", advice))


def test_groups_that_a_reader_lost_are_no_sign_of_empty_ones():
    finding = only(make_case([FLAT[0], Record("a")], is_cut=True), "groups", "warning")
    assert finding.text.endswith("The reader cuts documents and loses their groups")
    assert finding.advice is None


def test_labels_of_one_split_only_and_rare_ones():
    case = make_case(FLAT, NESTED)
    case.low = 2
    low, unseen = found(case, "labels", "warning")
    assert "(below 2) for 2 labels: PER (1), GPE (1)" in low.text
    assert unseen.text == "1 label of dev never learned, as train lacks them: ORG (1)"
    assert only(case, "labels", "info").text.endswith("never scored, as dev lacks them: PER (1)")


def test_labels_that_the_component_will_not_have_are_errors():
    settings = {"label_thresholds": [["GPE", 0.5], ["LOC", 0.5]]}
    assert only(make_case(FLAT, settings=settings), "labels", "error").text.endswith(
        "will not have: LOC. Remove them"
    )
    finding = only(make_case(FLAT, known=["GPE", "LOC"], settings=settings), "labels", "error")
    assert "does not know 1 label of the data, and training stops at the first: PER" in finding.text


def test_allow_overlap_must_suit_the_data():
    assert lines(only(make_case(FLAT), "nesting", "good")) == (
        "components.global_pointer",
        "allow_overlap = false",
    )
    assert (
        only(make_case(FLAT, settings={"allow_overlap": False}), "nesting", "good").advice is None
    )
    assert only(make_case(NESTED), "nesting", "good").advice is None
    assert only(make_case(FLAT, NESTED), "nesting", "good").advice is None
    finding = only(make_case(NESTED, settings={"allow_overlap": False}), "nesting", "warning")
    assert lines(finding) == ("components.global_pointer", "allow_overlap = true")
    settings = {"annotate_ents": True, "ents_filter": None}
    assert only(make_case(NESTED, settings=settings), "nesting", "error")


def test_a_few_spans_that_share_tokens_leave_the_data_flat():
    apart = lengths_document(*[1] * 198)
    nested = make_doc([(0, 2), (1, 2)])
    finding = only(make_case([apart, nested]), "nesting", "good")
    assert finding.text == "The data is flat: only 2 of 200 spans share tokens with others"
    assert finding.advice.lines == ("allow_overlap = false",)
    settings = {"allow_overlap": False}
    assert only(make_case([apart, nested], settings=settings), "nesting", "good").advice is None
    assert only(make_case([apart, nested, nested]), "nesting", "good").advice is None


@pytest.mark.parametrize(
    ("train", "limit", "advised", "why"),
    [
        ([1] * 95 + [2] * 5, None, '"auto"', "keeps 100.00% of the spans of train: 6 tokens"),
        ([50] * 99 + [80], None, '"auto"', "keeps 100.00% of the spans of train: 120 tokens"),
        ([50] * 99 + [80], 79, '"auto"', "keeps 100.00% of the spans of train: 120 tokens"),
        ([3] * 99 + [80], None, 7, "keeps 99.00% of the spans of train; the longest has 80 tokens"),
        ([3] * 99 + [80], "auto", 7, "keeps 99.00% of the spans of train; the longest has 80 toke"),
        ([1] * 99 + [60], "auto", None, None),
        ([3] * 99 + [80], 7, None, None),
    ],
)
def test_max_length_is_advised_with_a_margin(train, limit, advised, why):
    case = make_case([lengths_document(*train)], settings={"max_length": limit})
    found = [f.advice for f in find_all(case) if f.topic == "lengths" and f.advice]
    if advised is None:
        assert found == []
    else:
        assert {advice.lines for advice in found} == {(f"max_length = {advised}",)}
        assert all(advice.why.startswith(why) for advice in found)


def test_what_max_length_loses():
    data = [lengths_document(1, 1, 1, 4)]
    loses = only(make_case(data, settings={"max_length": 3}), "lengths", "warning")
    assert loses.text == "max_length = 3 loses 1 of 4 spans of train (25.00%)"
    assert loses.advice.lines == ('max_length = "auto"',)
    keeps = only(make_case(data, settings={"max_length": 4}), "lengths", "good")
    assert keeps.text == "max_length = 4 loses 0 of 4 spans of train"
    data = [lengths_document(4, 5)]
    assert only(make_case(data, settings={"max_length": 3}), "lengths", "error")


@pytest.mark.parametrize("settings", [{}, {"max_length": "auto"}])
def test_what_the_bound_of_auto_loses(settings):
    case = make_case([lengths_document(1, 4)], [lengths_document(8, 9, 2)], settings=settings)
    assert [f.text for f in found(case, "lengths", "good", "warning")] == [
        'max_length = "auto" will be 8 tokens: the longest span of train has 4',
        'max_length = "auto" loses 0 of 2 spans of train',
        'max_length = "auto" loses 1 of 3 spans of dev (33.33%)',
    ]
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("global_pointer", config=settings)
    doc = nlp.make_doc("one two three four five")
    doc.spans["sc"] = [Span(doc, 0, 1, "X"), Span(doc, 1, 5, "X")]
    pipe.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    assert pipe.max_length == 8


def test_max_spans_below_the_gold_is_a_warning():
    settings = {"max_length": 1, "max_spans": 3}
    finding = only(
        make_case([lengths_document(1, 1, 1, 1)], settings=settings), "lengths", "warning"
    )
    assert finding.text == "A document of train has 4 spans, but max_spans = 3"
    assert finding.advice.lines == ("max_spans = 8",)


def test_spans_and_documents_longer_than_the_window():
    window = Window(10, 5, "tokens")
    case = make_case([lengths_document(4, 8, 20)], window=window, settings={"max_length": 20})
    finding = only(case, "lengths", "warning")
    assert finding.text.startswith("2 of 3 spans of train do not fit in one window (1 are longer")
    assert "1 of 1 documents of train are longer" in only(case, "lengths", "info").text
    case = make_case([lengths_document(4)], window=Window(5, 6, "tokens"))
    assert "leaves out text between windows" in only(case, "lengths", "error").text


def test_misaligned_spans_ask_for_another_tokenizer():
    chinese = Record("北京大学在北京", ((0, 2, "GPE"), (0, 7, "X")))
    finding = only(make_case([chinese]), "tokens", "warning")
    assert "1 of 2 spans of train (50.00%) do not begin and end" in finding.text
    assert lines(finding) == ("nlp", 'lang = "zh"')
    finding = only(make_case([chinese], lang="zh"), "tokens", "warning")
    assert lines(finding)[0::2] == ("nlp.tokenizer", 'segmenter = "char"')
    finding = only(make_case([chinese], lang="ja"), "tokens", "warning")
    assert finding.advice is None
    assert "infixes" in finding.text
    finding = only(make_case([Record("x_yz", ((2, 4, "B"), (0, 4, "X")))]), "tokens", "warning")
    assert "They cut tokens at '_' (1)" in finding.text
    assert finding.advice is None
    finding = only(make_case([Record("overland", ((0, 4, "B"),))]), "tokens", "error")
    assert "No gold span of train can be learned: all 1" in finding.text


@pytest.mark.parametrize(
    ("text", "spans", "reading"),
    [
        ("Ada saw Bob, too", ((1, 4), (9, 12)), "offsets are 1 too large"),
        ("- Ada saw Bob", ((1, 4), (9, 12)), "offsets are 1 too small"),
        ("Ada saw Bob", ((0, 2), (8, 10)), "ends are inclusive"),
        ("Ada saw Bob", ((1, 3), (9, 11)), "starts are counted from 1"),
        ("😀 Ada 😀 saw Bob, too", ((3, 6), (14, 17)), "offsets count UTF-16 code units"),
        ("é é Ada saw Bob, too", ((6, 9), (14, 17)), "offsets count UTF-8 bytes"),
        ("a\nb\nc Ada saw Bob, too", ((8, 11), (16, 19)), "offsets count a line break as two"),
    ],
)
def test_offsets_are_suspected_before_the_tokenizer(text, spans, reading):
    record = Record(text, tuple((start, end, "X") for start, end in spans))
    finding = only(make_case([record]), "tokens", "error")
    assert f". Suspect the offsets first: 2 of 2 begin and end where tokens do if {reading}" in (
        finding.text
    )
    assert ". If the offsets are right: They cut tokens at " in finding.text


def test_sound_offsets_are_not_suspected():
    record = Record("overland routes", ((0, 4, "X"), (9, 11, "X"), (0, 15, "X")))
    finding = only(make_case([record]), "tokens", "warning")
    assert "Suspect" not in finding.text
    assert "infixes" in finding.text


def test_notes_of_records_are_warnings():
    record = Record("Ada", ((0, 3, " PER"),)).trim_labels()
    finding, repeated = find_in_documents(make_case([record, record, *FLAT]).splits)
    text = "White space around the label ' PER' was trimmed (2 of 4 documents of train)"
    assert (finding.level, finding.text) == ("warning", text)
    assert repeated.text == "1 of 4 documents of train repeat another"


def test_long_labels_are_shown_in_part():
    records = [Record("Ada", tuple((0, 3, letter * 9_000) for letter in "abcdefgh"))]
    case = make_case(records, FLAT, known=[], settings={"label_thresholds": [["x" * 9_000, 1]]})
    assert max(len(finding.text) for finding in find_all(case)) < 900


def test_few_misaligned_spans_are_no_warning():
    records = [Record("a bc", ((0, 1, "A"), (2, 4, "A")))] * 60 + [Record("ab c", ((0, 1, "A"),))]
    finding = only(make_case(records), "tokens", "info")
    assert finding.text.startswith("1 of 121 spans of train (0.83%)")


def test_leaks():
    case = make_case(FLAT, [FLAT[0], FLAT[0], NESTED[0]])
    texts = [(f.level, f.text) for f in find_in_documents(case.splits)]
    assert texts == [
        ("warning", "2 of 3 documents of dev are in train too: 'Ada saw Rome'"),
        ("info", "1 of 3 documents of dev repeat another"),
    ]
    assert [f.level for f in find_in_documents(make_case(FLAT, NESTED).splits)] == ["good"]
    assert list(find_in_documents(make_case(FLAT).splits)) == []


def test_pieces_are_not_counted_where_windows_are_of_pieces():
    case = make_case(FLAT, window=Window(144, 104, "pieces"))
    (finding,) = [f for f in find_all(case) if "word piece" in f.text]
    assert (finding.level, finding.topic) == ("info", "tokens")
    assert "are not counted with spacy-curated-transformers" in finding.text
