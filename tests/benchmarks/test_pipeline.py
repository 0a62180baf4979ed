"""The benchmark of whole pipelines."""

import json

import pytest

from benchmarks.measure import extra_memory
from benchmarks.pipeline import SYSTEMS, Trainer, measure_pipelines, prepare_prediction
from benchmarks.text import STYLES, generate

DOCS = generate(STYLES["genia"], 12, seed=0)


def test_report(tmp_path):
    path = tmp_path / "pipeline.json"
    measure_pipelines(path, documents=6, repeats=1, memory=False, log=lambda line: None)
    results = json.loads(path.read_text(encoding="utf8"))["results"]
    assert [(r["corpus"], r["system"]) for r in results] == [
        (corpus, system) for corpus in STYLES for system in SYSTEMS
    ]
    assert all(r["train"]["median"] > 0 and r["predict"]["median"] > 0 for r in results)
    assert {r["labels"] for r in results} <= set(range(1, 11))


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_writes_what_it_is_compared_for(system):
    trainer = Trainer(system, DOCS, seed=0)
    for _ in range(3):
        trainer.prepare_training()()
    docs = list(trainer.nlp.pipe([doc.make_doc(trainer.nlp.vocab) for doc in DOCS]))
    if system in ("ner", "crf"):
        assert all(doc.has_annotation("ENT_IOB") for doc in docs)
    elif system != "encoder":
        assert all("sc" in doc.spans for doc in docs)
    assert all(doc.tensor.shape == (len(doc), 96) for doc in docs)


def test_all_systems_have_the_same_encoder_at_the_start():
    words = [
        [layer.name for layer in Trainer(s, DOCS, 0).nlp.get_pipe("tok2vec").model.walk()]
        for s in ("global_pointer_plain", "crf", "encoder")
    ]
    assert words[0] == words[1] == words[2]


def test_memory_is_measured_in_a_process_of_its_own():
    assert extra_memory(prepare_prediction, "global_pointer", DOCS, 0) > 0
