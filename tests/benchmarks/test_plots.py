"""Plots of the committed reports."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sweeps import make_sweep

from benchmarks import plots
from benchmarks.plots import PLOTS, draw, draw_rows
from benchmarks.results import read_rows
from benchmarks.tables import read_reports

FOLDER = Path(__file__).parents[2] / "docs" / "bench"
REPORTS = read_reports(FOLDER)
SYSTEMS = ["global_pointer", "ner", "crf", "spancat", "span_finder", "crfsuite"]
SYSTEMS += ["global_pointer_gp", "global_pointer_no_rope"]
NAMES = {
    "heads": ["bert4torch_dense", "global_pointer", "wrong sign"],
    "pipeline": ["spancat", "crf", "encoder", "prediction, words/s"],
    "scaling": ["max_length = 64", "its bare matrix products"],
}


@pytest.mark.parametrize("name", PLOTS)
def test_plots_name_what_they_show(name, tmp_path):
    paths = draw(REPORTS[name], tmp_path)
    assert [path.stem for path in paths] == list(PLOTS[name])
    texts = []
    for path in paths:
        tree = ElementTree.parse(path)
        texts += [text for node in tree.iter() for text in [node.text] if text]
    for expected in NAMES[name]:
        assert any(expected in text for text in texts)


def test_the_same_report_gives_the_same_file(tmp_path):
    first = draw(REPORTS["heads"], tmp_path)[0].read_bytes()
    assert draw(REPORTS["heads"], tmp_path)[0].read_bytes() == first


def test_a_report_without_memory_has_its_plots_too(tmp_path):
    steps = [
        {name: value for name, value in step.items() if name != "mib"}
        for step in REPORTS["heads"]["results"]["steps"]
    ]
    report = {**REPORTS["heads"], "results": {**REPORTS["heads"]["results"], "steps": steps}}
    path, _ = draw(report, tmp_path)
    text = path.read_text(encoding="utf8")
    assert "ms a step" in text
    assert "extra memory" not in text


def test_every_plot_is_committed():
    assert {path.stem for path in FOLDER.glob("*.svg")} == {
        name for plots in PLOTS.values() for name in plots
    }


def test_plots_of_a_sweep_show_every_system_and_corpus(tmp_path):
    rows = make_sweep(tmp_path)
    paths = draw_rows(read_rows(rows), tmp_path)
    assert [path.name for path in paths] == ["speed.svg", "length.svg"]
    for path in paths:
        text = path.read_text(encoding="utf8")
        assert all(name in text for name in ("one", "global_pointer", "ner"))
        assert "two" not in text  # nothing was run


def test_the_legend_of_many_systems_is_inside_the_picture(tmp_path):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    (row, _) = read_rows(make_sweep(tmp_path))
    ours = row.done["global_pointer"]
    more = row._replace(done=dict.fromkeys(SYSTEMS, ours)), row._replace(corpus="other")
    for plot in (plots._f1_and_speed, plots._f1_by_length):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        plot(figure, more)
        FigureCanvasAgg(figure).draw()
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.texts][:2] == ["global_pointer", "ner"]
        assert len(legend.texts) == len(SYSTEMS)
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


def test_one_system_alone_is_not_drawn(tmp_path):
    folder = make_sweep(tmp_path)
    for path in folder.glob("one-ner-*.json"):
        path.unlink()
    assert draw_rows(read_rows(folder), tmp_path) == []


def test_without_matplotlib_the_error_names_the_repair(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"spacy-globalpointer\[bench\]"):
        draw(REPORTS["heads"], tmp_path)
