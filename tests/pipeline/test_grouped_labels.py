"""The component with labels that share an extractor: learning, saving, new labels, bad input."""

import pytest
import spacy
from samples import OWN, RESCORER, SENTENCES, found, make_example, make_examples, train
from spacy.util import fix_random_seed
from thinc.api import Optimizer

HEAD = "components.global_pointer.model"
# The gold spans of the samples under finer names: groups of two labels and of one.
FINE = {"ORG": "ORG-bank", "GPE": "GPE", "PERSON": "ORG-person"}
TABLE = [["org", ["ORG-bank", "ORG-person"]], ["gpe", ["GPE"]]]
FINE_SENTENCES = [(text, [(span, FINE[x]) for span, x in spans]) for text, spans in SENTENCES]
TEXTS = [text for text, _ in SENTENCES]


def _examples(nlp):
    return [make_example(nlp, text, spans) for text, spans in FINE_SENTENCES]


def _make(groups="-", model=None, **settings):
    nlp = spacy.blank("en")
    head = {"head_size": 16, "tok2vec": OWN, "groups": groups, **(model or {})}
    nlp.add_pipe("global_pointer", config={**settings, "model": head})
    return nlp


def _trained(*arguments, steps=60, **settings):
    fix_random_seed(0)
    nlp = _make(*arguments, **settings)
    train(nlp, _examples(nlp), steps=steps)
    return nlp


def _scores(nlp):
    """The scores of the labels that were learned first."""
    docs = list(nlp.pipe(TEXTS))
    both = [zip(found(doc), doc.spans["sc"].attrs["scores"].tolist(), strict=True) for doc in docs]
    return [{span: score for span, score in pairs if span[1] in FINE.values()} for pairs in both]


def _assert_same(one, other):
    assert [list(spans) for spans in one] == [list(spans) for spans in other]
    for mine, theirs in zip(one, other, strict=True):
        assert list(mine.values()) == pytest.approx(list(theirs.values()), abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"groups": TABLE},
        {"model": {"common_extractor": True}},
        {"model": {"rescorer": RESCORER}},
        {"max_length": 6, "label_thresholds": [["ORG-bank", 0.4]]},
    ],
    ids=str,
)
def test_it_learns_and_a_saved_pipeline_finds_the_same(settings, tmp_path):
    nlp = _trained(**settings)
    for text, spans in FINE_SENTENCES:
        assert sorted(found(nlp(text))) == sorted(spans)
    assert nlp.get_pipe("global_pointer").model.attrs["layout"].group == [0, 1, 1]
    nlp.to_disk(tmp_path)
    _assert_same(_scores(spacy.load(tmp_path)), _scores(nlp))
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    _assert_same(_scores(again), _scores(nlp))


def test_worker_processes_find_the_same():
    nlp = _trained(steps=20)
    docs = list(nlp.pipe(TEXTS * 2, n_process=2, batch_size=2))
    assert [found(doc) for doc in docs] == [list(spans) for spans in _scores(nlp)] * 2


@pytest.mark.parametrize(("label", "rescorer"), [("ORG-club", RESCORER), ("DATE", None)])
def test_a_new_label_joins_its_group_or_makes_one_and_can_be_learned(label, rescorer):
    nlp = _trained(model={"rescorer": rescorer})
    before, pipe = _scores(nlp), nlp.get_pipe("global_pointer")
    optimizer = nlp.resume_training(sgd=Optimizer(0.005))
    assert pipe.add_label(label) == 1
    assert pipe.model.attrs["layout"].group == [0, 1, 1, 1 if label == "ORG-club" else 2]
    _assert_same(_scores(nlp), before)
    gold = [[(span, label) for span, _ in spans] for _, spans in FINE_SENTENCES]
    new = [make_example(nlp, text, own) for text, own in zip(TEXTS, gold, strict=True)]
    known = _examples(nlp)
    for _ in range(60):
        nlp.update(new, sgd=optimizer)
        pipe.rehearse(known, sgd=optimizer)
    for text, spans in FINE_SENTENCES:
        assert set(found(nlp(text))) >= {(span, label) for span, _ in spans}


def test_a_table_takes_a_new_label_when_it_names_it(tmp_path):
    nlp = _trained(TABLE)
    before, pipe = _scores(nlp), nlp.get_pipe("global_pointer")
    with pytest.raises(ValueError, match=r"none for: 'DATE'.*spacy.load\(path, config="):
        pipe.add_label("DATE")
    assert "DATE" not in pipe.labels
    _assert_same(_scores(nlp), before)
    nlp.to_disk(tmp_path)
    wider = [["org", ["ORG-bank", "ORG-person", "ORG-club"]], TABLE[1], ["date", ["DATE"]]]
    loaded = spacy.load(tmp_path, config={f"{HEAD}.groups": wider})
    for label in ("DATE", "ORG-club"):
        assert loaded.get_pipe("global_pointer").add_label(label) == 1
    assert loaded.get_pipe("global_pointer").model.attrs["layout"].group == [0, 1, 1, 2, 1]
    _assert_same(_scores(loaded), before)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "and its groups of labels, if any"),
        ([["all", list(FINE.values())]], "must have the sizes|must put its labels into the groups"),
        ([["a", ["GPE", "ORG-bank"]], ["b", ["ORG-person"]]], "must put its labels into the group"),
        (TABLE[:1], "names none for: 'GPE'"),
    ],
)
def test_other_groups_than_those_of_the_training_are_an_error(groups, message, tmp_path):
    nlp = _trained(steps=1)
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match=message):
        spacy.load(tmp_path, config={f"{HEAD}.groups": groups})


def test_labels_with_dollars_survive_the_config(tmp_path):
    nlp = _make([["money", ["US$", "HK$"]], ["other", ["ORG"]]])
    spans = {"GPE": "US$", "PERSON": "HK$", "ORG": "ORG"}
    gold = [(text, [(span, spans[x]) for span, x in own]) for text, own in SENTENCES]
    train(nlp, [make_example(nlp, text, own) for text, own in gold], steps=60)
    for folder in (tmp_path / "one", tmp_path / "two"):
        nlp.to_disk(folder)
        nlp = spacy.load(folder)
    assert sorted(found(nlp(TEXTS[0]))) == sorted(gold[0][1])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (TABLE[:1], r"'global_pointer': groups must put each label .* names none for: GPE. To fix"),
        ([*TABLE, ["x", ["DATE"]]], "'global_pointer': groups must name labels .* names: DATE"),
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_a_table_must_name_the_labels_of_the_component(groups, message, given):
    nlp = _make(groups)
    if given:
        for label in FINE.values():
            nlp.get_pipe("global_pointer").add_label(label)
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: _examples(nlp))


@pytest.mark.parametrize("groups", ["", 5, [["A", ["B"]], ["C", ["B"]]], [["A", []]], [["A", "B"]]])
def test_bad_groups_are_errors_when_the_component_is_built(groups):
    with pytest.raises(ValueError, match="groups"):
        _make(groups)


def test_only_efficient_global_pointer_has_groups():
    with pytest.raises(ValueError, match="groups"):
        _make(model={"@architectures": "spacy_globalpointer.GlobalPointer.v1"})


def test_without_groups_the_pipeline_is_what_it_was():
    """A separator that no label has gives each label an extractor; null gives one to all."""
    nlp = _make(None)
    train(nlp, make_examples(nlp), steps=1)
    layout = nlp.get_pipe("global_pointer").model.attrs["layout"]
    assert (layout.group, layout.n_groups, layout.n_extractors) == (None, 1, 1)
