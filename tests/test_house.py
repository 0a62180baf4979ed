"""The rules of the house: floors, sizes, docstrings, names, and the index of registered names."""

import ast
import configparser
import importlib.metadata
import re
from pathlib import Path

import pytest
import spacy
import torch
from samples import OWN, make_examples
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from spacy.util import registry
from typer.testing import CliRunner

NAME = "spacy_globalpointer"
ROOT = Path(__file__).parents[1]
# Imports go to lower floors, or stay in their part. The package itself is on top: nothing in it
# imports it, so that it can offer names of any floor.
FLOORS = {
    **{"spans": 1, "nn": 1, "corpora": 1, "configs": 1, "models": 2, "losses": 2},
    **{"pipeline": 3, "training": 4, "commands": 5, "": 6},
}
FORBIDDEN = {"nn": {"spacy", "thinc"}, "corpora": {"torch", "thinc"}}
TESTS = {"tests", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


PATHS = {module_name(path): path for path in sorted((ROOT / NAME).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}
each_module = pytest.mark.parametrize("module", PATHS)


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


def definitions(tree, public=True):
    """Functions and classes of a module and of its classes, but none that is inside a function."""
    for node in tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            is_magic = node.name.startswith("__")
            if not public or is_magic or not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from definitions(node, public)


def n_lines(node):
    """Lines of a function, its docstring not counted."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
    return lines


@each_module
def test_imports_go_down(module):
    own = part(module)
    for other in imports(module):
        top = other.split(".")[0]
        assert top not in TESTS, f"{module} imports {other}"
        assert top not in FORBIDDEN.get(own, ()), f"{module} imports {other}"
        if top == NAME:
            lower = FLOORS[part(other)] < FLOORS[own]
            assert lower or part(other) == own, f"{module} imports {other}, which is not below"


def test_imports_have_no_circles():
    graph = {name: {other for other in imports(name) if other in PATHS} for name in PATHS}
    while leaves := [name for name, others in graph.items() if not others & set(graph)]:
        for name in leaves:
            del graph[name]
    assert not graph, f"in a circle, or above one: {sorted(graph)}"


@each_module
def test_sizes(module):
    assert len(PATHS[module].read_text(encoding="utf-8").splitlines()) <= 300
    functions = [node for node in ast.walk(TREES[module]) if isinstance(node, FUNCTIONS)]
    assert {node.name: n_lines(node) for node in functions if n_lines(node) > 40} == {}


@each_module
def test_docstrings_and_annotations(module):
    assert ast.get_docstring(TREES[module])
    for node in definitions(TREES[module]):
        where = f"{module}, line {node.lineno}: {node.name}"
        assert node.name.startswith("__") or ast.get_docstring(node), f"{where} has no docstring"
        if isinstance(node, FUNCTIONS):
            a = node.args
            arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
            bare = [x.arg for x in arguments if x is not None and x.annotation is None]
            assert set(bare) <= {"self", "cls"}, f"{where} has bare arguments: {bare}"
            assert node.returns is not None, f"{where} does not say what it returns"


@each_module
def test_names_say_what_a_module_is_for(module):
    assert not {"utils", "util", "base", "common", "constants"} & set(module.split("."))


@each_module
def test_no_abstract_base_classes(module):
    assert "abc" not in set(imports(module))
    for node in ast.walk(TREES[module]):
        assert not (isinstance(node, ast.Name) and node.id == "NotImplementedError")


def call_factory(make, name, tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(name)
    nlp.initialize(lambda: make_examples(nlp))
    assert type(pipe).__module__.startswith(NAME)
    assert "sc" in nlp("He met old friends.").spans


def call_architecture(build, name, tmp_path):
    config = {"model": {"@architectures": name, "tok2vec": OWN, "head_size": 4, "nO": 2}}
    doc = spacy.blank("en")("Rome closed.")
    model = registry.resolve(config)["model"].initialize(X=[doc])
    assert len(model.predict([doc])[0]) == len(doc)


def call_loss(build, name, tmp_path):
    from spacy_globalpointer.nn import RowLayout, zlpr_dense

    rows, mask = torch.ones(1, 3, 12), torch.ones(1, 3, dtype=torch.bool)
    factors = RowLayout(head_size=4, n_labels=2).factors(rows, mask)
    gold = torch.tensor([[0, 1, 0, 2]])
    for settings in {"per": "document"}, {"per": "start"}, {}:
        loss = registry.resolve({"loss": {"@losses": name, **settings}})["loss"]
        expected = zlpr_dense(factors, gold, per=settings.get("per", "start"))
        torch.testing.assert_close(loss(factors, gold), expected)


def call_scorer(make, name, tmp_path):
    scorer = registry.resolve({"scorer": {"@scorers": name}})["scorer"]
    assert scorer(make_examples(spacy.blank("en")))["spans_sc_f"] == 0.0


def call_reader(make, name, tmp_path):
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    config = {"reader": {"@readers": name, "path": str(tmp_path / "train.spacy")}}
    read = [example.reference for example in registry.resolve(config)["reader"](nlp)]
    assert [len(doc.spans["sc"]) for doc in read] == [len(doc.spans["sc"]) for doc in docs]


def call_commands(app, name, tmp_path):
    result = CliRunner().invoke(spacy_app, [name, "--help"])
    assert result.exit_code == 0
    assert all(command.name in result.output for command in app.registered_commands)


# A registered name without a line here fails the test.
CALLS = {
    ("spacy_factories", "global_pointer"): call_factory,
    ("spacy_architectures", f"{NAME}.EfficientGlobalPointer.v1"): call_architecture,
    ("spacy_architectures", f"{NAME}.GlobalPointer.v1"): call_architecture,
    ("thinc_losses", f"{NAME}.ZLPR.v1"): call_loss,
    ("spacy_scorers", f"{NAME}.span_scorer.v1"): call_scorer,
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
