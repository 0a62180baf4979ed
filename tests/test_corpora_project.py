"""The project that compares systems on published corpora, and the sweep that it runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import srsly
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner
from weasel.schemas import ProjectConfigSchema, validate

from benchmarks.peers import read_system
from benchmarks.sweep import SWEEP, read_sweep

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "projects" / "corpora" / "project.yml"
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return srsly.read_yaml(PROJECT)


def test_project_is_valid(project: dict[str, Any]) -> None:
    assert validate(ProjectConfigSchema, project) == []


def test_every_corpus_of_the_sweep_has_a_workflow(project: dict[str, Any]) -> None:
    corpora = {run.corpus for run in read_sweep(RESULTS / SWEEP)}
    assert set(project["workflows"]) == corpora
    commands = {command["name"]: command for command in project["commands"]}
    for corpus, steps in project["workflows"].items():
        assert steps == [f"sweep-{corpus}", "report"]
        (script,) = commands[steps[0]]["script"]
        assert f"--corpus {corpus} " in script
        assert f"| {corpus} |" in project["description"]


def get(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = config[part]
    return config


def test_overrides_of_the_sweep_are_settings_of_the_configs() -> None:
    for run in read_sweep(RESULTS / SWEEP):
        config, changed = read_system(run.system), read_system(run.system, run.overrides)
        for name, value in run.overrides.items():
            section, _, key = name.rpartition(".")
            assert get(config, section).get(key) != value  # a default is not in the config
            assert get(changed, name) == value


def test_every_result_is_of_a_run_of_the_sweep() -> None:
    names = {run.name() for run in read_sweep(RESULTS / SWEEP)}
    assert {path.stem for path in RESULTS.glob("*.json") if path.name != SWEEP} <= names


def test_a_workflow_runs_what_is_left_and_fills_the_pages(tmp_path: Path) -> None:
    shutil.copy(PROJECT, tmp_path)
    line = json.dumps({"text": "Rome closed.", "spans": [{"start": 0, "end": 4, "label": "GPE"}]})
    corpus, results, speed = tmp_path / "data" / "wnut17", tmp_path / "results", tmp_path / "speed"
    for path in (corpus, results, speed):
        path.mkdir(parents=True)
    for split in ("train", "dev"):
        (corpus / f"{split}.jsonl").write_text(line + "\n", encoding="utf8")
    group = {"corpora": ["wnut17:en", "other:en"], "systems": ["ner"], "seeds": [0], "passes": 1}
    (results / SWEEP).write_text(json.dumps([group]), encoding="utf8")
    for page in ("page.md", "readme.md"):
        (tmp_path / page).write_text("<!-- BENCH f1 -->\n<!-- /BENCH f1 -->\n", encoding="utf8")
    settings = {
        "benchmarks": ROOT / "benchmarks",
        "results": results,
        "speed": speed,
        "page": "page.md",
        "readme": "readme.md",
    }
    options = [text for name, value in settings.items() for text in (f"--vars.{name}", str(value))]
    done = CliRunner().invoke(spacy_app, ["project", "run", "wnut17", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    assert [path.name.split("-")[0] for path in results.glob("*-ner-*.json")] == ["wnut17"]
    for page in ("page.md", "readme.md"):
        text = (tmp_path / page).read_text(encoding="utf8")
        assert "| wnut17 | 1 | 0% | " in text
        assert "| other |  |  | not run |" in text
