"""The commands of `python -m benchmarks`."""

import json
import sys

import pytest
from sweeps import stay_here
from typer.testing import CliRunner

from benchmarks import scaling
from benchmarks.__main__ import app
from benchmarks.scaling import Size

QUICK = ["--repeats", "1", "--no-memory"]


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def assert_fails(result):
    """With a message: an exception that nobody caught would have the exit code 1 too."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


def test_heads(tmp_path):
    result = run("heads", tmp_path / "heads.json", "--shape", "2x24x3", "--hidden", 16, *QUICK)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "heads.json").read_text(encoding="utf8"))
    assert report["settings"]["hidden"] == 16
    assert len(report["results"]["steps"]) == 5
    assert {path.name for path in tmp_path.iterdir()} == {
        "heads.json",
        "heads.svg",
        "sparse_loss.svg",
    }


@pytest.mark.parametrize("shape", ["8x256", "0x1x1", "8,256,10"])
def test_a_shape_that_is_none_is_refused(tmp_path, shape):
    result = run("heads", tmp_path / "heads.json", "--shape", shape)
    assert result.exit_code == 2
    assert "documents x tokens x labels" in result.output
    assert not list(tmp_path.iterdir())


def test_pipeline_on_own_text_then_a_page(tmp_path):
    text = "Rome closed and Anna left."
    spans = [{"start": 0, "end": 4, "label": "GPE"}, {"start": 16, "end": 20, "label": "PERSON"}]
    (tmp_path / "mine.jsonl").write_text(json.dumps({"text": text, "spans": spans}) + "\n")
    reports = tmp_path / "reports"
    output, data = reports / "pipeline.json", tmp_path / "mine.jsonl"
    result = run("pipeline", output, "--data", data, "--lang", "en", *QUICK)
    assert result.exit_code == 0, result.output
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- BENCH pipeline -->\n<!-- /BENCH pipeline -->\n", encoding="utf8")
    result = run("table", page, reports)
    assert result.exit_code == 0, result.output
    assert "| mine, 2 labels | `spancat` |" in page.read_text(encoding="utf8")


def test_a_table_without_a_report_says_so(tmp_path):
    (tmp_path / "other.json").write_text("{}", encoding="utf8")
    (tmp_path / "page.md").write_text("# Page\n", encoding="utf8")
    result = run("table", tmp_path / "page.md", tmp_path)
    assert_fails(result)
    assert "a report must be of a benchmark" in " ".join(result.output.split())


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf8")
    result = run("heads", tmp_path / "file" / "heads.json", "--shape", "1x8x2", *QUICK)
    assert_fails(result)
    assert "File exists" in result.output


def test_scaling(tmp_path, monkeypatch):
    axes = {
        "labels": [Size(1, 16, 2)],
        "tokens": [Size(1, 16, 2), Size(1, 16, 2, 12)],
        "text": [Size(1, 16, 2, 12)],
    }
    monkeypatch.setattr(scaling, "AXES", axes)
    monkeypatch.setattr(scaling, "TRAINED_DOCUMENTS", 4)
    result = run("scaling", tmp_path / "scaling.json", *QUICK)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "scaling.svg").exists()


def test_a_sweep_without_its_corpus_says_so(tmp_path):
    group = {"corpora": ["none:en"], "systems": ["ner"], "seeds": [0], "passes": 1}
    (tmp_path / "sweep.json").write_text(json.dumps([group]), encoding="utf8")
    result = run("sweep", tmp_path, tmp_path)
    assert_fails(result)
    assert "a corpus must be a folder with train.spacy" in result.output


def test_a_sweep_then_its_page(tmp_path, monkeypatch):
    stay_here(monkeypatch)
    line = json.dumps({"text": "Rome closed.", "spans": [{"start": 0, "end": 4, "label": "GPE"}]})
    corpus, folder = tmp_path / "data" / "mine", tmp_path / "results"
    for path in (corpus, folder):
        path.mkdir(parents=True)
    for split in ("train", "dev"):
        (corpus / f"{split}.jsonl").write_text(line + "\n", encoding="utf8")
    group = {"corpora": ["mine:en"], "systems": ["global_pointer", "ner"], "seeds": [0]}
    (folder / "sweep.json").write_text(json.dumps([{**group, "passes": 1}]), encoding="utf8")
    page = tmp_path / "page.md"
    page.write_text("<!-- BENCH f1 -->\n<!-- /BENCH f1 -->\n", encoding="utf8")
    assert run("table", page, folder).exit_code == 0
    assert "| mine |  |  | not run | not run |" in page.read_text(encoding="utf8")
    result = run("sweep", folder, tmp_path / "data", "--workers", 1)
    assert result.exit_code == 0, result.output
    result = run("table", page, folder)
    assert result.exit_code == 0, result.output
    assert "| mine | 1 | 0% | " in page.read_text(encoding="utf8")
    assert {path.name for path in folder.glob("*.svg")} == {"speed.svg", "length.svg"}


def test_a_page_of_events(tmp_path):
    group = {"corpora": ["mine:en"], "systems": ["events"], "seeds": [0], "passes": 1}
    (tmp_path / "sweep.json").write_text(json.dumps([group]), encoding="utf8")
    page = tmp_path / "page.md"
    page.write_text("<!-- BENCH events -->\n<!-- /BENCH events -->\n", encoding="utf8")
    result = run("table", page, tmp_path)
    assert result.exit_code == 0, result.output
    assert "\nNot run yet: mine `SpanPairs`.\n" in page.read_text(encoding="utf8")


def test_an_oracle_without_its_corpus_says_so(tmp_path):
    result = run("oracle", tmp_path / "oracle.json", tmp_path, "--corpus", "none")
    assert_fails(result)
    assert "a corpus must be a folder with train.spacy" in result.output


def test_a_missing_peer_is_named_with_the_repair(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bert4torch.layers", None)
    result = run("heads", tmp_path / "heads.json", "--shape", "1x8x2", *QUICK)
    assert_fails(result)
    assert "bert4torch" in result.output
    assert "spacy-globalpointer[bench]" in result.output
