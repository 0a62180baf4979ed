import re
from xml.etree import ElementTree as ET

import numpy
import pytest
import spacy
from samples import LABELS, OWN, make_examples, make_nlp, train
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, DocBin
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from spacy_globalpointer.commands.colours import label_colour
from spacy_globalpointer.commands.render.heat_map import (
    FLOOR,
    MIRRORED,
    MOST_PANELS,
    draw_heat_map,
    score_spans,
)

NAME = "{http://www.w3.org/2000/svg}"
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
TEXT = "The University of Ulm hired Anna Berg.  The Bank of Rome closed."


def make(head="EfficientGlobalPointer", labels=(), steps=8, **settings):
    """A pipeline that is not sure of anything."""
    fix_random_seed(0)
    nlp = make_nlp(head, **settings)
    for label in labels:
        nlp.get_pipe("global_pointer").add_label(label)
    train(nlp, make_examples(nlp), steps=steps)
    return nlp


def save(nlp, folder):
    nlp.to_disk(folder / "model")
    return folder / "model"


def draw(*arguments, exit_code=0):
    """The root of the picture, and what was printed."""
    command = ["global-pointer", "render", *map(str, arguments)]
    result = CliRunner().invoke(spacy_app, command)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    path = arguments[arguments.index("--heatmap") + 1]
    return ET.parse(path).getroot() if exit_code == 0 else None


def find(root, name):
    """All elements of one class, or of some that are named in order."""
    return [e for e in root.iter() if f"{e.get('class')} ".startswith(f"{name} ")]


def read_cells(panel):
    """{(start, end): (score, tooltip)} of the coloured cells of a panel."""
    return {
        (int(cell.get("data-start")), int(cell.get("data-end"))): (
            float(cell.get("fill-opacity")),
            cell.find(f"{NAME}title").text,
        )
        for cell in find(panel, "cell")
    }


def every_score(nlp, text):
    """{label: {(start, end): score}} of all spans, found by decoding without a threshold."""
    pipe = nlp.get_pipe("global_pointer")
    before = pipe.cfg
    pipe.cfg = {**before, "threshold": 0.0, "max_spans": 100_000, "allow_overlap": True}
    doc = nlp(text)
    pipe.cfg = before
    scores = {label: {} for label in pipe.labels}
    group = doc.spans["sc"]
    for span, score in zip(group, group.attrs["scores"].tolist(), strict=True):
        scores[span.label_][span.start, span.end] = score
    return doc, scores


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"head": "GlobalPointer"},
        {"max_length": 6},
        {"rescorer": {}},
        {"upstream": ("tok2vec", {"model": OWN}), "encoder": LISTENER},
    ],
    ids=["plain", "a head a label", "max_length", "a second look", "shared encoder"],
)
def test_cells_are_the_scores_of_all_spans(settings, tmp_path):
    nlp = make(**settings)
    root = draw(save(nlp, tmp_path), "--text", TEXT, "--heatmap", tmp_path / "x.svg")
    doc, scores = every_score(nlp, TEXT)
    panels = {panel.get("data-label"): panel for panel in find(root, "panel")}
    assert set(panels) == {k for k, cells in scores.items() if max(cells.values()) >= FLOOR}
    assert len(panels) > 1
    for label, panel in panels.items():
        cells = read_cells(panel)
        assert set(cells) == {at for at, score in scores[label].items() if score >= FLOOR / 2}
        for (start, end), (score, tooltip) in cells.items():
            exact = scores[label][start, end]
            assert score == pytest.approx(exact, abs=1e-4)
            words = " ".join(doc[start:end].text.split())
            assert tooltip == f"{label} {exact:.3f}: {words}"
        best = max(scores[label].values())
        assert find(panel, "title")[0].text == f"{label}: best {best:.3f}"


def test_the_table_has_exactly_the_spans_that_there_can_be(tmp_path):
    nlp = make(max_length=6)
    root = draw(save(nlp, tmp_path), "--text", TEXT, "--heatmap", tmp_path / "x.svg")
    doc = nlp.make_doc(TEXT)
    words = [token.text for token in doc]
    assert [text.text.strip() for text in find(root, "start")] == [
        word.replace(" ", "␣") for word in words
    ]
    assert [text.text for text in find(root, "last")] == [t.text for t in find(root, "start")]
    side = int(find(root, "cell")[0].get("width"))
    (path,) = find(root, "spans")
    square = rf"M(\d+) (\d+)h{side}v{side}h-{side}z"
    assert not re.sub(square, "", path.get("d"))
    cells = [(int(y) // side, int(x) // side) for x, y in re.findall(square, path.get("d"))]
    uses = [element.get("href") for element in root.iter(f"{NAME}use")]
    assert uses == ["#table"] * len(find(root, "panel"))
    allowed = [
        (start, last)
        for start in range(len(doc))
        for last in range(start, min(start + 6, len(doc)))
        if not doc[start].is_space and not doc[last].is_space
    ]
    assert any(token.is_space for token in doc)
    assert cells == allowed


def test_cells_are_where_their_words_are(tmp_path):
    root = draw(save(make(), tmp_path), "--text", TEXT, "--heatmap", tmp_path / "x.svg")
    rows = [float(text.get("y")) for text in find(root, "start")]
    columns = [float(text.get("x")) for text in find(root, "last")]
    for panel in find(root, "panel"):
        for cell in find(panel, "cell"):
            start, last = int(cell.get("data-start")), int(cell.get("data-end")) - 1
            x, y, side = (float(cell.get(name)) for name in ("x", "y", "width"))
            assert y < rows[start] < y + side
            assert x < columns[last] < x + side
            assert start <= last


def marked(root, panel, kind):
    """Cells (start, end) that a mark of a kind lies in the middle of."""
    found = set()
    rows = [float(text.get("y")) for text in find(root, "start")]
    columns = [float(text.get("x")) for text in find(root, "last")]
    for mark in find(panel, kind):
        x, y, side = (float(mark.get(name)) for name in ("x", "y", "width"))
        cell = float(find(panel, "cell")[0].get("width"))
        down, across = y + side / 2, x + side / 2
        (start,) = [i for i, row in enumerate(rows) if abs(row - down) < cell / 2]
        (last,) = [i for i, column in enumerate(columns) if abs(column - across) < 0.1]
        found.add((start, last + 1))
    return found


def test_predicted_and_gold_cells_have_marks(tmp_path):
    nlp = make()
    gold = [example.reference for example in make_examples(nlp)]
    DocBin(docs=gold).to_disk(tmp_path / "dev.spacy")
    path = tmp_path / "x.svg"
    n_marks = 0
    for number, reference in enumerate(gold, start=1):
        root = draw(
            *(tmp_path / "model" if number > 1 else save(nlp, tmp_path), tmp_path / "dev.spacy"),
            *("--heatmap", path, "--document", number),
        )
        predicted = nlp(reference.text)
        panels = {panel.get("data-label"): panel for panel in find(root, "panel")}
        for label in LABELS:
            for kind, doc in (("predicted", predicted), ("gold", reference)):
                wanted = {(s.start, s.end) for s in doc.spans["sc"] if s.label_ == label}
                n_marks += len(wanted)
                assert (marked(root, panels[label], kind) if label in panels else set()) == wanted
    assert n_marks > 10


def test_words_above_columns_are_not_turned(tmp_path):
    """Chinese stands upright where a browser writes downwards; a turned word would lie."""
    doc = Doc(spacy.blank("zh").vocab, words=[*"云溪市", "PKC激酶"], spaces=[False] * 4)
    root = ET.fromstring(draw_heat_map(doc, scored(doc, ["地点"])))
    words = find(root, "last")
    assert [word.text for word in words] == [*"云溪市", "PKC激酶"]
    assert not any(word.get("transform") for word in words)
    assert ".last { writing-mode: vertical-rl; text-anchor: end" in root.find(f"{NAME}style").text


def test_panels_have_the_colours_of_their_labels():
    doc = Doc(spacy.blank("en").vocab, words=["a", "b"])
    panels = find(ET.fromstring(draw_heat_map(doc, scored(doc, ["ORG", "地点"]))), "panel")
    for panel in panels:
        colour = label_colour(panel.get("data-label"))
        assert panel.get("style") == f"--on-light: {colour.light}; --on-dark: {colour.dark}"
    assert len(panels) == 2


def test_hundreds_of_labels_are_told_in_a_few_lines():
    doc = Doc(spacy.blank("en").vocab, words=["a", "b"])
    long = [f"{i} " + "L" * 500 for i in range(500)]
    root = ET.fromstring(draw_heat_map(doc, scored(doc, long, FLOOR / 3)))
    notes = " ".join(text.text for text in find(root, "note rest"))
    assert len(notes) < 1200
    assert "and 480 more" in notes


def test_only_the_best_labels_have_a_panel(tmp_path):
    more = [f"MORE_{i}" for i in range(20)]
    nlp = make(labels=more, steps=2)
    root = draw(save(nlp, tmp_path), "--text", TEXT, "--heatmap", tmp_path / "x.svg")
    _, scores = every_score(nlp, TEXT)
    best = {label: max(cells.values()) for label, cells in scores.items()}
    drawn = [panel.get("data-label") for panel in find(root, "panel")]
    assert len(drawn) == MOST_PANELS
    assert drawn == sorted(best, key=best.get, reverse=True)[:MOST_PANELS]
    notes = " ".join(text.text for text in find(root, "note rest"))
    for label in set(best) - set(drawn):
        assert f"{label} {best[label]:.3f}" in notes
    assert not any(f"{label} " in notes for label in drawn)


def scored(doc, labels, value=0.5):
    allowed = numpy.triu(numpy.ones((len(doc), len(doc)), dtype=bool))
    return dict.fromkeys(labels, numpy.where(allowed, value, -1))


def test_any_text_and_label_gives_a_file_that_can_be_read():
    words = ["<b>", "&", "\x00", "\x0b", "\ufffe", "a\nb", "年龄", "x" * 100, "\ud7ff", '"']
    doc = Doc(spacy.blank("en").vocab, words=words)
    root = ET.fromstring(draw_heat_map(doc, scored(doc, ["<a> & \x01", "年龄" * 40])))
    assert [panel.get("data-label") for panel in find(root, "panel")] == [
        "<a> & \ufffd",
        "年龄" * 40,
    ]
    assert len(read_cells(find(root, "panel")[0])) == 55


@pytest.mark.parametrize("n", [1, 2, 17, 60])
def test_everything_lies_within_the_picture(n):
    doc = Doc(spacy.blank("en").vocab, words=[f"word{i}" for i in range(n)])
    root = ET.fromstring(draw_heat_map(doc, scored(doc, [f"LABEL_{i}" for i in range(30)])))
    width, height = (float(root.get(name)) for name in ("width", "height"))
    assert root.get("viewBox") == f"0 0 {width:g} {height:g}"
    panels = find(root, "panel")
    assert len(panels) == MOST_PANELS
    boxes = []
    for panel in panels:
        dx, dy = map(float, panel.get("transform")[len("translate(") : -1].split())
        cells = find(panel, "cell")
        right = dx + max(float(cell.get("x")) + float(cell.get("width")) for cell in cells)
        bottom = dy + max(float(cell.get("y")) + float(cell.get("height")) for cell in cells)
        dy += float(find(panel, "title")[0].get("y")) - 15
        assert 0 <= dx < right <= width
        assert 0 <= dy < bottom <= height
        boxes.append((dx, dy, right, bottom))
    for i, (left, top, _, _) in enumerate(boxes):
        for _, _, right, bottom in boxes[:i]:
            assert left >= right or top >= bottom


def test_nothing_above_the_floor_is_said():
    doc = Doc(spacy.blank("en").vocab, words=["a", "b"])
    root = ET.fromstring(draw_heat_map(doc, scored(doc, ["A", "B"], FLOOR / 3)))
    assert find(root, "panel") == []
    assert find(root, "note rest")[0].text == "Not drawn, with their best score: A 0.003, B 0.003"


def test_below_the_diagonal_are_the_scores_before_the_second_look(tmp_path):
    nlp = make(rescorer={}, steps=30)
    root = draw(save(nlp, tmp_path), "--text", TEXT, "--heatmap", tmp_path / "x.svg")
    assert MIRRORED in [note.text for note in find(root, "note rest")]
    pipe = nlp.get_pipe("global_pointer")
    final, first = score_spans(pipe, nlp.make_doc(TEXT))
    assert any(abs(final[label] - first[label]).max() > 0.01 for label in final)
    for panel in find(root, "panel"):
        table = first[panel.get("data-label")]
        drawn = find(panel, "before")
        assert len(drawn) == (numpy.triu(table, 1) >= FLOOR / 2).sum()
        for cell in drawn:
            start, last = int(cell.get("data-start")), int(cell.get("data-end")) - 1
            score = table[start, last]
            assert float(cell.get("fill-opacity")) == pytest.approx(score, abs=1e-4)
            assert cell.find(f"{NAME}title").text.startswith(
                f"{panel.get('data-label')} {score:.3f} before the second look: "
            )
            side = float(cell.get("width"))
            place = float(cell.get("x")) / side, float(cell.get("y")) / side
            assert place == (start, last)


def test_scores_need_no_threshold():
    nlp = make()
    doc = nlp(TEXT)
    pipe = nlp.get_pipe("global_pointer")
    before, first = score_spans(pipe, doc)
    assert first is None
    pipe.cfg = {**pipe.cfg, "threshold": 0.9, "max_spans": 1}
    after, _ = score_spans(pipe, doc)
    assert before.keys() == after.keys()
    for label, table in before.items():
        assert (table == after[label]).all()
        assert ((table >= 0) == numpy.triu(table >= 0)).all()
