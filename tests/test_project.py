"""The sample corpus, the script that makes it, and project.yml."""

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner
from weasel.schemas import ProjectConfigSchema, validate
from weasel.util import load_project_config

ROOT = Path(__file__).parent.parent
LANGS = ["en", "zh"]


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


grow_corpus, count_corpus = load_script("grow_corpus"), load_script("count_corpus")


def test_pictures_lose_the_empty_space_around_them(tmp_path: Path) -> None:
    """The rest of what draws the README's pictures needs Chromium and the trained project."""
    images = pytest.importorskip("PIL.Image")
    draw_pictures = load_script("draw_pictures")
    image = images.new("RGB", (400, 300), "#ffffff")
    image.paste("#aa0000", (100, 80, 150, 90))
    image.save(tmp_path / "shot.png")
    (tmp_path / "small.png").write_bytes(draw_pictures.shrink(tmp_path / "shot.png"))
    with images.open(tmp_path / "small.png") as small:
        assert small.size == (50 + 2 * draw_pictures.MARGIN, 10 + 2 * draw_pictures.MARGIN)
        place = draw_pictures.MARGIN, draw_pictures.MARGIN
        assert small.convert("RGB").getpixel(place) == (0xAA, 0, 0)


@pytest.fixture(params=LANGS)
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def source(lang: str) -> dict[str, Any]:
    return srsly.read_yaml(ROOT / "assets" / "sample" / f"{lang}.yml")


@pytest.fixture
def corpus(source: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return grow_corpus.grow_splits(source, {"train": 300, "dev": 50, "test": 300}, seed=0)


@pytest.mark.parametrize(
    ("marked", "text", "spans"),
    [
        ("no mark", "no mark", []),
        ("at <A>b <B>c</B></A>.", "at b c.", [(3, 6, "A"), (5, 6, "B")]),
        ("<A>b <A>c</A> d</A>", "b c d", [(0, 5, "A"), (2, 3, "A")]),
        ("<A>b <B>c</A> d</B>", "b c d", [(0, 3, "A"), (2, 5, "B")]),
        ("<A><B>b</B></A>", "b", [(0, 1, "A"), (0, 1, "B")]),
        ("<A><B><A>b</B> c</A>, d</A>", "b c, d", [(0, 6, "A"), (0, 3, "A"), (0, 1, "B")]),
    ],
    ids=["none", "nested", "same label", "crossing", "doubled", "both"],
)
def test_marks_become_spans(marked: str, text: str, spans: list[tuple[int, int, str]]) -> None:
    assert grow_corpus.parse_marks(marked) == (text, spans, {})


@pytest.mark.parametrize("marked", ["<A>b", "b</A>", "<A>b</B>", "<A>b</A></A>"])
def test_a_mark_without_partner_is_an_error(marked: str) -> None:
    with pytest.raises(ValueError, match="partner"):
        grow_corpus.parse_marks(marked)


def test_spans_with_names_are_joined() -> None:
    choices = {"org": ["the <ORG>Bank of <GPE>Ulm</GPE></ORG>"], "name": ["<PER>Ada</PER>"]}
    states = "{name:a} founded {org:b} in <GPE:c>Rome</GPE>. | a founded b; b based_in c"
    grammar = grow_corpus.Grammar([states], choices, states="relations")
    (record,) = grow_corpus.grow(grammar, 1, random.Random(0))
    words = [record["text"][span["start"] : span["end"]] for span in record["spans"]]
    assert words == ["Ada", "Bank of Ulm", "Ulm", "Rome"]
    assert record["relations"] == [
        {"head": 0, "child": 1, "label": "founded"},
        {"head": 1, "child": 3, "label": "based_in"},
    ]


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("{name:a} left. | a left b", "a relation must be .* was: 'a left b', where .*'a'"),
        ("{name:a} left. | a left", "a relation must be .* was: 'a left'"),
        ("{town:a} is far.", "a slot with a name must hold a span .* was: a of 'Ulm'"),
        ("{both:a} left.", "a slot with a name must hold a span .* was: a of '<PER:b>"),
    ],
)
def test_relations_of_unknown_spans_are_an_error(sentence: str, message: str) -> None:
    choices = {"name": ["<PER>Ada</PER>"], "town": ["Ulm"], "both": ["{name:b}"]}
    grammar = grow_corpus.Grammar([sentence], choices, states="relations")
    with pytest.raises(ValueError, match=message):
        grow_corpus.grow(grammar, 1, random.Random(0))


def test_sentences_that_would_be_ignored_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "relations.yml").write_text("sentence: a\nunseen: b\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"must have sentences and unseen, .* was: .*'sentence'"):
        grow_corpus.read_source(ROOT / "assets" / "sample" / "en.yml", tmp_path / "relations.yml")


def test_the_same_seed_gives_these_sentences() -> None:
    """Written out, because every version of Python should agree."""
    choices = {"a": ["one", "two", "{b} three"], "b": ["four", "five", "six"]}
    grammar = grow_corpus.Grammar(["{a} and {a}", "<X>{b}</X>, {b}"], choices)
    records = grow_corpus.grow(grammar, 4, random.Random("1 train"))
    texts = [record["text"] for record in records]
    assert texts == ["Five three and two", "Six, five", "Five, six", "Two and six three"]


def test_the_hash_seed_does_not_matter(tmp_path: Path) -> None:
    outputs = []
    for seed in ("1", "2"):
        script = [sys.executable, "scripts/grow_corpus.py", "assets/sample/en.yml"]
        sizes = ["--train", "20", "--dev", "5", "--test", "20"]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([*script, str(tmp_path / seed), *sizes], cwd=ROOT, env=env, check=True)
        outputs.append([path.read_bytes() for path in sorted((tmp_path / seed).iterdir())])
    assert len(outputs[0]) == 3
    assert outputs[0] == outputs[1]


def test_another_seed_gives_another_corpus(source: dict[str, Any]) -> None:
    first, second = (grow_corpus.grow_splits(source, {"dev": 20}, seed) for seed in (0, 1))
    assert first != second


def test_too_few_sentences_are_an_error() -> None:
    with pytest.raises(ValueError, match="wanted: 2"):
        grow_corpus.grow(grow_corpus.Grammar(["Just this."], {}), 2, random.Random(0))


def test_splits_share_no_name_and_no_text(
    source: dict[str, Any], corpus: dict[str, list[dict[str, Any]]]
) -> None:
    grow_corpus.check_names(source)
    assert not set(source["sentences"].splitlines()) & set(source["unseen"].splitlines())
    entities = {
        split: {
            record["text"][span["start"] : span["end"]]
            for record in records
            for span in record["spans"]
            if span["label"] in ("GPE", "WORK")
        }
        for split, records in corpus.items()
    }
    assert not entities["train"] & entities["test"]
    assert not entities["train"] & entities["dev"]


def test_a_name_in_two_splits_is_an_error() -> None:
    names = {"city": {"train": ["Tarrow"], "dev": [], "test": []}}
    names["family"] = {"train": [], "dev": [], "test": ["Tarrow"]}
    with pytest.raises(ValueError, match="Tarrow"):
        grow_corpus.check_names({"names": names})


def test_offsets_meet_token_borders(lang: str, corpus: dict[str, list[dict[str, Any]]]) -> None:
    nlp = spacy.blank(lang)
    for record in (record for records in corpus.values() for record in records):
        doc = nlp.make_doc(record["text"])
        for span in record["spans"]:
            assert doc.char_span(span["start"], span["end"]) is not None, span


def test_every_kind_of_overlap_is_there(corpus: dict[str, list[dict[str, Any]]]) -> None:
    for split in ("train", "test"):
        counts = count_corpus.count(corpus[split])
        assert counts["sentences"] == 300
        assert min(counts.values()) > 0, counts


def test_readme_gives_the_true_counts(lang: str, source: dict[str, Any]) -> None:
    readme = (ROOT / "assets" / "sample" / "README.md").read_text(encoding="utf8")
    sizes = {"train": 1200, "dev": 200, "test": 300}
    for split, records in grow_corpus.grow_splits(source, sizes, seed=0).items():
        counts = count_corpus.count(records).values()
        assert f"| {lang} {split} | " + " | ".join(f"{n:,}" for n in counts) + " |" in readme


@pytest.fixture
def related(lang: str) -> dict[str, list[dict[str, Any]]]:
    """The sample corpus with relations."""
    sample = ROOT / "assets" / "sample"
    source = grow_corpus.read_source(sample / f"{lang}.yml", sample / f"{lang}-relations.yml")
    assert not set(source["sentences"].splitlines()) & set(source["unseen"].splitlines())
    return grow_corpus.grow_splits(source, {"train": 1200, "dev": 200, "test": 300}, seed=0)


def test_relations_need_to_be_read(lang: str, related: dict[str, list[dict[str, Any]]]) -> None:
    """Which spans a text has does not tell what relations it has."""
    readme = (ROOT / "assets" / "sample" / "README.md").read_text(encoding="utf8")
    assert len(related["train"]) == 1200
    for split, records in related.items():
        counts = count_corpus.count_relations(records)
        assert f"| {lang} {split} | " + " | ".join(f"{n:,}" for n in counts.values()) in readme
        assert min(counts.values()) > 0, counts
        assert counts["not joined"] > counts["joined"]
        n = counts["relations"]
        assert 0.2 * n < counts["from right to left"] < 0.8 * n
        labels = {relation["label"] for record in records for relation in record["relations"]}
        assert labels == {"works_for", "founded", "owns", "based_in", "married_to"}


def test_relations_of_the_sample_fit_the_tokens(
    lang: str, related: dict[str, list[dict[str, Any]]]
) -> None:
    nlp = spacy.blank(lang)
    for record in related["test"]:
        doc = nlp.make_doc(record["text"])
        spans = [doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]]
        assert None not in spans, record
        for relation in record["relations"]:
            labels = spans[relation["head"]].label_, spans[relation["child"]].label_
            assert (
                labels
                == {
                    "works_for": ("PERSON", "ORG"),
                    "founded": ("PERSON", "ORG"),
                    "owns": ("ORG", "ORG"),
                    "based_in": ("ORG", "GPE"),
                    "married_to": ("PERSON", "PERSON"),
                }[relation["label"]]
            )


def test_sentences_with_relations_are_grown_by_the_script(tmp_path: Path, lang: str) -> None:
    script = [sys.executable, "scripts/grow_corpus.py", f"assets/sample/{lang}.yml", str(tmp_path)]
    script += ["--relations", f"assets/sample/{lang}-relations.yml", "--train", "9", "--dev", "3"]
    subprocess.run([*script, "--test", "3"], cwd=ROOT, check=True)
    assert all("relations" in record for record in srsly.read_jsonl(tmp_path / "train.jsonl"))
    script = [sys.executable, "scripts/count_corpus.py", str(tmp_path)]
    output = subprocess.run(script, cwd=ROOT, check=True, capture_output=True).stdout
    assert b"doubled" in output
    assert b"not joined" in output
    assert b"role twice" not in output


@pytest.mark.parametrize(
    ("spans", "counts"),
    [
        ([(0, 4, "A"), (1, 2, "A"), (2, 3, "B")], (2, 1, 0, 0)),
        ([(0, 2, "A"), (1, 3, "B"), (5, 6, "A")], (0, 0, 2, 0)),
        ([(0, 2, "A"), (0, 2, "B"), (2, 3, "A")], (0, 0, 0, 2)),
    ],
    ids=["inside", "crossing", "doubled"],
)
def test_overlaps_are_counted(
    spans: list[tuple[int, int, str]], counts: tuple[int, int, int, int]
) -> None:
    record = {"spans": [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans]}
    found = count_corpus.count([record])
    names = ("inside", "inside same label", "crossing", "doubled")
    assert tuple(found[name] for name in names) == counts


@pytest.fixture
def project(tmp_path: Path, lang: str) -> dict[str, Any]:
    shutil.copy(ROOT / "project.yml", tmp_path)
    return load_project_config(tmp_path, overrides={"vars.lang": lang})


def test_project_is_valid() -> None:
    assert validate(ProjectConfigSchema, srsly.read_yaml(ROOT / "project.yml")) == []


def test_workflows_make_what_they_need(project: dict[str, Any], lang: str) -> None:
    commands = {command["name"]: command for command in project["commands"]}
    assert set(project["workflows"]) == {"all", "own", "transformer", "relations", "events"}
    for name, steps in project["workflows"].items():
        # What a user brings, or what `grow` made before.
        made = (
            {project["vars"][split] for split in ("train", "dev", "test")}
            if name not in ("all", "relations", "events")
            else set()
        )
        for step in steps:
            for dep in commands[step]["deps"]:
                assert dep in made or (ROOT / dep).is_file(), (name, step, dep)
            made.update(commands[step]["outputs"])


def test_every_command_helps_and_keeps_its_outputs_by_name(
    project: dict[str, Any], lang: str
) -> None:
    """Those of the sample have the name of its language, all others that of vars.name."""
    assert project["vars"]["name"] not in LANGS
    for command in project["commands"]:
        assert command["help"]
        assert command["outputs"]
        name = lang if command["name"] in ("grow", "sample") else project["vars"]["name"]
        kind = command["name"].rpartition("-")[2]
        name = f"{kind}-{lang}" if kind in ("relations", "events") else name
        for output in command["outputs"]:
            assert name in re.split(r"[/.]|-transformer|-untuned", output), output


def test_the_sample_runs_own_under_its_own_name_and_steps(
    project: dict[str, Any], lang: str
) -> None:
    """And own under its name: neither overwrites the other, and the data decide its steps."""
    commands = {command["name"]: command for command in project["commands"]}
    variables = project["vars"]
    (line,) = commands["sample"]["script"]
    words = line.split()
    assert words[:7] == ["python", "-m", "spacy", "project", "run", "own", "."]
    overrides = dict(zip(words[7::2], words[8::2], strict=True))
    assert overrides["--vars.name"] == lang
    assert overrides["--vars.max_steps"] == str(variables["sample_steps"])
    assert {name.removeprefix("--vars.") for name in overrides} <= set(variables)
    steps = f"--training.max_steps {variables['max_steps']} "
    assert variables["max_steps"] > 10 * variables["sample_steps"]
    assert all(steps in commands[name]["script"][0] for name in ("train", "train-transformer"))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("relations", " --relations --symmetric married_to "), ("events", " --events ")],
)
def test_relations_and_events_have_their_own_options_and_steps(
    project: dict[str, Any], kind: str, options: str
) -> None:
    commands = {command["name"]: command for command in project["commands"]}
    (config,) = commands[f"config-{kind}"]["script"]
    assert options in config
    (train,) = commands[f"train-{kind}"]["script"]
    assert f"--training.max_steps {project['vars'][f'{kind}_steps']} " in train


@pytest.mark.parametrize("kind", ["relations", "events"])
def test_a_language_without_sample_is_an_error(tmp_path: Path, kind: str) -> None:
    shutil.copy(ROOT / "project.yml", tmp_path)
    arguments = ["project", "run", kind, str(tmp_path), "--vars.lang", "de"]
    result = CliRunner().invoke(spacy_app, arguments)
    assert result.exit_code == 1
    assert f"Missing dependency specified by command 'grow-{kind}'" in result.output
    assert "assets/sample/de.yml" in result.output
