"""The systems are configs of the package and of the repository."""

import pytest

from benchmarks.peers import SYSTEMS, read_system


@pytest.mark.parametrize("system", [system for system in SYSTEMS if system != "crfsuite"])
def test_overrides_are_set_and_nothing_is_left_to_be_filled_in(system):
    config = read_system(system, {"nlp.lang": "zh"})
    assert config["nlp"]["lang"] == "zh"
    assert "${" not in config.to_str()
    assert set(config["nlp"]["pipeline"]) == set(config["components"])


def test_configs_are_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert read_system("ner")["nlp"]["pipeline"] == ["tok2vec", "ner"]
