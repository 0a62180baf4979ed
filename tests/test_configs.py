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
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config, load_model_from_config

import benchmarks.crf  # noqa: F401  (registers bio_crf)
from spacy_globalpointer.configs import ENCODERS, find_config

OURS = [find_config(encoder) for encoder in ENCODERS]
ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "benchmarks" / "configs", ROOT / "configs")
OTHERS = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.cfg"))}
# That of CRFsuite is no pipeline.
PATHS = [*OURS, *(path for name, path in OTHERS.items() if name != "crfsuite")]
NEEDS = {
    "transformer.cfg": ["spacy_transformers"],
    "hybrid.cfg": ["spacy_transformers"],
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
    return doc


@pytest.fixture(params=PATHS, ids=[path.stem for path in PATHS])
def path(request: pytest.FixtureRequest) -> Path:
    for module in NEEDS.get(request.param.name, []):
        pytest.importorskip(module)
    return request.param


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
    spans = [*doc.ents, *doc.spans.get("sc", [])]
    return [(span.start, span.end, span.label_) for span in spans]


def scores(doc: Doc) -> list[float]:
    return doc.spans["sc"].attrs.get("scores", []) if "sc" in doc.spans else []


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
    with pytest.raises(
        ValueError, match="encoder must be one of tok2vec, transformer, hybrid, curated"
    ):
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
