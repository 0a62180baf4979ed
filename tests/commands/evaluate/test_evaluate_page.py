"""The HTML page: its DOM, with 30 labels, spans nested five deep, in Chinese and English."""

import json
import random
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from itertools import combinations
from xml.etree import ElementTree

import pytest
import spacy
from dom import read_lines, read_text
from samples import make_examples, make_nlp, train
from spacy.tokens import Doc, DocBin, Span
from spacy.util import fix_random_seed

from spacy_globalpointer.commands.colours import CONTRASTS, DARK, LIGHT, contrast, label_colour
from spacy_globalpointer.commands.evaluate.command import evaluate
from spacy_globalpointer.commands.evaluate.evaluation import evaluate_spans
from spacy_globalpointer.commands.evaluate.judged import Judged, Judgement
from spacy_globalpointer.commands.evaluate.page import MOST_LABELS, make_page
from spacy_globalpointer.commands.evaluate.report import score_row
from spacy_globalpointer.commands.evaluate.worst_errors import (
    describe_excerpt,
    find_excerpts,
    find_span_errors,
)
from spacy_globalpointer.commands.render.command import render_cli
from spacy_globalpointer.spans import LabelledSpan, nesting_depths

TEXTS = {
    "en": "In 2019 the University of California at Berkeley hired the former head of the "
    "Department of Neuroscience of Stanford University , Anna-Lena Berg , to study "
    'pneumonoultramicroscopicsilicovolcanoconiosis <b>in</b> "human" cells & mice .'.split(),
    "zh": list(
        "患者因反复咳嗽咳痰伴发热三天入院，北京大学第一医院呼吸内科主任医师张伟诊断为慢性阻塞性肺疾病急性加重期。"
    ),
}
LABELS = {
    "en": ["<b>bold</b>", "protein_family_or_group", *(f"LABEL_{i}" for i in range(28))],
    "zh": ["临床表现", "医学检验项目", *(f"类别{i}" for i in range(28))],
}
VOID = {"meta", "input"}


class TreeParser(HTMLParser):
    """Builds a tree, and fails where tags are not closed in order."""

    def __init__(self):
        super().__init__()
        self.builder, self.open = ElementTree.TreeBuilder(), []

    def handle_starttag(self, tag, attrs):
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)


def parse(page):
    parser = TreeParser()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.builder.close()


def text_of(node):
    return "".join(node.itertext()).strip()


def by_class(node, name):
    return [child for child in node.iter() if name in child.get("class", "").split()]


def by_id(tree, name):
    (node,) = [node for node in tree.iter() if node.get("id") == name]
    return node


def cells(table):
    """Texts of the cells of the body."""
    return [[text_of(cell) for cell in row] for row in table.find("tbody")]


def make_report(lang, n_documents=20, labels=None):
    """A report with errors of all kinds and spans nested five deep."""
    chance, words, labels = random.Random(1), TEXTS[lang] * 2, labels or LABELS[lang]
    nlp = spacy.blank(lang)
    documents = []
    for number in range(1, n_documents + 1):
        doc = Doc(nlp.vocab, words=words, spaces=[lang == "en"] * len(words))
        start = chance.randrange(len(words) - 12)
        gold = {(start + i, start + 11 - i, chance.choice(labels)) for i in range(5)}
        for _ in range(10):
            start = chance.randrange(len(words) - 3)
            gold.add((start, start + chance.randint(1, 3), chance.choice(labels)))
        found, scored, missed = {}, {}, {}
        for start, end, label in sorted(gold):
            kind = chance.random()
            if kind < 0.5:
                found[start, end, label] = chance.uniform(0.5, 1)
            elif kind < 0.7:
                found[start, end, chance.choice(labels)] = chance.uniform(0.5, 1)
            elif kind < 0.8:
                found[start, end + 1, label] = chance.uniform(0.5, 1)
            elif kind < 0.9:
                scored[start, end, label] = chance.uniform(0.01, 0.5)
            elif kind < 0.95:
                missed[start, end, label] = 10 ** chance.uniform(-8, -2)
        gold, found, scored = (
            {LabelledSpan(*span): score for span, score in spans.items()}
            for spans in ({**dict.fromkeys(gold), **missed}, found, {**scored, **found})
        )
        documents.append(Judged(number, doc, [0], gold, found, scored))
    assert max(nesting_depths(span.extent for span in documents[0].gold).values()) >= 5
    judgement = Judgement(documents, 0.01, 0, ["a note with <b>signs</b>"])
    return {
        "model": "model <1>",
        "data": ["test.spacy"],
        "component": "global_pointer",
        "lang": lang,
        "direction": "ltr",
        "spans_key": "sc",
        "threshold": 0.5,
        "label_thresholds": [["A", 0.4]],
        "allow_overlap": True,
        "max_spans": None,
        "documents": n_documents,
        "unannotated": 0,
        "notes": judgement.notes,
        **evaluate_spans(judgement),
        "worst": find_excerpts(find_span_errors(documents), 12, describe_excerpt),
    }


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request):
    report = make_report(request.param)
    html = make_page(report)
    return report, html, parse(html)


def test_the_page_needs_nothing_beside_it(page):
    _, html, tree = page
    assert {node.tag for node in tree.iter()}.isdisjoint({"script", "link", "img", "iframe"})
    assert not any({"src", "href", "onload"} & set(node.keys()) for node in tree.iter())
    assert "@import" not in html
    assert "url(" not in html
    assert "://" not in html
    assert 'charset="utf-8"' in html


def test_texts_are_escaped(page):
    report, _, tree = page
    assert text_of(tree.find(".//h1")) == "model <1>"
    assert text_of(by_class(tree, "note")[0]) == "a note with <b>signs</b>"
    allowed = {text_of(node) for node in tree.iter("b")}
    assert not {"bold", "signs", "in"} & allowed
    if report["lang"] == "en":
        assert any("<b>in</b>" in read_text(node) for node in by_class(tree, "text"))


def test_tables_have_the_numbers_of_the_report(page):
    report, _, tree = page
    names = ("exact", "boundary only", "nested (exact)", "flat (exact)")
    parts = [report["spans"][part] for part in ("exact", "boundary", "nested", "flat")]
    assert cells(by_id(tree, "spans")) == [
        [name, *score_row(counts)] for name, counts in zip(names, parts, strict=True)
    ]
    rows = {row[0]: row[1:] for row in cells(by_id(tree, "labels"))}
    assert rows == {label: [*score_row(counts)] for label, counts in report["labels"].items()}
    assert len(rows) == 30
    golds = [int(row[3]) for row in rows.values()]
    assert golds == sorted(golds, reverse=True)
    lengths = [[name, *score_row(counts)] for name, counts in report["lengths"].items()]
    assert cells(by_id(tree, "lengths")) == lengths
    assert sum(int(n) for _, n in cells(by_id(tree, "errors"))) == sum(report["errors"].values())
    assert text_of(by_id(tree, "ece")) == f"{report['calibration']['ece']:.4f}"
    bins = report["calibration"]["bins"]
    assert [int(row[1]) for row in cells(by_id(tree, "bins"))] == [row["spans"] for row in bins]


def test_confusion_is_whole_and_scrolls_in_its_own_box(page):
    report, html, tree = page
    table = by_id(tree, "confusion")
    names = [text_of(cell) for cell in table.find("thead").find("tr")][1:]
    rows = {row[0]: dict(zip(names, row[1:], strict=True)) for row in cells(table)}
    assert len(names) == 31
    assert list(rows) == names
    shown = {(g, p): int(n) for g, row in rows.items() for p, n in row.items() if n}
    assert shown == {
        (row["gold"] or "none", row["predicted"] or "none"): row["spans"]
        for row in report["confusion"]
    }
    (box,) = [node for node in tree.iter() if table in list(node)]
    assert "box" in box.get("class").split()
    assert re.search(r"\.box \{[^}]*overflow: auto", html)


def test_column_heads_are_not_turned_upside_down(page):
    """Chinese stands upright in vertical writing, and upside down once that is turned."""
    _, html, tree = page
    assert ".confusion thead span { writing-mode: vertical-rl; max-height" in html
    assert "rotate(" not in html
    heads = by_id(tree, "confusion").find("thead").find("tr")[1:]
    assert all([child.tag for child in head] == ["span"] for head in heads)


def test_plots_are_as_high_as_the_numbers(page):
    report, _, tree = page
    plot = by_id(tree, "reliability-plot")
    bins = [row for row in report["calibration"]["bins"] if row["spans"]]
    bars = by_class(plot, "bar")
    assert [float(bar.get("height")) for bar in bars] == pytest.approx(
        [220 * row["gold"] for row in bins], abs=0.06
    )
    for bar, row in zip(bars, bins, strict=True):
        assert float(bar.get("y")) + float(bar.get("height")) == pytest.approx(245, abs=0.11)
        assert float(bar.get("x")) == pytest.approx(42 + 408 * row["low"] + 2, abs=0.06)
    means = [float(line.get("y1")) for line in by_class(plot, "mean")]
    expected = [245 - 220 * row["probability"] for row in bins]
    assert means == pytest.approx(expected, abs=0.06)
    bars = by_class(by_id(tree, "length-plot"), "bar")
    f = [180 * counts["f"] for counts in report["lengths"].values()]
    assert [float(bar.get("height")) for bar in bars] == pytest.approx(f, abs=0.06)


def test_excerpts_have_their_text_and_spans_on_both_sides(page):
    report, _, tree = page
    labels = [row[0] for row in cells(by_id(tree, "labels"))]
    articles = by_class(tree, "excerpt")
    assert len(articles) == len(report["worst"]) == 12
    for article, excerpt in zip(articles, report["worst"], strict=True):
        error, tokens, offset = excerpt["error"], excerpt["tokens"], excerpt["start"]
        for part in (error["label"], error["text"][:110]):
            assert part in text_of(article.find("h3"))
        for side, wrong in (("gold", ", missed"), ("predicted", ", wrong")):
            (panel,) = by_class(article, side)
            expected = []
            for span in excerpt[side]:
                first, last = max(0, span["start"] - offset), span["end"] - offset
                start, end = (len("".join(tokens[:i])) for i in (first, last))
                end -= tokens[:last][-1].endswith(" ")
                expected.append((start, end, span["label"], "" if span["right"] else wrong))
            drawn = [
                (start, end, title.split(": ")[0], re.sub(r".*score [^,]+", "", title))
                for start, end, title in read_lines(panel)
            ]
            assert sorted(drawn) == sorted(expected)
            for label in by_class(panel, "label"):
                (colour,) = re.findall(r"\bc(\d+)\b", label.get("class"))
                name = labels[int(colour)]
                # An error shows its score.
                number = r" (\d\.\d\d|[<>]0[.\d]*|–)" if "odd" in label.get("class") else ""
                assert re.fullmatch(re.escape(name) + number + "( …)?", text_of(label))
            assert read_text(panel).strip() == "".join(tokens).strip()


def test_spans_that_go_beyond_an_excerpt_are_cut_off():
    report = make_report("en", 1)
    (excerpt,) = report["worst"][:1]
    length = len(excerpt["tokens"])
    long = {"start": excerpt["start"] - 3, "end": excerpt["end"] + 2, "score": 0.25}
    long |= {"label": excerpt["error"]["label"], "text": "a long one", "right": False}
    behind = {**long, "start": excerpt["end"], "end": excerpt["end"]}
    excerpt |= {"gold": [long, behind], "predicted": []}
    (article,) = by_class(parse(make_page({**report, "worst": [excerpt]})), "excerpt")
    (panel,) = by_class(article, "gold")
    text = "".join(excerpt["tokens"])
    assert length > 3
    title = f"{long['label']}: a long one, score 0.25, missed"
    assert read_lines(panel) == [(0, len(text.rstrip()), title)]
    assert text_of(by_class(panel, "label")[0]) == f"{long['label']} 0.25 …"


def test_labels_can_be_read_on_light_and_dark_pages(page):
    _, _, tree = page
    style = text_of(tree.find(".//style"))
    light, dark = style.split("@media (prefers-color-scheme: dark)", 1)
    for part, background, mode in ((light, LIGHT, "light"), (dark, DARK, "dark")):
        assert f"--page: {background};" in part
        colours = re.findall(rf"\.c(\d+) \{{.* --on-{mode}: (#[0-9a-f]{{6}});.*\}}", style)
        assert len(colours) == 30
        assert all(contrast(colour, background) >= 4.5 for _, colour in colours)
        named = dict(re.findall(r"--(text|faint): (#[0-9a-f]{6});", part))
        panel = re.search(r"--panel: (#[0-9a-f]{6});", part)[1]
        for colour in [*named.values(), *(colour for _, colour in colours)]:
            assert contrast(colour, panel) >= 4.5, (colour, panel)
    used = {name for node in tree.iter() for name in re.findall(r"\bc\d+\b", node.get("class", ""))}
    assert used == {f"c{i}" for i in range(30)}


def test_labels_of_well_known_corpora_differ():
    corpora = [
        "EVENT FAC GPE ORG PERSON TITLE WORK",
        "CARDINAL DATE EVENT FAC GPE LANGUAGE LAW LOC MONEY NORP ORDINAL ORG PERCENT PERSON "
        "PRODUCT QUANTITY TIME WORK_OF_ART",
        "PER ORG LOC MISC",
        "DNA RNA protein cell_line cell_type",
        "address book company game government movie name organization position scene",
        "dis sym dru equ pro bod ite mic dep",
    ]
    for labels in corpora:
        for one, other in combinations(map(label_colour, labels.split()), 2):
            for a, b in zip(one, other, strict=True):
                parts = [abs(int(a[i : i + 2], 16) - int(b[i : i + 2], 16)) for i in (1, 3, 5)]
                assert sum(parts) >= 24, (labels, one, other)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    for colour in map(label_colour, map(str, range(300))):
        assert contrast(colour.light, LIGHT) >= min(CONTRASTS[LIGHT])
        assert contrast(colour.dark, DARK) >= min(CONTRASTS[DARK])


def test_hundreds_of_labels_make_no_giant_table():
    report = make_report("en", 60, [f"L{i}" for i in range(200)])
    page = make_page(report)
    tree = parse(page)
    assert len(cells(by_id(tree, "confusion"))) == MOST_LABELS + 1
    assert f"{len(report['labels']) - MOST_LABELS} labels with fewer gold spans are left" in page


def test_a_report_of_nothing_has_a_page():
    empty = Judged(1, Doc(spacy.blank("en").vocab), [0], {}, {}, {})
    nothing = Judgement([empty], 0.01, 0, [])
    report = {**make_report("en", 1), **evaluate_spans(nothing), "worst": []}
    tree = parse(make_page(report))
    assert cells(by_id(tree, "spans"))[0] == ["exact", "-", "-", "-", "0", "0", "0"]
    assert by_class(tree, "excerpt") == []


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# What a reader cannot see in the DOM: what is too wide, clipped, or drawn over something else.
PROBE = """<script>
const all = selector => [...document.querySelectorAll(selector)];
const clipped = all(".label, th, td").filter(e => e.scrollWidth > e.clientWidth + 1);
const wide = all(".sides > div").filter(e => e.scrollWidth > e.clientWidth + 1);
const over = all(".text").filter(panel => {
  const boxes = [...panel.querySelectorAll(".label, .word")].map(e => e.getBoundingClientRect());
  return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right - 1 &&
    b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2));
});
const root = document.documentElement;
document.title = JSON.stringify({
  clipped: clipped.length, wide: wide.length, over: over.length,
  page: root.scrollWidth - root.clientWidth,
  background: getComputedStyle(document.body).backgroundColor,
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(("mode", "background"), [(0, DARK), (1, LIGHT)], ids=["dark", "light"])
def test_layout_in_chromium(page, tmp_path, mode, background):
    _, html, _ = page
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,3000"]
    command += [f"--user-data-dir={tmp_path}", f"--blink-settings=preferredColorScheme={mode}"]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120
    )
    found = json.loads(unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))
    rgb = ", ".join(str(int(background[i : i + 2], 16)) for i in (1, 3, 5))
    assert found.pop("background") == f"rgb({rgb})"
    assert found == {"clipped": 0, "wide": 0, "over": 0, "page": 0}


@pytest.mark.parametrize(
    ("score", "short", "exact"),
    [
        (0.4321, "0.43", "0.43"),
        (0.0000321, "<0.01", "3.2e-05"),
        (0.99987, ">0.99", "0.9999"),
        (None, "–", "– (it can never be found)"),
    ],
)
def test_scores_are_short_on_a_label_and_exact_elsewhere(score, short, exact):
    label = {"label": "A", "start": 0, "end": 1, "text": "a", "score": score}
    excerpt = {"document": 1, "start": 0, "end": 1, "tokens": ["a"], "predicted": []}
    excerpt.update(error={"kind": "missed", **label}, gold=[{**label, "right": False}])
    report = {**make_report("en", 1, ["A"]), "worst": [excerpt]}
    (article,) = by_class(parse(make_page(report)), "excerpt")
    assert f"score {exact} · document 1" in " ".join(text_of(article).split())
    (shown,) = by_class(article, "label")
    assert text_of(shown).strip() == f"A {short}"
    assert shown.get("title") == f"A: a, score {exact}, missed"


def test_one_vocabulary_and_one_set_of_colours_on_all_pages(tmp_path):
    """The same data, as `evaluate` and as `render` show them."""
    fix_random_seed(0)
    nlp = make_nlp()
    examples = make_examples(nlp)
    train(nlp, examples)
    nlp.to_disk(tmp_path / "model")
    first, *others, last = (example.reference for example in examples)
    first.spans["sc"] = list(first.spans["sc"])[1:]
    last.spans["sc"] = [Span(last, 0, 1, "ORG")]
    DocBin(docs=[first, *others, last]).to_disk(tmp_path / "dev.spacy")
    model, data, pages = str(tmp_path / "model"), tmp_path / "dev.spacy", []
    report = evaluate(model, [data], html=tmp_path / "evaluate.html")
    render_cli([model, str(data)], output=tmp_path / "render.html")
    for name in ("evaluate", "render"):
        html = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        colours = dict(re.findall(r"\.(c\d+) (\{ --on-light.*?\})", html))
        tree = parse(html)
        assert not re.search(r"\bfound\b", text_of(tree.find(".//body")))
        labelled = [n for n in tree.iter() if {"label", "name"} & set(n.get("class", "").split())]
        pages.append(
            {
                (node.get("title") or "").split(":")[0].split(" ")[0]: colours[number]
                for node in labelled
                for number in re.findall(r"\bc\d+\b", node.get("class"))
            }
        )
    common = pages[0].keys() & pages[1].keys() - {""}
    assert len(common) > 1
    assert all(pages[0][label] == pages[1][label] for label in common)
    n = report["spans"]["exact"]
    assert (n["wrong"], n["missed"]) == (1, 1)
    counts = f"{n['right'] + n['missed']:,} gold, {n['right'] + n['wrong']:,} predicted"
    assert f"{counts}, {n['right']:,} right" in text_of(tree.find(".//body"))


def test_long_labels_are_cut_and_whole_when_pointed_at():
    long = "L" * 300
    tree = parse(make_page(make_report("en", 5, ["A", long, "B"])))
    shown = [node for node in tree.iter() if "LLL" in (node.text or "")]
    # In both tables, and in the heads and texts of excerpts.
    assert {node.tag for node in shown} == {"td", "th", "span", "bdi"}
    for node in shown:
        assert ("L" * 37 + "...") in node.text
        assert "L" * 38 not in node.text
        assert node.get("title").startswith(long)
