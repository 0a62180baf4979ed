"""What debug counts must be what the real transformer does."""

import json
import shutil
from types import SimpleNamespace

import numpy
import pytest
import spacy
from samples import encoder_settings, make_nlp
from spacy.tokens import DocBin, Span
from spacy.util import load_config
from thinc.api import Config

from spacy_globalpointer.commands.debug.encoder import (
    CUT_OFF,
    NO_PIECE,
    NO_WINDOW,
    EncoderStatistics,
    find_encoder,
)
from spacy_globalpointer.commands.debug.survey import debug_config
from spacy_globalpointer.configs import find_config

pytest.importorskip("spacy_transformers")

CONFIG = find_config("transformer")
STRIDED = "spacy-transformers.strided_spans.v1"
DOCS = "spacy-transformers.doc_spans.v1"
# Every letter is a piece of the tiny BERT.
TEXTS = [
    "a " * 40,
    "abcdefghijklmnopqrstuvwxyz " * 6 + "\n\n end",
    "a \u200b b\u200d \ufe0f c \u00ad d",
    f"short {'x' * 70} after it , and more of it",
    "one",
    "",
    " \n ",
]


@pytest.fixture(scope="module")
def small_bert(tiny_bert, tmp_path_factory):
    """The tiny BERT, whose tokenizer cuts off what exceeds 32 pieces."""
    return change_tokenizer(tiny_bert, tmp_path_factory.mktemp("small"), 32)


def change_tokenizer(source, target, model_max_length):
    directory = shutil.copytree(source, target / "bert")
    path = directory / "tokenizer_config.json"
    settings = {**json.loads(path.read_text()), "model_max_length": model_max_length}
    path.write_text(json.dumps(settings))
    return str(directory)


def make_pipeline(directory, get_spans, use_fast=True):
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": directory,
        "tokenizer_config": {"use_fast": use_fast},
        "get_spans": get_spans,
    }
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "upstream": "*",
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    return make_nlp(upstream=("transformer", {"model": model}), encoder=listener)


def zero_vectors(nlp, doc):
    """Tokens to which the real transformer gives no vector, white space apart."""
    listener = nlp.get_pipe("global_pointer").model.get_ref("tok2vec")
    (rows,) = listener.predict([nlp.get_pipe("transformer")(doc)])
    # spacy-transformers gives no rows at all for texts without a token that has a vector.
    rows = rows if len(rows) else numpy.zeros((len(doc), 1))
    places = numpy.flatnonzero(~rows.any(1)).tolist()
    assert len(rows) == len(doc)
    return {i for i in places if not doc[i].is_space}


@pytest.mark.parametrize("use_fast", [True, False])
@pytest.mark.parametrize(
    "get_spans",
    [
        {"@span_getters": STRIDED, "window": 128, "stride": 96},
        {"@span_getters": STRIDED, "window": 8, "stride": 6},
        {"@span_getters": DOCS},
    ],
)
def test_the_count_is_what_the_transformer_does(small_bert, get_spans, use_fast):
    nlp = make_pipeline(small_bert, get_spans, use_fast)
    encoder = find_encoder(nlp, "global_pointer")
    counted = [encoder.count(nlp.make_doc(text)) for text in TEXTS]
    assert encoder.problem == ""
    nlp.get_pipe("global_pointer").add_label("X")
    nlp.initialize()
    # Of the whole pipeline, which has its weights now, as of that without.
    again = find_encoder(nlp, "global_pointer")
    for text, counts in zip(TEXTS, counted, strict=True):
        doc = nlp.make_doc(text)
        assert again.count(doc) == counts
        if text:
            assert set(counts.lost) == zero_vectors(nlp, doc), text
        else:
            assert counts is None


def test_the_causes_are_told_apart(small_bert):
    nlp = make_pipeline(small_bert, {"@span_getters": STRIDED, "window": 3, "stride": 5})
    statistics = EncoderStatistics(find_encoder(nlp, "global_pointer"))
    words = ["a", "\u200b", "b", "c", "d", "x" * 40, "e"]
    doc = spacy.tokens.Doc(nlp.vocab, words=words)
    pieces = statistics.encoder.count(doc)
    assert pieces.lost == {1: NO_PIECE, 3: NO_WINDOW, 4: NO_WINDOW, 6: CUT_OFF}
    assert pieces.longest == 43
    statistics.add(doc, ())
    assert (statistics.n_tokens, statistics.words) == (7, ["\u200b"])


def write(path, texts):
    """Documents with a span on each word that begins with a capital, to the next full stop."""
    nlp = spacy.blank("en")
    docs = []
    for text in texts:
        doc = nlp.make_doc(text)
        ends = [t.i for t in doc if t.text == "."]
        doc.spans["sc"] = [
            Span(doc, t.i, next((end for end in ends if end > t.i), t.i + 1), "X")
            for t in doc
            if t.text[:1].isupper()
        ]
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return str(path)


def run_debug(tmp_path, encoder, train, dev=("One word",), path=CONFIG, **settings):
    overrides = {
        "paths.encoder": encoder,
        "paths.train": write(tmp_path / "train.spacy", train),
        "paths.dev": write(tmp_path / "dev.spacy", dev),
        **{f"components.transformer.model.{name}": value for name, value in settings.items()},
    }
    return debug_config(str(path), overrides, low=1)


def found(survey, part):
    return [finding for finding in survey.all_findings() if part in finding.text]


def paste(advice, target, path=CONFIG):
    config = load_config(path, interpolate=False)
    section = config
    for name in advice.section.split("."):
        section = section.setdefault(name, {})
    section.update({k: json.loads(v) for k, v in (line.split(" = ", 1) for line in advice.lines)})
    config.to_disk(target)
    return target


def test_debug_names_a_window_that_fits(small_bert, tmp_path):
    train = ["Abcdefg hijk " * 10, "Short text"]
    survey = run_debug(tmp_path, small_bert, train)
    (finding,) = found(survey, "get no vector")
    assert (finding.level, finding.topic) == ("warning", "tokens")
    assert finding.text == (
        "14 of 22 tokens of train get no vector, and 7 of 11 gold spans start or end on one: "
        "these are never learned or found. 14 are cut off, for a window has up to 112 word "
        "pieces, and the transformer takes 32. Windows of 5 tokens fit."
    )
    assert finding.advice.section == "components.transformer.model.get_spans"
    assert finding.advice.lines == (f'@span_getters = "{STRIDED}"', "window = 5", "stride = 3")
    (good,) = found(survey, "Every token of dev gets a vector: no window has more than 9")
    assert good.level == "good"
    counts = survey.to_dict()["splits"]["train"]["pieces"]["sc"]
    assert counts["tokens_without_vector"] == {NO_PIECE: 0, CUT_OFF: 14, NO_WINDOW: 0}
    assert (counts["spans_without_vector"], counts["longest_window"]) == (7, 112)
    pasted = paste(finding.advice, tmp_path / "pasted.cfg")
    survey = run_debug(tmp_path, small_bert, train, path=pasted)
    assert [f.level for f in found(survey, "gets a vector")] == ["good", "good"]
    assert not found(survey, "get no vector")


@pytest.mark.parametrize(("other", "is_cut_off"), [("in one", False), ("x" * 40 + " y", True)])
def test_wider_windows_are_no_cure_where_windows_are_cut_off(
    small_bert, tmp_path, other, is_cut_off
):
    windows = {"get_spans.window": 2, "get_spans.stride": 2}
    survey = run_debug(tmp_path, small_bert, ["one Two three .", other], **windows)
    (finding,) = found(survey, "1 of 1 spans of train do not fit in one window")
    assert finding.text.endswith(": raise window and stride") != is_cut_off


def test_debug_counts_documents_that_are_one_window(small_bert, tmp_path):
    config = load_config(CONFIG, interpolate=False)
    config["components"]["transformer"]["model"]["get_spans"] = {"@span_getters": DOCS}
    config.to_disk(tmp_path / "docs.cfg")
    train = ["Abcdefg hijk " * 10]
    survey = run_debug(tmp_path, small_bert, train, path=tmp_path / "docs.cfg")
    (finding,) = found(survey, "14 of 20 tokens of train get no vector")
    pasted = paste(finding.advice, tmp_path / "pasted.cfg", tmp_path / "docs.cfg")
    assert not found(run_debug(tmp_path, small_bert, train, path=pasted), "get no vector")


def test_text_that_is_no_words_does_not_make_the_windows_short(small_bert, tmp_path):
    survey = run_debug(tmp_path, small_bert, [f"Ab {'x' * 70} Cd"])
    (finding,) = found(survey, "get no vector")
    assert "No window fits words of more than 16 pieces, such as base64" in finding.text
    assert finding.advice is None
    survey = run_debug(tmp_path, small_bert, [f"Ab {'x' * 70} Cd", "Abcdefg hijk " * 10])
    assert "Windows of 5 tokens fit" in found(survey, "get no vector")[0].text
    survey = run_debug(tmp_path, small_bert, ["Abcdefg hijk " * 10], [f"Ab {'x' * 70} Cd"])
    train, dev = found(survey, "get no vector")
    assert ("Windows of 5" in train.text, "No window fits" in dev.text) == (True, True)


def test_no_gold_span_that_is_seen_is_an_error(small_bert, tmp_path):
    survey = run_debug(tmp_path, small_bert, ["abcdefg hijk " * 10 + "Ab"])
    (finding,) = found(survey, "1 of 1 gold spans start or end on one")
    assert finding.level == "error"


def test_beside_word_features_spans_on_words_that_are_cut_off_can_be_learned(small_bert, tmp_path):
    train = ["abcdefg hijk " * 10 + "Ab"]
    survey = run_debug(tmp_path, small_bert, train, path=find_config("hybrid"))
    (finding,) = found(survey, "get no vector from the transformer")
    assert finding.level == "warning"
    assert "1 of 1 gold spans start or end on one, without its context." in finding.text


@pytest.mark.parametrize(
    ("is_gold", "level", "gold", "repair"),
    [
        (False, "info", "no gold span starts or ends on one.", "."),
        (
            True,
            "warning",
            "1 of 2 gold spans start or end on one: these are never learned or found.",
            ": take such characters out of the texts, or of the spans.",
        ),
    ],
)
def test_characters_without_a_piece(tiny_bert, tmp_path, is_gold, level, gold, repair):
    nlp = spacy.blank("en")
    write(tmp_path / "dev.spacy", ["A"])
    doc = nlp.make_doc("A \u200b \ufe0f b")
    doc.spans["sc"] = [Span(doc, 0, 1, "X"), Span(doc, *((1, 4) if is_gold else (3, 4)), "X")]
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    overrides = {"paths.encoder": tiny_bert}
    overrides |= {f"paths.{name}": str(tmp_path / f"{name}.spacy") for name in ("train", "dev")}
    survey = debug_config(str(CONFIG), overrides, low=1)
    (finding,) = found(survey, "get no vector")
    assert finding.level == level
    assert finding.text == (
        f"2 of 4 tokens of train get no vector, and {gold} 2 have no word piece, such as "
        f"'\\u200b', '\\ufe0f'{repair}"
    )
    assert finding.advice is None


def test_a_tokenizer_that_cuts_nothing_off(tiny_bert, tmp_path):
    encoder = change_tokenizer(tiny_bert, tmp_path, 10**30)
    train = ["Abcdefgh ijkl " * 50]
    survey = run_debug(tmp_path, encoder, train)
    (finding,) = found(survey, "max_position_embeddings")
    assert finding.level == "warning"
    assert "A window has 602 word pieces, the transformer has 512 positions" in finding.text
    assert finding.advice.lines == (
        'tokenizer_config = {"use_fast": true, "model_max_length": 512}',
    )
    pasted = paste(finding.advice, tmp_path / "pasted.cfg")
    survey = run_debug(tmp_path, encoder, train, path=pasted)
    assert not found(survey, "max_position_embeddings")
    assert found(survey, "get no vector")


def test_a_tokenizer_that_cannot_be_loaded_leaves_the_tokens(tmp_path):
    survey = run_debug(tmp_path, str(tmp_path / "nowhere"), ["A b"])
    (finding,) = found(survey, "are not counted")
    assert finding.level == "info"
    assert "nowhere" in finding.text
    assert len(finding.text) < 400


def test_a_name_is_loaded_from_the_hub_only_where_this_machine_does_not_have_it(
    tiny_bert, tmp_path, monkeypatch
):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(huggingface_hub, "model_info", lambda name, timeout: asked.append(name))
    assert found(run_debug(tmp_path, tiny_bert, ["A b"]), "gets a vector")
    assert asked == []
    survey = run_debug(tmp_path, "nobody/nothing", ["A b"])
    assert found(survey, "are not counted for the transformer 'nobody/nothing'. OSError: ")
    assert asked == ["nobody/nothing"]
    assert not found(survey, "get no vector")
    assert not [f for f in survey.all_findings() if f.level == "error"]


def test_windows_that_want_sentences_are_left_out(tiny_bert, tmp_path):
    config = load_config(CONFIG, interpolate=False)
    getter = {"@span_getters": "spacy-transformers.sent_spans.v1"}
    config["components"]["transformer"]["model"]["get_spans"] = getter
    config.to_disk(tmp_path / "sents.cfg")
    survey = run_debug(tmp_path, tiny_bert, ["A b"], path=tmp_path / "sents.cfg")
    (finding,) = found(survey, "are not counted")
    assert (finding.level, "[E030]" in finding.text) == ("info", True)


def test_an_encoder_of_its_own_is_counted(small_bert):
    nlp = make_nlp(
        encoder={
            "@architectures": "spacy-transformers.Tok2VecTransformer.v3",
            "name": small_bert,
            "get_spans": {"@span_getters": STRIDED, "window": 128, "stride": 96},
            "tokenizer_config": {"use_fast": True},
            "pooling": {"@layers": "reduce_mean.v1"},
        }
    )
    encoder = find_encoder(nlp, "global_pointer")
    assert encoder.section == "components.global_pointer.model.tok2vec"
    assert encoder.window == (128, 96, "tokens")
    doc = nlp.make_doc("Abcdefg hijk " * 10)
    nlp.get_pipe("global_pointer").add_label("X")
    nlp.initialize()
    (rows,) = nlp.get_pipe("global_pointer").model.get_ref("tok2vec").predict([doc])
    assert numpy.flatnonzero(~rows.any(1)).tolist() == list(encoder.count(doc).lost)


def test_an_encoder_that_the_component_does_not_listen_to_is_left_out(tiny_bert):
    assert find_encoder(make_nlp(), "global_pointer") is None
    upstream = encoder_settings("transformer", tiny_bert)["upstream"]
    assert find_encoder(make_nlp(upstream=upstream), "global_pointer") is None


@pytest.mark.parametrize(
    ("get_spans", "window"),
    [
        ({"@span_getters": STRIDED, "window": 64, "stride": 48}, (64, 48, "tokens")),
        ({"@span_getters": DOCS}, None),
    ],
)
def test_the_window_is_that_of_the_encoder(tiny_bert, get_spans, window):
    nlp = make_pipeline(tiny_bert, get_spans)
    encoder = find_encoder(nlp, "global_pointer")
    assert (encoder.window, encoder.section) == (window, "components.transformer.model")
    assert find_encoder(nlp, "global_pointer", ["transformer"]).section == ""


@pytest.mark.parametrize(("settings", "width"), [({"window": 32}, 32), ({}, 128)])
def test_windows_of_pieces_are_found(settings, width):
    """With what spacy-curated-transformers says of itself, as it may not be installed."""
    with_spans = {"@architectures": "spacy-curated-transformers.WithStridedSpans.v1", **settings}
    components = {"bert": {"model": {"with_spans": with_spans}}, "global_pointer": {}}
    bert = SimpleNamespace(listening_components=["global_pointer"])
    config = Config({"components": components})
    nlp = SimpleNamespace(config=config, pipeline=[("bert", bert), ("global_pointer", None)])
    encoder = find_encoder(nlp, "global_pointer")
    assert (encoder.window, encoder.model) == ((width, 96, "pieces"), None)
    assert encoder.count(spacy.blank("en")("a b")) is None


def test_windows_of_a_curated_transformer_are_found(tiny_bert):
    nlp = make_nlp(**encoder_settings("curated", tiny_bert))
    assert find_encoder(nlp, "global_pointer").window.unit == "pieces"
