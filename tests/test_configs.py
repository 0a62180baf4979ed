"""Every config of the package and of its peers is filled, validated, trained, saved and loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from numpy.testing import assert_allclose
from samples import RESCORER
from spacy.cli.debug_config import debug_config
from spacy.cli.init_config import fill_config
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config, load_model_from_config

import benchmarks.crf  # noqa: F401  (registers bio_crf)
from spacy_globalpointer import (
    Argument,
    Event,
    Relation,
    get_events,
    get_relations,
    set_events,
    set_relations,
)
from spacy_globalpointer.configs import CONFIGS, RELATIONS_OF_NER, find_config

OURS = [find_config(name) for name in CONFIGS]
ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "benchmarks" / "configs", ROOT / "configs")
OTHERS = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.cfg"))}
# That of CRFsuite is no pipeline.
PATHS = [*OURS, *(path for name, path in OTHERS.items() if name != "crfsuite")]
NEEDS = {
    "transformer.cfg": ["spacy_transformers"],
    "hybrid.cfg": ["spacy_transformers"],
    "relations_transformer.cfg": ["spacy_transformers"],
    "events_transformer.cfg": ["spacy_transformers"],
    "ner_transformer.cfg": ["spacy_transformers"],
    "spancat_transformer.cfg": ["spacy_transformers"],
    "curated.cfg": ["spacy_curated_transformers", "transformers"],
}
EXAMPLES = [
    (
        "The University of Tarrow hired Mara Ellin .",
        [(1, 4, "ORG"), (3, 4, "GPE"), (5, 7, "PERSON")],
    ),
    (
        "Mara Ellin left the University of Dunloe .",
        [(0, 2, "PERSON"), (4, 7, "ORG"), (6, 7, "GPE")],
    ),
    ("Nobody was hired .", []),
]

pytestmark = [
    # A head that has learned two steps finds spans nearly everywhere.
    pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning"),
    # spacy-curated-transformers 0.3. From numpy 2.4 it is an error: hence the extra's numpy<2.4.
    pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning"),
]


def make_doc(nlp: spacy.Language, text: str, spans: list[tuple[int, int, str]]) -> Doc:
    doc = nlp.make_doc(text)
    doc.spans["sc"] = [Span(doc, *span) for span in spans]
    doc.ents = spacy.util.filter_spans(doc.spans["sc"])
    of = {span.label_: span for span in doc.spans["sc"]}
    set_relations(doc, [Relation(of["PERSON"], of["ORG"], "works_for")] if of else [])
    set_events(doc, [Event("ORG", of["ORG"], (Argument("who", of["PERSON"]),))] if of else [])
    return doc


@pytest.fixture(scope="module")
def ner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained pipeline whose ner shares an encoder with other components."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    examples = []
    for text, spans in EXAMPLES:
        doc = make_doc(nlp, text, spans)
        examples.append(Example(nlp.make_doc(text), doc))
    spacy.util.fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    directory = tmp_path_factory.mktemp("ner")
    nlp.to_disk(directory)
    return directory


@pytest.fixture(params=PATHS, ids=[path.stem for path in PATHS])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for module in NEEDS.get(request.param.name, []):
        pytest.importorskip(module)
    if request.param == find_config(RELATIONS_OF_NER):
        return name_ner(request.getfixturevalue("ner"), tmp_path)
    return request.param


def name_ner(ner: Path, folder: Path) -> Path:
    """The config on top of a trained pipeline, which names it."""
    config = load_config(find_config(RELATIONS_OF_NER), interpolate=False)
    config["paths"]["ner"] = str(ner)
    path = folder / find_config(RELATIONS_OF_NER).name
    config.to_disk(path)
    return path


@pytest.fixture
def overrides(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Paths to three examples, and for a transformer the tiny one with its sizes."""
    nlp = spacy.blank("en")
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[make_doc(nlp, *example) for example in EXAMPLES]).to_disk(corpus)
    settings: dict[str, Any] = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    if path.name not in NEEDS:
        return settings
    settings["paths.encoder"] = request.getfixturevalue("tiny_bert")
    if path.name == "curated.cfg":
        encoder = json.loads(Path(settings["paths.encoder"], "config.json").read_text())
        model = "components.transformer.model"
        settings[f"{model}.hidden_width"] = encoder["hidden_size"]
        settings[f"{model}.intermediate_width"] = encoder["intermediate_size"]
        for name in ("vocab_size", "num_hidden_layers", "num_attention_heads"):
            settings[f"{model}.{name}"] = encoder[name]
    return settings


def test_fills_and_passes_debug_config(
    path: Path, overrides: dict[str, Any], tmp_path: Path
) -> None:
    filled = tmp_path / "filled.cfg"
    fill_config(filled, path)
    debug_config(filled, overrides=overrides)


def test_names_no_tokenizer(path: Path) -> None:
    """So that --nlp.lang alone chooses the language, tokenizer and all."""
    config = load_config(path, overrides={"nlp.lang": "zh"})
    if path.stem == RELATIONS_OF_NER:  # whose language is that of the trained pipeline
        assert "tokenizer" not in config["nlp"]
        return
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    assert nlp.config["nlp"]["tokenizer"]["@tokenizers"] == "spacy.zh.ChineseTokenizer"


# After two updates, nearly every span is in question.
@pytest.mark.filterwarnings("ignore:.*documents have more spans in question")
def test_trains_saves_and_loads(path: Path, overrides: dict[str, Any], tmp_path: Path) -> None:
    overrides.update({"training.max_steps": 2, "training.eval_frequency": 1})
    nlp = init_nlp(load_config(path, overrides=overrides))
    component: Any = nlp.pipeline[-1][1]
    before = component.model.to_bytes()
    train(nlp)
    assert component.model.to_bytes() != before
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    for text, _ in EXAMPLES:
        expected, doc = nlp(text), loaded(text)
        assert found(doc) == found(expected)
        assert_allclose(scores(doc), scores(expected), rtol=1e-5)


def found(doc: Doc) -> list[tuple[int, int, str]]:
    relations = get_relations(doc) if "relations" in doc.spans else []
    events = get_events(doc) if "events" in doc.spans else []
    spans = [
        *doc.ents,
        *doc.spans.get("sc", []),
        *(s for r in relations for s in (r.head, r.child)),
        *(s for e in events for s in (e.trigger, *(x.span for x in e.arguments))),
    ]
    return [(span.start, span.end, span.label_) for span in spans]


def scores(doc: Doc) -> list[float]:
    groups = (doc.spans[key] for key in ("sc", "relations", "events") if key in doc.spans)
    return [score for group in groups for score in group.attrs.get("scores", [])]


def test_relations_join_the_entities_of_a_ner_that_stays_as_it_is(
    ner: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.spacy"
    docs = [make_doc(spacy.blank("en"), *example) for example in EXAMPLES]
    for doc in docs:
        del doc.spans["sc"]  # only the arguments of the relations are known
    DocBin(docs=docs).to_disk(corpus)
    overrides = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    overrides |= {"training.max_steps": 30, "training.eval_frequency": 30}
    nlp = init_nlp(load_config(name_ner(ner, tmp_path), overrides=overrides))
    train(nlp)
    trained = spacy.load(ner)
    for text, spans in EXAMPLES:
        doc = nlp(text)
        entities = [(entity.text, entity.label_) for entity in doc.ents]
        assert entities == [(entity.text, entity.label_) for entity in trained(text).ents]
        assert len(get_relations(doc)) == (1 if spans else 0)
        assert all(r.head.label_ == "PERSON" for r in get_relations(doc))


@pytest.mark.parametrize(
    ("name", "alone", "added"),
    [
        ("relations", "tok2vec", "relation_pointer"),
        ("relations_transformer", "transformer", "relation_pointer"),
        ("events", "tok2vec", "event_pointer"),
        ("events_transformer", "transformer", "event_pointer"),
    ],
)
def test_spans_that_are_joined_are_learned_as_spans_alone(
    name: str, alone: str, added: str
) -> None:
    """The configs of relations and events differ from those without in what these need."""
    ours, joint = (load_config(find_config(own), interpolate=True) for own in (alone, name))
    assert joint["nlp"].pop("pipeline") == [*ours["nlp"].pop("pipeline"), added]
    head = joint["components"].pop(added)
    assert head["spans"] == joint["components"]["global_pointer"]["spans_key"]
    encoder = joint["components"]["global_pointer"]["model"]["tok2vec"]
    assert head["model"]["tok2vec"] == encoder
    assert joint["training"].pop("annotating_components") == [encoder["upstream"], "global_pointer"]
    for config in (ours, joint):  # each has its reason in the file
        del config["training"]["score_weights"], config["training"]["dropout"]
    assert joint == ours


@pytest.mark.parametrize("suffix", ["", "_transformer"])
def test_events_are_learned_as_relations_are(suffix: str) -> None:
    names = f"relations{suffix}", f"events{suffix}"
    relations, events = (load_config(find_config(name), interpolate=True) for name in names)
    head = relations["components"].pop("relation_pointer")
    own = events["components"].pop("event_pointer")
    for setting in ("factory", "relations_key", "symmetric"):
        del head[setting]
    for setting in ("factory", "events_key", "trigger"):
        del own[setting]
    assert own == head
    for config in (relations, events):
        del config["nlp"]["pipeline"], config["training"]["score_weights"]
    assert events == relations


def test_relations_are_learned_alike_on_top_of_ner() -> None:
    names = "relations", RELATIONS_OF_NER
    joint, ours = (load_config(find_config(name), interpolate=True) for name in names)
    head, own = (config["components"]["relation_pointer"] for config in (joint, ours))
    encoder = joint["components"]["tok2vec"]["model"]
    assert own["model"].pop("tok2vec") == encoder
    del head["model"]["tok2vec"], head["spans"], own["spans"]
    assert own == head


# The config that others are compared with.
PLAIN = OTHERS["global_pointer_plain"]
# Peer -> the config of ours, and its components besides the encoder.
PEERS = {
    "crf": (PLAIN, ["crf"]),
    "global_pointer_gp": (PLAIN, ["global_pointer"]),
    "global_pointer_no_rope": (PLAIN, ["global_pointer"]),
    "global_pointer_rescorer": (PLAIN, ["global_pointer"]),
    "ner": (PLAIN, ["ner"]),
    "ner_transformer": (find_config("transformer"), ["ner"]),
    "span_finder": (PLAIN, ["span_finder", "spancat"]),
    "spancat": (PLAIN, ["spancat"]),
    "spancat_transformer": (find_config("transformer"), ["spancat"]),
}


def test_every_config_of_the_package_is_known() -> None:
    assert set(OURS) == set(OURS[0].parent.glob("*.cfg"))
    with pytest.raises(ValueError, match=r"a config must be one of tok2vec, .*, was: 'bert'"):
        find_config("bert")


def test_every_peer_is_known() -> None:
    assert set(OTHERS) - {"crfsuite", "global_pointer_plain"} == set(PEERS)


@pytest.mark.parametrize("peer", PEERS)
def test_peers_differ_in_the_component_alone(peer: str) -> None:
    path, components = PEERS[peer]
    ours, theirs = map(load_config, (path, OTHERS[peer]))
    encoder = ours["nlp"]["pipeline"][0]
    assert theirs["nlp"].pop("pipeline") == [encoder, *components]
    for name in components:
        del theirs["components"][name]
    del ours["nlp"]["pipeline"], ours["components"]["global_pointer"]
    # A suggester reads what the components before it have written.
    annotating = [encoder, *components[:-1]] if len(components) > 1 else None
    assert theirs["training"].pop("annotating_components", None) == annotating
    for config in (ours, theirs):
        # spans_* and ents_*: what the component under test is scored by.
        del config["training"]["score_weights"]
    assert ours == theirs


@pytest.mark.parametrize(
    ("peer", "key", "value"),
    [
        ("global_pointer_gp", "@architectures", "spacy_globalpointer.GlobalPointer.v1"),
        ("global_pointer_no_rope", "rope", False),
        ("global_pointer_rescorer", "rescorer", RESCORER),
    ],
)
def test_variants_of_ours_differ_in_one_setting(peer: str, key: str, value: object) -> None:
    ours, theirs = map(load_config, (PLAIN, OTHERS[peer]))
    ours["components"]["global_pointer"]["model"][key] = value
    assert ours == theirs


def test_the_default_has_affixes_and_a_second_look() -> None:
    default, theirs = map(load_config, (find_config("tok2vec"), OTHERS["global_pointer_rescorer"]))
    embed = default["components"]["tok2vec"]["model"]["embed"]
    assert embed.pop("affix_lengths")
    assert embed.pop("affix_rows")
    embed["@architectures"] = "spacy.MultiHashEmbed.v2"
    assert default == theirs
