"""A teacher and its students, on a few sentences."""

import json

import pytest
import spacy
import typer
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from benchmarks import distillation
from benchmarks.distillation import Data, distil, main, make_students, read_data
from benchmarks.text import STYLES, generate
from spacy_globalpointer.pipeline.soft_targets import read_probabilities

QUICK = {
    "components.tok2vec.model.encode.width": 32,
    "components.tok2vec.model.encode.depth": 1,
    "training.batcher.size": 40,
    # In a few steps it does not learn what is not worth a look, and warns.
    "components.global_pointer.model.rescorer": None,
}


@pytest.fixture
def data():
    """Short ones: the encoder spells all words, and takes 512 letters."""
    texts = [
        text._replace(words=text.words[:12], spans=[span for span in text.spans if span[1] <= 12])
        for text in generate(STYLES["genia"], 9, seed=0)
    ]
    return Data(texts[:4], texts[4:7], texts[7:], "en")


def test_students_learn_from_gold_from_the_teacher_and_from_raw_text(data, tiny_bert):
    pytest.importorskip("spacy_transformers")
    results = list(
        distil(
            data,
            tiny_bert,
            passes=1,
            teacher_passes=1,
            seeds=[0],
            weights=[0.5],
            overrides=QUICK,
            log=lambda line: None,
        )
    )
    assert [row["system"] for row in results] == [
        "teacher",
        "alone",
        "teacher 0.5",
        "teacher 0.5, raw text",
    ]
    for result in results:
        assert 0 <= result["all"]["f"] <= 1
        assert result["mib"] > 0
        assert result["words_per_second"] > 0
    assert results[0]["labelling_seconds"] > 0
    assert len({result["config"] for result in results}) == 3


def test_each_student_has_its_part_of_the_annotation(data):
    nlp = spacy.blank("en")
    soft = []
    for text in [*data.annotated, *data.raw]:
        doc = text.make_doc(nlp.vocab)
        doc.spans["teacher"] = spacy.tokens.SpanGroup(doc, name="teacher", attrs={"scores": []})
        soft.append(doc.to_bytes())
    students = {name: rest for name, *rest in make_students(data, soft, [1.0], 4)}
    counts = {
        name: (
            len(examples),
            sum("sc" in example.reference.spans for example in examples),
            sum("teacher" in example.reference.spans for example in examples),
            passes,
        )
        for name, (examples, passes, _) in students.items()
    }
    assert counts == {
        "alone": (4, 4, 0, 7),
        "teacher 1": (4, 4, 4, 7),
        "teacher 1, raw text": (7, 4, 7, 4),
    }
    own = [example.reference for example in students["teacher 1, raw text"][0]]
    gold = [
        [(span.start, span.end, span.label_) for span in doc.spans["sc"]]
        for doc in own
        if "sc" in doc.spans
    ]
    assert sorted(gold) == sorted(text.spans for text in data.annotated)


def test_soft_labels_are_probabilities_of_the_saved_teacher(data, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    nlp.initialize(lambda: [text.make_example(nlp.vocab) for text in data.annotated])
    nlp.to_disk(tmp_path)
    found = [
        Doc(spacy.blank("en").vocab).from_bytes(soft)
        for soft in distillation.label_softly(tmp_path, data.raw)
    ]
    assert [list(doc.spans) for doc in found] == [["teacher"]] * 3
    scores = [
        score for doc in found for score in read_probabilities(doc.spans["teacher"], "teacher")
    ]
    assert scores
    assert min(scores) >= 0.01


def write_corpus(folder, n_train):
    nlp = spacy.blank("en")
    (folder / "tiny").mkdir()
    for split, n in ("train", n_train), ("dev", 2):
        texts = generate(STYLES["genia"], n, seed=0)
        docs = [text.make_example(nlp.vocab).reference for text in texts]
        DocBin(docs=docs).to_disk(folder / "tiny" / f"{split}.spacy")


def test_sentences_after_the_annotated_ones_are_raw(tmp_path):
    write_corpus(tmp_path, 5)
    data = read_data(tmp_path, "tiny:en", 3, 9, 1)
    assert (len(data.annotated), len(data.raw), len(data.dev)) == (3, 2, 1)
    with pytest.raises(ValueError, match="must have at least 6 sentences, was: 5"):
        read_data(tmp_path, "tiny:en", 6, 0, None)
    with pytest.raises(ValueError, match=r"must have its language.*'tiny'"):
        read_data(tmp_path, "tiny", 1, 0, None)


def test_command_writes_a_report(tmp_path, monkeypatch):
    write_corpus(tmp_path, 5)
    row = {"system": "alone", "all": {"f": 0.5}, "words_per_second": 10.0, "mib": 1.0}
    monkeypatch.setattr(distillation, "distil", lambda *args, **settings: [row])
    app = typer.Typer()
    app.command()(main)
    output = tmp_path / "report.json"
    arguments = [tmp_path, "tiny:en", "encoder", output, "--limit", "3", "--raw", "2"]
    ran = CliRunner().invoke(app, [*map(str, arguments), "--weight", "1.0"])
    assert ran.exit_code == 0, ran.output
    report = json.loads(output.read_text())
    assert report["results"] == [row]
    assert report["settings"]["raw_sentences"] == 2
    assert report["settings"]["weights"] == [1.0]
