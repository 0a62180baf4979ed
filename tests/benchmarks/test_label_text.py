"""Labels that are read from text, beside the plain head: rare ones, and those of another corpus."""

import json

import pytest
from spacy.vocab import Vocab
from typer import Typer
from typer.testing import CliRunner

from benchmarks import label_text
from benchmarks.label_descriptions import DESCRIPTIONS, GROUPS
from benchmarks.label_text import (
    RARE,
    Options,
    main,
    measure_rare,
    measure_transfer,
    read_described,
    score_by_frequency,
    score_unseen,
)
from benchmarks.text import AnnotatedText
from benchmarks.transfer import Corpus, declare

CORPORA = {
    "conll04": [
        ("Anna met Bob .", [(0, 4, "Peop"), (9, 12, "Peop")]),
        ("In Ulm .", [(3, 6, "Loc")]),
    ],
    "wnut17": [("Eva met Tim .", [(0, 3, "person"), (8, 11, "person")]), ("In Bonn .", [])],
    "gum": [("Eva met Tim .", [(0, 3, "person"), (8, 11, "person"), (4, 7, "trigger")])],
}
SMALL = {
    "components.tok2vec.model.encode.width": 16,
    "components.tok2vec.model.encode.depth": 1,
    "training.batcher.size": 20,
}


@pytest.fixture
def data(tmp_path):
    for name, texts in CORPORA.items():
        (tmp_path / name).mkdir()
        for split in ("train", "dev"):
            lines = []
            for text, spans in texts:
                rows = [{"start": s, "end": e, "label": label} for s, e, label in spans]
                lines.append(json.dumps({"text": text, "spans": rows}))
            path = tmp_path / name / f"{split}.jsonl"
            path.write_text("\n".join(lines * 4) + "\n", encoding="utf8")
    return tmp_path


def quiet(tiny_bert, **settings):
    log = settings.pop("log", lambda line: None)
    return Options(tiny_bert, rank=8, overrides=SMALL, log=log, **settings)


def test_every_label_has_a_description_of_its_own():
    for labels in DESCRIPTIONS.values():
        assert len(set(labels.values())) == len(labels)
        assert all(text.endswith(".") and len(text) < 90 for text in labels.values())


def test_every_label_is_in_one_group():
    for corpus, groups in GROUPS.items():
        labels = [label for _, own in groups for label in own]
        assert sorted(labels) == sorted(DESCRIPTIONS[corpus])


def test_a_corpus_without_groups_is_an_error(data, tiny_bert):
    options = quiet(tiny_bert)
    corpus = read_described(data, "gum:en", options)
    with pytest.raises(ValueError, match="must be one of genia_fine, nerel, was: gum"):
        options.override("groups", [corpus])


def test_labels_without_a_description_are_left_out_aloud(data, tiny_bert):
    lines = []
    corpus = read_described(data, "gum:en", quiet(tiny_bert, log=lines.append, limit=2))
    assert lines == ["gum: 6 spans of 1 labels left out"]
    assert len(corpus.train) == 2
    assert {label for _, _, label in corpus.train[0].spans} == {"person"}
    assert corpus.pairs() == [["person", DESCRIPTIONS["gum"]["person"]]]


@pytest.mark.parametrize("name", ["gum", "unknown:en"])
def test_an_unknown_corpus_is_an_error(name, data, tiny_bert):
    with pytest.raises(ValueError, match=f"its language, such as 'genia:en', was: '{name}'"):
        read_described(data, name, quiet(tiny_bert))


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
def test_all_variants_learn_rare_labels(data, tiny_bert, tmp_path, monkeypatch):
    groups = [["name", ["Peop", "Loc"]], ["other", ["Other"]]]
    monkeypatch.setitem(GROUPS, "conll04", groups)
    output = tmp_path / "rare.json"
    rows = measure_rare(output, data, ["conll04:en"], quiet(tiny_bert, passes=25))
    assert [row["variant"] for row in rows] == list(RARE)
    assert all(row["all"]["f"] == row["macro"] == 1.0 for row in rows)
    assert rows[0]["occurrences"] == {"Peop": 8, "Loc": 4}
    assert rows[0]["often"]["20"]["right"] == 12
    assert len({row["config"] for row in rows}) == len(RARE)
    assert len(json.loads(output.read_text(encoding="utf8"))["results"]) == len(RARE)


def test_labels_are_put_together_by_how_often_they_occur():
    train = [AnnotatedText(["a"] * 30, [(i, i + 1, "A") for i in range(30)] + [(0, 1, "B")])]
    part = {"p": 1.0, "r": 0.5, "f": 0.5, "right": 1, "wrong": 0, "missed": 2}
    scores = score_by_frequency(train, {"A": part, "B": {**part, "f": 1.0}, "C": part})
    assert {name: own["right"] for name, own in scores["often"].items()} == {"20": 2, "100": 1}
    assert scores["macro"] == pytest.approx(2 / 3)


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
def test_a_corpus_gets_what_was_learned_of_the_others(data, tiny_bert, tmp_path, monkeypatch):
    # Random weights understand no other words. The texts are the same too.
    monkeypatch.setitem(DESCRIPTIONS["gum"], "person", DESCRIPTIONS["wnut17"]["person"])
    output = tmp_path / "transfer.json"
    corpora = [f"{name}:en" for name in CORPORA]
    rows = measure_transfer(
        output,
        data,
        corpora,
        quiet(tiny_bert, passes=20),
        targets=["gum"],
        shots=(0, 2),
        updates=25,
    )
    by_variant = {(row["variant"], row["shots"]): row["all"]["f"] for row in rows}
    assert list(by_variant) == [
        ("scratch", 2),
        *((x, n) for x in ("plain", "low_rank", "descriptions") for n in (0, 2)),
    ]
    assert all(f > 0.5 for (_, n), f in by_variant.items() if n)
    (own,) = [row for row in rows if row["variant"] == "descriptions" and not row["shots"]]
    assert own["best"]["f"] == 1.0
    assert own["unseen_labels"] == []
    assert json.loads(output.read_text(encoding="utf8"))["settings"]["updates"] == 25


def test_labels_are_unseen_if_no_other_corpus_has_their_name():
    part = {"right": 1, "wrong": 0, "missed": 1}
    other = Corpus("b", "en", [], [], {"b/Cell_type": "x"})
    scores = score_unseen({"a/cell-type": part, "a/Other": part}, [other])
    assert scores["unseen_labels"] == ["a/Other"]
    assert scores["unseen"]["right"] == 1


def test_texts_declare_the_labels_of_their_corpus():
    texts = [AnnotatedText(["Ada"], [(0, 1, "A")]), AnnotatedText(["it"], [])]
    corpus = Corpus("a", "en", texts, [], {"A": "x", "only in dev": "y"})
    examples = declare(corpus, texts, Vocab())
    assert [example.reference.spans["sc"].attrs["labels"] for example in examples] == [["A"]] * 2


def test_a_single_corpus_has_nothing_to_transfer(data, tiny_bert, tmp_path):
    with pytest.raises(ValueError, match="a transfer needs two or more corpora, was: gum:en"):
        measure_transfer(tmp_path / "out.json", data, ["gum:en"], quiet(tiny_bert))


@pytest.mark.parametrize("is_transfer", [True, False])
def test_it_runs_from_the_command_line(is_transfer, tmp_path, monkeypatch):
    called = []
    name = "measure_transfer" if is_transfer else "measure_rare"
    monkeypatch.setattr(label_text, name, lambda *args, **rest: called.append((args, rest)))
    app = Typer()
    app.command()(main)
    given = [str(tmp_path / "out.json"), str(tmp_path), "--text-encoder", "bert", "--limit", "5"]
    given += ["--corpus", "gum:en", "--corpus", "wnut17:en", "--seed", "3"]
    given += ["--overrides", '{"training.dropout": 0.2}', *["--transfer"] * is_transfer]
    given += ["--variant", "plain"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    ((args, _),) = called
    assert args[2] == ["gum:en", "wnut17:en"]
    assert args[3].limit == 5
    assert args[3].seeds == [3]
    assert args[3].variants == ["plain"]
    assert args[3].override("plain", []) == {"training.dropout": 0.2}
