"""The rules of the house: floors, sizes, names, and the index of registered names."""

import ast
import configparser
import importlib.metadata
import re
from collections import defaultdict
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from event_samples import make_event_examples
from relation_samples import make_relation_examples
from samples import OWN, make_examples, make_nlp, write_tiny_bert
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin, SpanGroup
from spacy.util import registry
from typer.testing import CliRunner

from spacy_globalpointer import (
    Event,
    Relation,
    has_events,
    has_relations,
    set_events,
    set_relations,
)
from spacy_globalpointer.models import DocSpans
from spacy_globalpointer.spans import LabelledSpan

NAME = "spacy_globalpointer"
ROOT = Path(__file__).parents[1]
# Words that all parts share.
VOCABULARY = ("spans", "relations", "events")
# Imports go to lower floors, to the vocabulary, or stay in their part. The package itself is on
# top: nothing in it imports it, so that it can offer names of any floor.
FLOORS = {
    "spans": 1,
    "groups": 0,
    "label_sets": 0,
    "messages": 0,
    "relations": 1,
    "events": 1,
    "nn": 1,
    "corpora": 1,
    "configs": 1,
    "models": 2,
    "losses": 2,
    "pipeline": 3,
    "training": 4,
    "annotator": 4,
    "commands": 5,
    "": 6,
}
# What is written to groups of doc.spans.
GROUPS = ("groups", "label_sets", "relations", "events")
READ = [f"{NAME}.{part}" for part in GROUPS]
FORBIDDEN = {
    "nn": {"spacy", "thinc", *READ},
    "corpora": {"torch", "thinc"},
    "spans": {"spacy", "torch", *READ},
    **{part: {"torch", "thinc"} for part in GROUPS},
}
# What is beside the package in a clone.
BESIDE = {"tests", "benchmarks", "scripts", *(path.stem for path in ROOT.glob("tests/**/*.py"))}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


PATHS = {module_name(path): path for path in sorted((ROOT / NAME).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}


def imports(module):
    """Full names of all that a module imports, inside functions too: modules where it can be."""
    parts = module.split(".")
    package = parts if PATHS[module].name == "__init__.py" else parts[:-1]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full in PATHS else source


def part(module):
    """The folder or file of the package that a module is, or is in."""
    return module.split(".")[1] if "." in module else ""


def test_imports_go_down():
    wrong = []
    for module in PATHS:
        own = part(module)
        for other in imports(module):
            top = other.split(".")[0]
            is_ours = top == NAME and part(other) not in (own, *VOCABULARY)
            is_above = is_ours and FLOORS[part(other)] >= FLOORS[own]
            if is_above or top in BESIDE or {top, other} & FORBIDDEN.get(own, set()):
                wrong.append(f"{module} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_imports_have_no_circles():
    graph = {name: {other for other in imports(name) if other in PATHS} for name in PATHS}
    while leaves := [name for name, others in graph.items() if not others & set(graph)]:
        for name in leaves:
            del graph[name]
    assert not graph, f"in a circle, or above one: {sorted(graph)}"


def test_modules_are_small_and_simple():
    """What ruff does not check: it limits the complexity of functions, and wants type hints."""
    wrong = []
    for module, path in PATHS.items():
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
        if n_lines > 300:
            wrong.append(f"{module} has {n_lines} lines")
        if {"utils", "util", "base", "common", "constants"} & set(module.split(".")):
            wrong.append(f"{module} does not say what it is for")
        for node in ast.walk(TREES[module]):
            if isinstance(node, ast.Name) and node.id in ("ABC", "NotImplementedError"):
                wrong.append(f"{module}, line {node.lineno}: an abstract class")
            if isinstance(node, ast.ClassDef):
                bare = [
                    method.name
                    for method in node.body
                    if isinstance(method, FUNCTIONS)
                    and not method.name.startswith("_")
                    and not node.name.startswith("_")
                    and len(method.body) > 1
                    and not ast.get_docstring(method)
                ]
                wrong += [f"{module}: {node.name}.{name} has no docstring" for name in bare]
    assert not wrong, "\n".join(wrong)


def test_arguments_are_written_out():
    """No dict is made for **options: whoever reads a call, and mypy, would have to look it up."""
    wrong = []
    for module, tree in TREES.items():
        for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
            made, spread = set(), set()
            for node in ast.walk(function):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(
                    node.value, ast.Dict
                ):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    made.update(map(ast.unparse, targets))
                elif isinstance(node, ast.Call):
                    spread.update(ast.unparse(x.value) for x in node.keywords if x.arg is None)
            wrong += [f"{module}.{function.name}: **{name}" for name in made & spread]
    assert not wrong, "\n".join(wrong)


def test_no_two_things_have_one_name():
    """Public functions and classes: whoever looks one up finds one."""
    owners = defaultdict(list)
    for module, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
                owners[node.name].append(module)
    wrong = [f"{name}: {', '.join(m)}" for name, m in sorted(owners.items()) if len(m) > 1]
    assert not wrong, "\n".join(wrong)


def call_factory(make, name, tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(name)
    nlp.initialize(lambda: make_examples(nlp))
    assert type(pipe).__module__.startswith(NAME)
    assert "sc" in nlp("He met old friends.").spans


def call_relation_factory(make, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    pipe = nlp.add_pipe(name)
    nlp.config["training"]["annotating_components"] = ["global_pointer"]
    nlp.initialize(lambda: make_relation_examples(nlp))
    assert type(pipe).__module__.startswith(NAME)
    assert has_relations(nlp("He met old friends."))


def call_event_factory(make, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    pipe = nlp.add_pipe(name)
    nlp.config["training"]["annotating_components"] = ["global_pointer"]
    nlp.initialize(lambda: make_event_examples(nlp))
    assert type(pipe).__module__.startswith(NAME)
    assert has_events(nlp("He met old friends."))


def call_pairs(build, name, tmp_path):
    config = {"model": {"@architectures": name, "tok2vec": OWN, "head_size": 4, "nO": 2}}
    model = registry.resolve(config)["model"]
    batch = [DocSpans(spacy.blank("en")("Rome closed."), [LabelledSpan(0, 1, "GPE")])]
    assert model.initialize(X=batch).predict(batch)[0].shape[0] in (1, 3)


def call_architecture(build, name, tmp_path):
    config = {"model": {"@architectures": name, "tok2vec": OWN, "head_size": 4, "nO": 2}}
    doc = spacy.blank("en")("Rome closed.")
    model = registry.resolve(config)["model"].initialize(X=[doc])
    assert len(model.predict([doc])[0]) == len(doc)


def call_affixes(build, name, tmp_path):
    encoder = build(8, ["NORM"], [50], [2], [50], include_static_vectors=False).initialize()
    (vectors,) = encoder.predict([spacy.blank("en")("a")])
    assert vectors.shape == (1, 8)


def call_transformer_text(build, name, tmp_path):
    write_tiny_bert(tmp_path)
    assert build(str(tmp_path)).predict(["a person", "b"]).shape == (2, 32)


def call_vectors_text(build, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("person", numpy.ones(4, dtype="f"))
    nlp.to_disk(tmp_path)
    assert build(str(tmp_path)).predict(["a person"]).tolist() == [[1.0] * 4]


def call_concatenation(build, name, tmp_path):
    parts = {"*": {"first": OWN, "second": {**OWN, "depth": 1}}, "width": 6}
    doc = spacy.blank("en")("Rome closed.")
    model = registry.resolve({"model": {"@architectures": name, **parts}})["model"]
    (vectors,) = model.initialize(X=[doc]).predict([doc])
    assert vectors.shape == (len(doc), 6)


def call_optimizer(build, name, tmp_path):
    block = {"@optimizers": name, "learn_rate": 0.5, "thinc_scale": 2.0, "L2": 0.0}
    optimizer = registry.resolve({"optimizer": block})["optimizer"]
    zeros, ones = numpy.zeros((2, 2), dtype="f"), numpy.ones((2, 2), dtype="f")
    weights, _ = optimizer((0, "W"), zeros, ones)
    assert weights == pytest.approx(-1.0, rel=1e-4)


def call_loss(build, name, tmp_path):
    from spacy_globalpointer.nn import RowLayout, zlpr_dense

    rows, mask = torch.ones(1, 3, 12), torch.ones(1, 3, dtype=torch.bool)
    factors = RowLayout(head_size=4, n_labels=2).factors(rows, mask)
    gold = torch.tensor([[0, 1, 0, 2]])
    for settings in {"per": "document"}, {"per": "start"}, {}:
        loss = registry.resolve({"loss": {"@losses": name, **settings}})["loss"]
        expected = zlpr_dense(factors, gold, per=settings.get("per", "start"))
        torch.testing.assert_close(loss(factors, gold), expected)


def call_expected_f1(build, name, tmp_path):
    from spacy_globalpointer.nn import RowLayout, expected_f1_dense

    rows, mask = torch.ones(1, 3, 12), torch.ones(1, 3, dtype=torch.bool)
    factors = RowLayout(head_size=4, n_labels=2).factors(rows, mask)
    gold = torch.tensor([[0, 1, 0, 2]])
    for settings in {}, {"likelihood": 0.5, "entropy": 0.2}:
        loss = registry.resolve({"loss": {"@losses": name, **settings}})["loss"]
        expected = expected_f1_dense(factors, gold, **settings)
        torch.testing.assert_close(loss(factors, gold), expected)


def call_auxiliary(make, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": OWN})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    for own in "first", "second":
        nlp.add_pipe("tagger", name=own, config={"model": {"tok2vec": listener}})
    block = {"@callbacks": name, "main": "first", "auxiliary": ["second"]}
    nlp.config["initialize"]["after_init"] = block
    (example, *_) = make_examples(nlp)
    for token in example.reference:
        token.tag_ = token.text[0]
    nlp.initialize(lambda: [example])
    nlp.update([example])  # a new tagger sends nothing: its weights are zero
    assert nlp.update([example])["tok2vec"] > 0


def call_scorer(make, name, tmp_path):
    scorer = registry.resolve({"scorer": {"@scorers": name}})["scorer"]
    assert scorer(make_examples(spacy.blank("en")))["spans_sc_f"] == 0.0


def call_relation_scorer(make, name, tmp_path):
    scorer = registry.resolve({"scorer": {"@scorers": name}})["scorer"]
    (example, *_) = make_examples(spacy.blank("en"))
    first, second, *_ = example.reference.spans["sc"]
    set_relations(example.reference, [Relation(first, second, "in")])
    assert scorer([example])["relations_f"] == 0.0


def call_event_scorer(make, name, tmp_path):
    scorer = registry.resolve({"scorer": {"@scorers": name}})["scorer"]
    (example, *_) = make_examples(spacy.blank("en"))
    first, second, *_ = example.reference.spans["sc"]
    set_events(example.reference, [Event(first.label_, first, (("in", second),))])
    assert scorer([example])["events_f"] == 0.0


def call_reader(make, name, tmp_path):
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    config = {"reader": {"@readers": name, "path": str(tmp_path / "train.spacy")}}
    read = [example.reference for example in registry.resolve(config)["reader"](nlp)]
    assert [len(doc.spans["sc"]) for doc in read] == [len(doc.spans["sc"]) for doc in docs]


def call_rescorer(build, name, tmp_path):
    nlp = make_nlp(rescorer={"@architectures": name})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)["global_pointer"] > 0
    assert isinstance(nlp(examples[0].text).spans["sc"], SpanGroup)


def call_commands(app, name, tmp_path):
    result = CliRunner().invoke(spacy_app, [name, "--help"])
    assert result.exit_code == 0
    assert all(command.name in result.output for command in app.registered_commands)


# A registered name without a line here fails the test.
CALLS = {
    ("spacy_factories", "global_pointer"): call_factory,
    ("spacy_factories", "relation_pointer"): call_relation_factory,
    ("spacy_factories", "event_pointer"): call_event_factory,
    ("spacy_architectures", f"{NAME}.EfficientGlobalPointer.v1"): call_architecture,
    ("spacy_architectures", f"{NAME}.GlobalPointer.v1"): call_architecture,
    ("spacy_architectures", f"{NAME}.SpanRescorer.v1"): call_rescorer,
    ("spacy_architectures", f"{NAME}.SpanPairs.v1"): call_pairs,
    ("spacy_architectures", f"{NAME}.GPLinker.v1"): call_pairs,
    ("spacy_architectures", f"{NAME}.ConcatenatedEncoders.v1"): call_concatenation,
    ("spacy_architectures", f"{NAME}.TransformerText.v1"): call_transformer_text,
    ("spacy_architectures", f"{NAME}.VectorsText.v1"): call_vectors_text,
    ("spacy_architectures", f"{NAME}.AffixHashEmbed.v1"): call_affixes,
    ("thinc_optimizers", f"{NAME}.DiscriminativeAdam.v1"): call_optimizer,
    ("thinc_losses", f"{NAME}.ZLPR.v1"): call_loss,
    ("thinc_losses", f"{NAME}.ExpectedF1.v1"): call_expected_f1,
    ("spacy_scorers", f"{NAME}.span_scorer.v1"): call_scorer,
    ("spacy_scorers", f"{NAME}.relation_scorer.v1"): call_relation_scorer,
    ("spacy_scorers", f"{NAME}.event_scorer.v1"): call_event_scorer,
    ("spacy_callbacks", f"{NAME}.auxiliary_tasks.v1"): call_auxiliary,
    ("spacy_readers", f"{NAME}.SpanCorpus.v1"): call_reader,
    ("spacy_cli", "global-pointer"): call_commands,
}


def read_setup():
    """setup.cfg, and its entry points: {(group, name): value}."""
    setup = configparser.ConfigParser(delimiters=["="])
    setup.optionxform = str
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = {
        group: [line.split("=") for line in text.split("\n") if line.strip()]
        for group, text in setup["options.entry_points"].items()
    }
    entries = {(g, name.strip()): value.strip() for g in lines for name, value in lines[g]}
    return setup, entries


def decorated():
    """{(registry, name): function} of what decorators of the package register."""
    for module, tree in TREES.items():
        for node in (node for node in tree.body if isinstance(node, FUNCTIONS)):
            for call in (call for call in node.decorator_list if isinstance(call, ast.Call)):
                owner, _, group = ast.unparse(call.func).partition(".")
                if owner in ("registry", "Language"):
                    group = "factories" if group == "factory" else group
                    yield (group, ast.literal_eval(call.args[0])), f"{module}:{node.name}"


def test_decorators_and_index_agree():
    _, entries = read_setup()
    index = {(g.split("_")[1], n): value for (g, n), value in entries.items() if g != "spacy_cli"}
    assert dict(decorated()) == index


def test_every_entry_point_is_installed_and_called():
    _, entries = read_setup()
    installed = importlib.metadata.distribution("spacy-globalpointer").entry_points
    assert {(point.group, point.name): point.value for point in installed} == entries
    assert set(CALLS) == set(entries)


@pytest.mark.parametrize(("group", "name"), CALLS)
def test_entry_point_resolves_and_runs(group, name, tmp_path):
    _, entries = read_setup()
    point = importlib.metadata.EntryPoint(name, entries[group, name], group)
    function = point.load()
    if group not in ("spacy_factories", "spacy_cli"):
        assert registry.get(group.split("_")[1], name) is function
    CALLS[group, name](function, name, tmp_path)


def test_one_version():
    setup, _ = read_setup()
    version = setup["metadata"]["version"]
    assert importlib.metadata.version("spacy-globalpointer") == version
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert released[0] == version
