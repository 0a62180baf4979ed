import json
import random
import re
import shutil
import subprocess

import numpy
import pytest
import spacy
from dom import classes, having, parse, read_lines, read_text, text
from samples import SENTENCES, make_examples, make_nlp, train
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, DocBin, Span
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from spacy_globalpointer.commands.render.data import in_characters
from spacy_globalpointer.commands.render.page import LONGEST_PART, MOST_ERRORS, MOST_LINES, Page
from spacy_globalpointer.commands.render.pipeline import read_scores

MANY = ["PERSON", "ORGANIZATION", "chemical-compound", "a <b> & 'c'", '"', "年龄"]
MANY += [f"TYPE_{i}" for i in range(24)]
WORDS = {
    "en": "the University of Ulm hired Anna and PKC ( C ) activation . a".split(),
    "zh": [*"患者于北京市海淀区人民医院接受化疗，无发热。", "北京"],
}


def make_doc(lang, words, spans, spaces=None, key="sc"):
    spaces = [lang != "zh"] * len(words) if spaces is None else spaces
    doc = Doc(spacy.blank(lang).vocab, words=words, spaces=spaces)
    doc.spans[key] = [Span(doc, *span) for span in spans]
    return doc


def make_deep(lang, n, length=40, seed=0):
    """Documents with five spans one in the other, of 30 labels, some of them of one token."""
    chance = random.Random(seed)
    for _ in range(n):
        spans = set()
        for begin in range(0, length - 12, 13):
            start, end = begin + chance.randint(0, 2), begin + chance.randint(6, 12)
            for _ in range(5):
                spans.add((start, end, chance.choice(MANY)))
                if end - start > 1:
                    start += chance.randint(0, 1)
                    end = max(start + 1, end - chance.randint(0, 3))
        yield make_doc(lang, chance.choices(WORDS[lang], k=length), sorted(spans))


def save(docs, path):
    DocBin(docs=docs).to_disk(path)
    return path


def make_page(pairs, page_size=20, title="A title", **options):
    """HTML of documents: with predicted spans or None, and with gold spans or None."""
    page = Page(**options)
    for number, (predicted, gold) in enumerate(pairs, start=1):
        found = None if predicted is None else read_scores(predicted.spans["sc"])
        known = None if gold is None else set(in_characters(gold.spans["sc"]))
        page.add(number, predicted or gold, found, known)
    return page.html(title, page.notes(), page_size)


def gold_page(docs, **options):
    return make_page([(None, doc) for doc in docs], **options)


def read_colours(page):
    """{class: its rule} of the colours of labels."""
    return dict(re.findall(r"\.(c\d+) \{(.*?)\}", page))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pipeline that knows the sample sentences, and annotated documents, one of them unknown."""
    folder = tmp_path_factory.mktemp("render")
    fix_random_seed(0)
    nlp = make_nlp()
    examples = make_examples(nlp)
    train(nlp, examples)
    nlp.to_disk(folder / "model")
    new = make_doc("en", "Anna <Berg> left .".split(), [(0, 1, "PERSON"), (1, 2, "ALIEN")])
    save([*(example.reference for example in examples), new], folder / "dev.spacy")
    return folder


@pytest.fixture(scope="module")
def nlp(folder):
    return spacy.load(folder / "model")


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "render", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def test_predicted_spans_stand_beside_gold_ones(folder, nlp, tmp_path):
    code, output = run(folder / "model", folder / "dev.spacy", "--output", tmp_path / "page.html")
    assert code == 0
    assert "labels that the component does not have: ALIEN 1. Its labels are: GPE, ORG" in output
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    articles = page.findall(".//article")
    assert len(articles) == len(SENTENCES) + 1
    n_predicted = 0
    for article, (sentence, gold) in zip(articles, SENTENCES, strict=False):
        doc = nlp(sentence)
        predicted, beside = having(article, "panel")
        scores = doc.spans["sc"].attrs["scores"]
        assert {label.get("title").split(";")[0] for label in having(predicted, "label")} == {
            f"{span.label_} {score:.3f}: {span.text}"
            for span, score in zip(doc.spans["sc"], scores, strict=True)
        }
        assert sorted(label.get("title") for label in having(beside, "label")) == sorted(
            f"{label}: {words}" for words, label in gold
        )
        n = len(gold)
        assert text(having(article, "check")[0]) == f"{n} gold, {n} predicted, {n} right"
        n_predicted += len(doc.spans["sc"])
        assert read_text(predicted) == read_text(beside) == sentence
    n_gold = sum(len(gold) for _, gold in SENTENCES)
    summary = f"documents: 6; spans: {n_gold + 2} gold, "
    assert text(page.find(".//body/p")).startswith(summary)
    assert n_predicted == n_gold


def test_errors_are_named_and_stand_out():
    doc = make_doc("en", "Mara <of> Tarrow Council".split(), [(2, 4, "ORG"), (2, 3, "GPE")])
    other = make_doc("en", "Mara <of> Tarrow Council".split(), [(2, 4, "ORG"), (0, 1, "PER<")])
    other.spans["sc"].attrs["scores"] = spacy.util.numpy.array([0.75, 0.5])
    page = parse(make_page([(other, doc)], title="A <title>"))
    assert text(page.find(".//h1")) == "A <title>"
    assert text(having(page, "check")[0]) == (
        "2 gold, 2 predicted, 1 right; missed GPE Tarrow; wrong PER< Mara"
    )
    predicted, gold = having(page, "panel")
    odd = {
        label.get("title"): "odd" in classes(label)
        for panel in (predicted, gold)
        for label in having(panel, "label")
    }
    assert odd == {
        "PER< 0.500: Mara; wrong": True,
        "ORG 0.750: Tarrow Council": False,
        "ORG: Tarrow Council": False,
        "GPE: Tarrow; missed": True,
    }
    counts = {text(item) for item in having(page, "labels")[0]}
    assert counts == {
        "GPE 1 gold, 0 predicted, 0 right",
        "ORG 1 gold, 1 predicted, 1 right",
        "PER< 0 gold, 1 predicted, 0 right",
    }


def compare(words, gold, predicted):
    """A page of one document."""
    doc, other = make_doc("en", words, gold), make_doc("en", words, predicted)
    other.spans["sc"].attrs["scores"] = numpy.linspace(0.9, 0.5, len(predicted))
    return parse(make_page([(other, doc)]))


def test_a_right_span_stays_right_where_its_gold_is_not_drawn():
    """Gold spans are drawn from the shortest, predicted ones from the surest."""
    n = MOST_LINES + 3
    spans = [(i, 2 * n - i, "A") for i in range(n)]
    page = compare(["w"] * 2 * n, spans, spans[:2])
    summary = f"documents: 1; spans: {n} gold, 2 predicted, 2 right, 3 not drawn"
    assert text(page.find(".//body/p")) == summary
    predicted, gold = having(page, "panel")
    assert not having(predicted, "odd")
    assert len(having(gold, "label")) == MOST_LINES
    undrawn, check = having(page, "check")
    assert text(undrawn) == "3 spans are not drawn"
    assert text(check).startswith(f"{n} gold, 2 predicted, 2 right; missed A w")
    assert "wrong" not in text(check)


def test_many_errors_are_counted_and_the_first_are_named():
    words = [f"w{i}" for i in range(60)]
    page = compare(words, [], [(i, i + 1, "A") for i in range(60)])
    (check,) = having(page, "check")
    named = [f"A w{i}" for i in range(MOST_ERRORS)]
    expected = f"0 gold, 60 predicted, 0 right; wrong {', '.join(named)} and 40 more"
    assert text(check) == expected


def test_gold_off_the_tokens_is_counted_besides_the_one_it_is_widened_to(nlp):
    doc = nlp("Anna closed.")
    doc.spans["sc"] = [Span(doc, 0, 1, "PERSON")]
    doc.spans["sc"].attrs["scores"] = numpy.array([0.9])
    words, spaces = ["An", "na", "closed", "."], [0, 1, 0, 0]
    gold = make_doc("en", words, [(0, 1, "PERSON"), (0, 2, "PERSON")], spaces)
    page = parse(make_page([(doc, gold)]))
    assert text(page.find(".//body/p")) == "documents: 1; spans: 2 gold, 1 predicted, 1 right"
    assert text(having(page, "check")[0]) == "2 gold, 1 predicted, 1 right; missed PERSON An"


def test_what_cannot_be_drawn_as_it_is_is_in_the_header(tmp_path):
    path = tmp_path / "a.jsonl"
    spans = [{"start": 0, "end": 4, "label": "PERSON"}, {"start": 5, "end": 8, "label": "ODD"}]
    rows = [{"text": "Anna closed.", "spans": spans}, {"text": "", "spans": []}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _, output = run(path, "--output", tmp_path / "page.html")
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert text(page.find(".//body/p")) == "documents: 1; spans: 2 gold"
    notes = [text(note) for note in having(page, "note")]
    assert notes[0] == "1 documents without a token are left out"
    off = (
        "Gold spans that do not begin and end where tokens do are drawn under all tokens that they"
    )
    assert notes[1] == f"{off} touch: ODD 1"
    assert all(note in output for note in notes)
    titles = [label.get("title") for label in having(page.find(".//main"), "label")]
    assert titles == ["PERSON: Anna", "ODD: clo; does not fit the tokens"]
    assert {text(item) for item in having(page, "labels")[0]} == {"PERSON 1 gold", "ODD 1 gold"}


def test_only_documents_with_errors(folder, tmp_path):
    """The page has a box to tick that needs no script; the option leaves the others out."""
    arguments = folder / "model", folder / "dev.spacy", "--output", tmp_path / "page.html"
    assert run(*arguments)[0] == 0
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    articles = page.findall(".//article")
    wrong = [article for article in articles if "wrong" in classes(article)]
    assert [text(article.find("h2")) for article in wrong] == ["6"]
    (box,) = page.iter("input")
    assert (box.get("type"), box.get("id")) == ("checkbox", "errors-only")
    (label,) = page.iter("label")
    assert label.get("for") == "errors-only"
    assert text(label) == "only documents with errors: 1 of 6"
    summary = text(page.find(".//body/p"))
    assert run(*arguments, "--errors-only")[0] == 0
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [text(article.find("h2")) for article in page.findall(".//article")] == ["6"]
    assert text(page.find(".//body/p")) == summary
    assert "only documents with errors: 1 of 6" in text(page)
    assert not list(page.iter("input"))


def test_a_document_whose_errors_no_part_has_is_one_with_errors():
    doc = make_doc("en", ["a", "b"], [])
    other = make_doc("en", ["a", "b"], [(1, 1, "A")])
    doc.spans["sc"].attrs["scores"] = numpy.array([])
    page = parse(make_page([(doc, other)], errors_only=True))
    assert text(having(page, "check")[0]) == "1 spans are not drawn"


def test_many_and_long_labels_leave_room_for_the_rest(folder, tmp_path):
    labels = [f"{i}-" + "L" * 3000 for i in range(300)]
    doc = make_doc("en", ["Ulm", "."], [(0, 1, label) for label in labels])
    path = save([doc], tmp_path / "a.spacy")
    code, output = run(folder / "model", path, "--output", tmp_path / "page.html")
    assert code == 0
    assert len(output) < 3000
    assert "and 280 more. Its labels are: " in output
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    (fold,) = page.iter("details")
    assert text(fold.find("summary")).startswith("30")
    assert max(len(text(label)) for label in having(page, "label")) <= 40


@pytest.mark.parametrize("lang", WORDS)
def test_lines_lie_where_the_spans_are(lang):
    """Every line is read back: which tokens it is under, in which row, with which label."""
    for doc in make_deep(lang, 8):
        (panel,) = having(parse(gold_page([doc])), "panel")
        assert read_lines(panel) == sorted(
            (span.start_char, span.end_char, f"{span.label_}: {span.text}")
            for span in doc.spans["sc"]
        )
        labels = sorted(text(label) for label in having(panel, "label"))
        assert labels == sorted(span.label_ for span in doc.spans["sc"])


@pytest.mark.parametrize(
    ("lang", "words", "spaces"),
    [
        (
            "en",
            ["Tarrow", "\n\n", "<b>", "Council", "  ", "."],
            [False, False, True, True, False, 0],
        ),
        ("zh", list("他到过云溪市"), [False] * 6),
        ("zh", list("他到过云溪市"), [True, False, False, True, False, True]),
        # The language does not say, but the text does.
        ("xx", ["3", "בית", "ספר", "<b>", "."], [True, True, False, True, False]),
        ("ar", ["في", "القاهرة", "،", "\u2060", "{bg}"], [True, False, True, True, False]),
    ],
)
def test_the_text_keeps_its_characters(lang, words, spaces):
    for spans in ([], [(0, 1, "A")], [(2, 3, "A"), (2, 4, "B")]):
        doc = make_doc(lang, words, spans, [bool(space) for space in spaces])
        (panel,) = having(parse(gold_page([doc])), "panel")
        assert read_text(panel) == doc.text
        assert having(panel, "text")[0].get("lang") == lang
        assert having(panel, "text")[0].get("dir") == ("rtl" if lang == "ar" else "auto")


def test_a_line_break_inside_a_span_becomes_a_space():
    doc = make_doc("en", ["Bank", "\n", "of", "Ulm"], [(0, 4, "ORG")], [False, False, True, False])
    (panel,) = having(parse(gold_page([doc])), "panel")
    assert read_text(panel) == "Bank of Ulm"
    assert len(having(panel, "bar")) == 4


def contrast(one, other):
    """Of two colours #rrggbb (WCAG 2)."""
    lights = []
    for name in (one, other):
        rgb = [int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_colours_can_be_told_apart_and_read():
    doc = make_doc("en", ["a"] * 30, [(i, i + 1, label) for i, label in enumerate(MANY)])
    rules = re.findall(r"--on-light: (#\w{6}); --on-dark: (#\w{6})", gold_page([doc]))
    for own, page, label in zip(
        zip(*rules, strict=True), ("#ffffff", "#14161b"), ("#ffffff", "#000000"), strict=True
    ):
        assert len(set(own)) == len(MANY) == 30
        assert min(contrast(one, page) for one in own) >= 4.5
        assert min(contrast(one, label) for one in own) >= 4.5


def test_spans_without_tokens_are_not_there():
    page = parse(gold_page([make_doc("en", ["a", "b"], [(0, 0, "X"), (1, 1, "X"), (0, 2, "Y")])]))
    assert [label.get("title") for label in having(page.find(".//main"), "label")] == ["Y: a b"]
    assert text(page.find(".//body/p")) == "documents: 1; spans: 3 gold, 2 not drawn"


def test_a_label_has_one_colour_whatever_the_documents():
    seen = {}
    for other in "AB":
        doc = make_doc("en", ["a", "b"], [(0, 1, other), (1, 2, "Z")])
        html = gold_page([doc])
        page = parse(html)
        key = {text(label): classes(label) for label in having(having(page, "labels")[0], "label")}
        drawn = {text(label): classes(label) for label in having(page.find(".//main"), "label")}
        for label, names in drawn.items():
            assert {name for name in names if re.fullmatch(r"c\d", name)} <= key[label]
        seen[other] = read_colours(html)["c1"]
    assert seen["A"] == seen["B"]


def test_long_documents_are_cut_between_spans():
    length = 2 * LONGEST_PART + 50
    spans = [(i, i + 7, "A") for i in range(3, length - 7, 4)][:-20]
    spans = [span for span in spans if span[0] % LONGEST_PART > 40]
    doc = make_doc("en", [f"w{i}" for i in range(length)], spans)
    page = parse(gold_page([doc]))
    texts = [read_text(panel) for panel in having(page, "panel")]
    assert max(len(text.split()) for text in texts) <= LONGEST_PART
    assert "".join(texts) == doc.text
    found = [
        (end - start, title)
        for panel in having(page, "panel")
        for start, end, title in read_lines(panel)
    ]
    assert found == [(len(span.text), f"A: {span.text}") for span in doc.spans["sc"]]
    names = [text(article.find("h2")) for article in page.findall(".//article")]
    assert names == [f"1, part {i} of 4" for i in (1, 2, 3, 4)]
    assert f"documents: 1; spans: {len(spans)} gold" in text(page)
    assert len(page.findall(".//article")) == 4


def test_too_many_spans_are_left_out_and_counted():
    """What a pipeline finds that has hardly been trained."""
    chance, length, n = random.Random(0), 5 * LONGEST_PART, 3000
    doc = make_doc("en", [f"w{i}" for i in range(length)], [])
    places = [sorted(chance.sample(range(length + 1), 2)) for _ in range(n)]
    places += [(i, i + chance.randint(2, 9)) for i in range(0, length - 9)]
    doc.spans["sc"] = [Span(doc, start, end, "A") for start, end in places]
    scores = numpy.array([chance.random() for _ in places])
    scores[-5] = 2.0
    doc.spans["sc"].attrs["scores"] = scores
    page = parse(make_page([(doc, None)]))
    score_of = read_scores(doc.spans["sc"])
    drawn, n_before = [], 0
    for panel in having(page, "panel"):
        assert len(read_text(panel).split()) <= LONGEST_PART
        assert max(len(having(token, "bar")) for token in having(panel, "token")) <= MOST_LINES
        for start, end, title in read_lines(panel):
            span = doc.char_span(n_before + start, n_before + end)
            score = score_of[span.start_char, span.end_char, "A"]
            assert title.startswith(f"A {score:.3f}: {span[0].text}")
            drawn.append(span.text)
        n_before += len(read_text(panel))
    assert len(drawn) > 500
    assert doc[places[-5][0] : places[-5][1]].text in drawn
    n, undrawn = len(set(map(tuple, places))), len(set(map(tuple, places))) - len(set(drawn))
    summary = f"documents: 1; spans: {n:,} predicted, {undrawn:,} not drawn"
    assert text(page.find(".//body/p")) == summary
    told = [text(check) for check in having(page, "check")]
    assert [check.split()[1:] for check in told] == [["spans", "are", "not", "drawn"]] * len(told)
    assert sum(int(check.split()[0]) for check in told) == undrawn


def test_deep_nesting_is_drawn_as_deep_as_can_be_read(tmp_path):
    n = MOST_LINES + 5
    doc = make_doc("en", ["w"] * 2 * n, [(i, 2 * n - i, "A") for i in range(n)])
    _, output = run(save([doc], tmp_path / "a.spacy"), "--output", tmp_path / "page.html")
    rule = "5 spans are counted, but not drawn: a token has no more than 10 lines, "
    assert rule in output
    page = parse((tmp_path / "page.html").read_text())
    assert text(page.find(".//body/p")) == "documents: 1; spans: 15 gold, 5 not drawn"
    assert text(having(page, "note")[0]).startswith(rule)
    titles = [label.get("title") for label in having(page.find(".//main"), "label")]
    # The inner ones remain.
    assert [title.count("w") for title in titles] == [2 * i for i in range(MOST_LINES, 0, -1)]


def test_long_documents_are_cut_where_sentences_end():
    sentence = [*"这是一句话", "。"]
    doc = make_doc("zh", sentence * 150, [(0, 2, "A")])
    texts = [read_text(panel) for panel in having(parse(gold_page([doc])), "panel")]
    assert len(texts) > 1
    assert all(text.endswith("。") for text in texts)


@pytest.mark.parametrize(("n", "size", "n_pages"), [(1, 5, 1), (10, 5, 2), (11, 5, 3), (90, 3, 30)])
def test_pages_can_be_reached_without_a_network(n, size, n_pages):
    docs = [make_doc("en", [f"w{i}"], [(0, 1, "A")]) for i in range(n)]
    page = gold_page(docs, page_size=size)
    assert not re.search(r"https?:|src=|<link|@import|<script|url\(", page)
    root = parse(page)
    pages = having(root, "page")
    assert [len(one.findall("article")) for one in pages[:-1]] == [size] * (n_pages - 1)
    assert [text(article.find("h2")) for article in root.findall(".//article")] == [
        str(i + 1) for i in range(n)
    ]
    targets = {f"#{one.get('id')}" for one in pages}
    assert len(targets) == n_pages
    reached, rest = {"#page-1"}, ["#page-1"]
    while rest:
        at = rest.pop()
        one = next(page for page in pages if f"#{page.get('id')}" == at)
        links = {link.get("href") for link in one.iter("a")}
        assert len(links) <= 9, "too many links to look at"
        assert links <= targets
        current = [link.get("href") for link in one.iter("a") if link.get("aria-current")]
        assert set(current) == ({f"#{one.get('id')}"} if n_pages > 1 else set())
        rest += links - reached
        reached |= links
    assert reached == targets


def test_gold_off_the_tokens_is_widened_and_never_found(nlp):
    doc = nlp("Anna Berg closed.")
    doc.spans["sc"] = [doc[0:2]]
    doc.spans["sc"] = [Span(doc, 0, 2, "PERSON")]
    doc.spans["sc"].attrs["scores"] = spacy.util.numpy.array([0.9])
    gold = make_doc("en", ["An", "na", "Berg", "closed", "."], [(1, 3, "PERSON")], [0, 1, 1, 0, 0])
    assert gold.text == doc.text
    page = parse(make_page([(doc, gold)]))
    titles = [label.get("title") for label in having(page.find(".//main"), "label")]
    assert titles == [
        "PERSON 0.900: Anna Berg; wrong",
        "PERSON: na Berg; missed; does not fit the tokens",
    ]
    assert text(having(page, "check")[0]).startswith("1 gold, 1 predicted, 0 right")


@pytest.mark.parametrize("suffix", ["jsonl", "spacy"])
def test_annotated_data_needs_no_pipeline(tmp_path, suffix):
    lines = [
        {"text": "他到过云溪市。", "spans": [{"start": 3, "end": 6, "label": "GPE"}]},
        {"text": "没有。", "spans": []},
        {"text": "没人看过。"},
    ]
    path = tmp_path / f"a.{suffix}"
    if suffix == "jsonl":
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    else:
        docs = [make_doc("zh", list(lines[0]["text"]), [(3, 6, "GPE")])]
        docs.append(make_doc("zh", list(lines[1]["text"]), []))
        docs.append(make_doc("zh", list(lines[2]["text"]), [], key="other"))
        save(docs, path)
    code, output = run(path, "--lang", "zh", "--output", tmp_path / "new" / "page.html")
    assert code == 0
    assert "1 of 3 documents have no span group 'sc'" in output
    page = parse((tmp_path / "new" / "page.html").read_text(encoding="utf-8"))
    assert text(page.find(".//body/p")) == "documents: 2; spans: 1 gold"
    assert [read_text(panel) for panel in having(page, "panel")] == ["他到过云溪市。", "没有。"]
    assert not having(page, "check")


def test_texts_are_predicted(folder, nlp, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(["", *(sentence for sentence, _ in SENTENCES)]), encoding="utf-8")
    code, output = run(folder / "model", path, "--limit", 3, "--output", tmp_path / "page.html")
    assert code == 0
    assert "Only the first 3 documents are looked at" in output
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [read_text(panel) for panel in having(page, "panel")] == [s for s, _ in SENTENCES[:3]]
    assert not having(page, "check")


def test_a_folder_may_hold_texts(folder, tmp_path):
    (tmp_path / "texts" / "b").mkdir(parents=True)
    (tmp_path / "texts" / "a.jsonl").write_text('{"text": "From JSON lines."}\n')
    (tmp_path / "texts" / "b" / "b.txt").write_text("From a text.\nAnd its second line.\n")
    (tmp_path / "texts" / "b" / ".hidden.txt").write_text("Not from here.\n")
    (tmp_path / "texts" / "b" / "notes.md").write_text("Nor from here.\n")
    page = tmp_path / "page.html"
    assert run(folder / "model", tmp_path / "texts", "--output", page)[0] == 0
    panels = having(parse(page.read_text(encoding="utf-8")), "panel")
    expected = ["From JSON lines.", "From a text.", "And its second line."]
    assert [read_text(panel) for panel in panels] == expected


def test_one_text_is_predicted(folder, tmp_path):
    sentence, gold = SENTENCES[0]
    code, _ = run(folder / "model", "--text", sentence, "--output", tmp_path / "page.html")
    assert code == 0
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    labels = having(page.find(".//main"), "label")
    assert sorted(map(text, labels)) == sorted(label for _, label in gold)


def test_another_group_of_gold_spans(folder, tmp_path):
    doc = make_doc("en", ["Ulm", "."], [(0, 1, "CITY")], key="mine")
    path = save([doc], tmp_path / "a.spacy")
    arguments = folder / "model", path, "--output", tmp_path / "page.html"
    assert (
        "No gold spans are shown: the data should have the group 'sc', "
        "but all groups there are: mine"
    ) in run(*arguments)[1]
    assert run(*arguments, "--spans-key", "mine")[0] == 0
    page = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "missed CITY Ulm" in text(having(page, "check")[0])


def test_a_flat_component_is_shown_as_well(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    nlp.config["components"]["global_pointer"]["allow_overlap"] = False
    nlp.to_disk(tmp_path / "flat")
    spacy.load(tmp_path / "flat")
    assert run(tmp_path / "flat", "--text", "Ulm.", "--output", tmp_path / "page.html")[0] == 0


@pytest.fixture(scope="module")
def bad(folder):
    """Things that cannot be used, by name."""
    paths = {name: folder / name for name in ("model", "dev.spacy")}
    for name, content in (("empty.jsonl", b""), ("bad.txt", b"abc\xff"), ("bad.spacy", b"no")):
        paths[name] = folder / name
        paths[name].write_bytes(content)
    paths["none.spacy"] = save([], folder / "none.spacy")
    paths["bare.spacy"] = save([make_doc("en", ["a"], [], key="other")], folder / "bare.spacy")
    (folder / "bare.txt").write_text("A text.", encoding="utf-8")
    paths["bare.txt"] = folder / "bare.txt"
    spacy.blank("en").to_disk(folder / "blank")
    paths["blank"] = folder / "blank"
    nlp = spacy.load(folder / "model")
    nlp.add_pipe("global_pointer", name="other", source=None)
    nlp.get_pipe("other").add_label("A")
    nlp.get_pipe("other").initialize(lambda: make_examples(nlp))
    nlp.to_disk(folder / "two")
    paths["two"] = folder / "two"
    return paths


@pytest.mark.filterwarnings("ignore:.*all write doc.spans")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model"], "a pipeline needs data or --text, was: "),
        (["model", "dev.spacy", "dev.spacy"], "inputs must be a pipeline and data, or one of them"),
        (["model", "dev.spacy", "--text", "a"], "--text needs one pipeline and no data"),
        (["model", "--text", " "], "--text must be a text, was: ' '"),
        (["model", "--text", "Ulm \udc80"], "--text: text must be valid Unicode, was: half a char"),
        (["blank", "dev.spacy"], "must have an enabled global_pointer component, but has: none"),
        (["two", "dev.spacy"], "several global_pointer components: global_pointer, other. To fix"),
        (["model", "dev.spacy", "--component", "x"], "must be an enabled global_pointer"),
        (["nowhere", "dev.spacy"], "MODEL must be a pipeline that can be loaded"),
        (["nowhere.spacy"], "an input must be there, was: nowhere.spacy, which is missing"),
        (["empty.jsonl"], "must hold documents, was: an empty file"),
        (["none.spacy"], "data must hold documents, but there is none in: "),
        (["bad.spacy"], "a .spacy file must be a complete DocBin, but "),
        (["model", "bad.txt"], "bad.txt line 1: a line must be in UTF-8, was: byte 0xff"),
        (["bare.spacy"], "must have gold spans in the group 'sc', but all groups there are: other"),
        (["bare.txt"], "but all groups there are: none. To fix: --spans-key, or a pipeline before"),
        (["dev.spacy", "--spans-key", "x"], "in the group 'x', but all groups there are: sc"),
        (["dev.spacy", "--lang", "qqq"], "qqq"),
        (["dev.spacy", "--heatmap", "{new}/x.svg"], "--heatmap needs a pipeline"),
        (["dev.spacy", "--errors-only"], "--errors-only needs a pipeline, annotated data to"),
        (["model", "--text", "a", "--errors-only"], "--errors-only needs a pipeline, annotated"),
        (["model", "bare.txt", "--errors-only"], "must have gold spans in the group 'sc', but all"),
        (["model", "--text", "\n" * 360_084], "--text must be a text, was: "),
        (["model", "dev.spacy", "--heatmap", "{new}/x.html"], "must end in .svg, was: "),
        (
            ["model", "dev.spacy", "--heatmap", "{new}/page.html"],
            "--heatmap must be a file of its own, was: ",
        ),
        (
            ["model", "dev.spacy", "--heatmap", "{new}/x.svg", "--document", "7"],
            "--document must be one of the 6 documents that are looked at, was: 7",
        ),
        (
            ["model", "--text", "word " * 61, "--heatmap", "{new}/x.svg"],
            "a heat map shows a text of 1 to 60 tokens, was: 61 (document 1). Give one sentence",
        ),
    ],
)
def test_bad_input_is_an_error_and_leaves_no_file(bad, tmp_path, arguments, message):
    arguments = [str(bad.get(word, word)).format(new=tmp_path) for word in arguments]
    code, output = run(*arguments, "--output", tmp_path / "page.html")
    assert code == 1
    assert message in output
    assert len(output) < 2000
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_an_error_before_anything_is_read(folder, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for output in (tmp_path / "file" / "page.html", tmp_path / "folder"):
        code, out = run("nowhere", folder / "dev.spacy", "--output", output)
        assert (code, "Rendering stopped" in out, "nowhere" in out) == (1, True, False)
        assert "--output must be a file in a folder that can be written" in out
    code, out = run(folder / "model", folder / "dev.spacy", "--output", folder / "dev.spacy")
    assert (code, "must be a file of its own, was: " in out) == (1, True)
    (tmp_path / "data").mkdir()
    inside = shutil.copy(folder / "dev.spacy", tmp_path / "data" / "dev.spacy")
    before = inside.read_bytes()
    code, out = run(folder / "model", tmp_path / "data", "--output", inside)
    assert (code, "must be a file of its own, was: " in out) == (1, True)
    assert inside.read_bytes() == before
    code, out = run(folder / "model", folder / "dev.spacy")
    assert (code, "there must be something to write" in out) == (1, True)


def test_an_error_keeps_the_page_of_an_earlier_run(folder, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk gone")))
    code, out = run(folder / "model", folder / "dev.spacy", "--output", page)
    assert (code, "disk gone" in out) == (1, True)
    assert (page.read_text(), list(tmp_path.iterdir())) == ("before", [page])


def test_help_shows_an_example():
    code, output = run("--help")
    assert code == 0
    assert "$ spacy global-pointer render training/model-best dev.spacy --output" in output


# Measured where the page is laid out: labels on labels, labels beyond the page, text that cannot
# be told from what is behind it, pages that are shown.
MEASURE = """<script>
addEventListener("load", () => {
const luminance = colour => {
  const c = colour.match(/[\\d.]+/g).slice(0, 3)
    .map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] };
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const labels = [...document.querySelectorAll(".text .label")].filter(e => e.offsetParent);
const boxes = labels.map(e => e.getBoundingClientRect());
let overlaps = 0;
boxes.forEach((a, i) => boxes.slice(0, i).forEach(b => {
  if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
    overlaps++ }));
const page = luminance(getComputedStyle(document.body).backgroundColor);
const report = {
  labels: labels.length, overlaps,
  beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  outside: boxes.filter(a => a.left < 0 || a.right > innerWidth).length,
  weakest: Math.min(...labels.map(e => { const s = getComputedStyle(e);
    return contrast(luminance(s.color), luminance(s.backgroundColor)) })),
  bars: Math.min(...[...document.querySelectorAll(".bar")].map(e =>
    contrast(luminance(getComputedStyle(e).borderTopColor), page))),
  ink: contrast(luminance(getComputedStyle(document.body).color), page), is_dark: page < 0.2,
  pages: [...document.querySelectorAll(".page")].filter(e => e.offsetParent).map(e => e.id) };
const place = document.createElement("pre");
place.id = "report";
place.textContent = JSON.stringify(report);
document.body.append(place); });
</script></body>"""


def measure(page, tmp_path, *, dark, address=""):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    path = tmp_path / "measured.html"
    path.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--window-size=1200,2000", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    done = subprocess.run(
        [*command, f"file://{path}{address}"], capture_output=True, text=True, timeout=120
    )
    found = re.search(r'<pre id="report">(.*?)</pre>', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(found[1])


@pytest.mark.parametrize("lang", WORDS)
@pytest.mark.parametrize("dark", [False, True])
def test_pages_are_legible_in_a_browser(lang, dark, tmp_path):
    docs = list(make_deep(lang, 12))
    labels = {span.label_ for doc in docs for span in doc.spans["sc"]}
    assert len(labels) == 30
    page = gold_page(docs, page_size=8)
    for address, shown in (("", "page-1"), ("#page-2", "page-2")):
        report = measure(page, tmp_path, dark=dark, address=address)
        first, last = (0, 8) if shown == "page-1" else (8, 12)
        assert report["pages"] == [shown]
        assert report["labels"] == sum(len(doc.spans["sc"]) for doc in docs[first:last])
        assert (report["overlaps"], report["outside"], report["beyond"]) == (0, 0, 0)
        assert min(report["weakest"], report["bars"], report["ink"]) >= 4.5
        assert report["is_dark"] == dark


def test_a_tick_leaves_only_documents_with_errors(tmp_path):
    documents = []
    for number in range(1, 13):
        doc = make_doc("en", ["a", "b"], [(0, 1, "A")])
        doc.spans["sc"].attrs["scores"] = numpy.array([0.9])
        gold = make_doc("en", ["a", "b"], [(0, 1, "A" if number % 5 else "B")])
        documents.append((doc, gold))
    page = make_page(documents, page_size=4)
    for ticked, labels in (("", 8), (" checked", 4)):
        one = page.replace('id="errors-only"', f'id="errors-only"{ticked}')
        report = measure(one, tmp_path, dark=False)
        assert report["pages"] == (["page-1", "page-2", "page-3"] if ticked else ["page-1"])
        assert report["labels"] == labels


@pytest.mark.parametrize("spans", [[], [(0, 2, "A"), (1, 2, "B")]])
def test_long_words_stay_on_the_page(spans, tmp_path):
    report = measure(gold_page([make_doc("en", ["a", "x" * 500], spans)]), tmp_path, dark=False)
    assert (report["beyond"], report["labels"]) == (0, len(spans))


def test_labels_stand_under_text_that_is_written_from_right_to_left(tmp_path):
    words = ["في", "جامعة", "القاهرة", "،", "قال", "PKC", "وصلوا"]
    doc = make_doc("ar", words, [(1, 3, "ORG"), (2, 3, "GPE"), (5, 6, "protein_molecule")])
    report = measure(gold_page([doc]), tmp_path, dark=False)
    assert report["labels"] == 3
    assert (report["overlaps"], report["outside"], report["beyond"]) == (0, 0, 0)


def test_no_line_of_a_text_begins_with_the_space_after_a_word():
    """A space by itself could go to the next line, where it looks like an indent."""
    doc = make_doc("en", "The University of Ulm hired".split(), [(0, 5, "A"), (1, 4, "B")])
    (panel,) = having(parse(gold_page([doc])), "panel")
    words = [word.text for word in having(panel, "word")]
    assert words == ["The ", "University ", "of ", "Ulm ", "hired "]
