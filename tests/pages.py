"""Pages of documentation, run as a reader would: their blocks in order, in one folder."""

import json
import os
import re
import runpy
import shlex
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import srsly
import typer
from spacy.cli._util import app
from spacy.cli.init_config import init_config
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import fix_random_seed, load_model_from_config, registry
from thinc.api import Config, require_cpu
from typer.testing import CliRunner

from benchmarks.__main__ import app as benchmarks_app
from spacy_globalpointer.commands import app as our_app
from spacy_globalpointer.commands.convert import convert
from spacy_globalpointer.commands.training_config import make_config
from spacy_globalpointer.configs import find_config
from spacy_globalpointer.corpora.readers.jsonl import read_jsonl

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
EXTRAS = re.compile(r'pip install "?(?:spacy-globalpointer|\.)(?:\[(\w+)\])?"?')
# Options that make a command quick. They come last, so they win over those of the page.
SHORT = "--gpu-id -1 --training.max_steps {} --training.eval_frequency {}"
FAST = SHORT.format(60, 30) + " --training.dropout 0.0 --training.optimizer.learn_rate 0.01"
PRETRAINED = SHORT.format(2, 1) + " --paths.encoder {tiny_bert}"


class Block(NamedTuple):
    """A fenced block.

    kind: what its fence says.
    code: what is inside.
    line: of its fence.
    """

    kind: str
    code: str
    line: int


def read_blocks(page):
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf8")
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in FENCE.finditer(text)
    ]


def fill_folder(folder, is_converted=False):
    """What a reader has: some annotated sentences, the sample project with its own, and texts.

    is_converted: the sentences have become train.spacy and dev.spacy before, with a config.cfg.
    """
    shutil.copy(ROOT / "project.yml", folder)
    script = runpy.run_path(str(ROOT / "scripts" / "grow_corpus.py"))
    grow_splits, sample = script["grow_splits"], ROOT / "assets" / "sample"
    for states in ("relations", "events"):
        source = script["read_source"](sample / "en.yml", **{states: sample / f"en-{states}.yml"})
        (folder / "corpus" / f"{states}-en").mkdir(parents=True)
        for split, records in grow_splits(source, {"train": 150, "dev": 50}, 0).items():
            srsly.write_jsonl(folder / "corpus" / f"{states}-en" / f"{split}.jsonl", records)
    for prefix, lang, sizes in (("my", "en", (150, 50, 20)), ("zh", "zh", (40, 20, 0))):
        source = script["read_source"](sample / f"{lang}.yml")
        splits = grow_splits(source, dict(zip(("train", "dev", "test"), sizes, strict=True)), 0)
        for split, records in splits.items():
            srsly.write_jsonl(folder / f"{prefix}_{split}.jsonl", records)
            (folder / "corpus" / lang).mkdir(parents=True, exist_ok=True)
            srsly.write_jsonl(folder / "corpus" / lang / f"{split}.jsonl", records)
            if prefix == "my" and split == "dev":
                texts = [{"id": i, "text": row["text"]} for i, row in enumerate(records)]
    for split in ("train", "dev") if is_converted else ():
        convert([folder / f"my_{split}.jsonl"], folder / f"{split}.spacy")
    if is_converted:
        (folder / "config.cfg").write_text(make_config(), encoding="utf8")
    (folder / "texts").mkdir()
    srsly.write_jsonl(folder / "texts" / "news.jsonl", texts)
    lines = "".join(f"{row['text']}\n" for row in texts)
    (folder / "texts" / "notes.txt").write_text(lines, encoding="utf8")


def run_page(page, folder, tiny_bert=None):
    """Run all blocks of a page in a folder, and compare what they print with what is shown.

    tiny_bert: directory of an encoder, for pages that train on one.
    RETURNS: names of the python blocks' scope.
    """
    fix_random_seed(0)
    blocks, scope, before = read_blocks(page), {"__name__": "__main__"}, Path.cwd()
    os.chdir(folder)
    try:
        printed = None
        for block in blocks:
            where = f"{page.name}, line {block.line}"
            if block.kind == "text":
                check_output(printed, block.code, where)
            else:
                printed = run_block(block, where, scope, tiny_bert)
    finally:
        os.chdir(before)
        require_cpu()  # a page may have asked for a GPU
    return scope


def run_block(block, where, scope, tiny_bert):
    """Run a block, whatever its kind.

    RETURNS: what it printed, and whether all of it must be shown.
    """
    if block.kind == "python":
        output = StringIO()
        with redirect_stdout(output):
            # Its lines are numbered as those of the page.
            exec(compile("\n" * block.line + block.code, where, "exec"), scope)
        return output.getvalue(), True
    if block.kind == "bash":
        lines = block.code.replace("\\\n", " ").splitlines()
        return "\n".join(run_line(line, where, tiny_bert) for line in lines if line), False
    if block.kind == "ini":
        check_config(block.code, where)
    elif block.kind == "diff":
        check_diff(block.code)
    elif block.kind == "json":
        assert list(read_jsonl(block.code.splitlines(), where))
    else:
        raise AssertionError(f"{where}: what is to be done with {block.kind or 'a bare fence'}?")
    return None


def check_output(printed, shown, where):
    """All that python prints must be shown; of a command, whose lines may be long, some lines."""
    assert printed is not None, f"{where}: nothing before it prints"
    output, is_whole = printed
    if is_whole:
        assert output == shown, where
        return
    words = " ".join(output.split())
    missing = [line for line in shown.splitlines() if " ".join(line.split()) not in words]
    assert not missing, f"{where}: not printed: {missing}, but {output}"


def run_line(line, where, tiny_bert=None):
    """Run a line of a shell, with few steps if it trains; what needs the network is only read.

    RETURNS: what it printed.
    """
    command = shlex.split(line)
    if command[0] == "spacy":
        registry.cli.get_all()  # as spaCy does before it runs a command
        result = CliRunner().invoke(app, [*command[1:], *shorten(command, tiny_bert)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, f"{where}: {line}\n{result.output}"
        return result.output
    if command[0] == "mkdir":
        Path(command[1]).mkdir()
    elif command[:3] != ["python3", "-m", "venv"] and command[0] != ".":  # .ci/run does those
        assert command[:2] == ["pip", "install"], f"{where}: what is to be done with {line}?"
        check_install(line, command[-1], where)
    return ""


def shorten(command, tiny_bert):
    """Options that a command gets, besides its own."""
    if command[1] == "train":
        is_pretrained = "[components.transformer]" in Path(command[2]).read_text(encoding="utf8")
        return (PRETRAINED.format(tiny_bert=tiny_bert) if is_pretrained else FAST).split()
    # .ci/run runs the project.
    return {"package": ["--build", "none"], "project": ["--dry"]}.get(command[1], [])


def check_install(line, name, where):
    """What pip installs must be us, with extras that we have, spaCy's, or a package made here."""
    ours = EXTRAS.fullmatch(line)
    if ours and ours[1]:
        setup = (ROOT / "setup.cfg").read_text(encoding="utf8")
        assert re.search(rf"^{ours[1]} =$", setup, re.MULTILINE), f"{where}: no extra {ours[1]}"
    elif not ours and name.startswith("packages/"):
        # --build none leaves the archive out, which has the folder's name.
        assert Path(name).parent.parent.is_dir(), f"{where}: no {name}"
        assert Path(name).name == f"{Path(name).parent.parent.name}.tar.gz"
    else:
        assert ours or re.fullmatch(r"spacy\[cuda1\dx\]", name), f"{where}: {line}"


def check_config(excerpt, where):
    """An excerpt must fit into a shipped config; sections around it are left out."""
    name = "transformer" if "[components.transformer" in excerpt else "tok2vec"
    name = "hybrid" if ".*." in excerpt else name
    config = Config().from_disk(find_config(name), interpolate=False)
    config = config.merge(read_excerpt(excerpt))
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    assert "global_pointer" in nlp.pipe_names, where
    assert callable(registry.resolve(nlp.config["corpora"])["train"]), where
    registry.resolve({"initialize": nlp.config["initialize"]["components"]})
    merged = json.dumps(nlp.config)
    for value in re.findall(r'^@\w+ = ("[^"]+")', excerpt, re.MULTILINE):
        assert value in merged, f"{where}: {value} is not used"


def check_diff(code):
    """A diff must change what spaCy writes for the component that goes to what trains with ours."""
    old, new = (
        read_excerpt("\n".join(line[1:] for line in code.splitlines() if line[:1] != mark))
        for mark in "+-"
    )
    config = init_config(pipeline=old["nlp"]["pipeline"][1:], silent=True)
    change(config, old, new)
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    config = nlp.config.merge({"paths": {"train": "train.spacy", "dev": "dev.spacy"}})
    config["training"].update(max_steps=2, eval_frequency=1)
    nlp = init_nlp(config)
    train(nlp)
    assert nlp.get_pipe("global_pointer").labels


def read_excerpt(text):
    """The config that an excerpt is a part of, without values around it."""
    sections = re.findall(r"^\[(\S+)\]", text, re.MULTILINE)
    parts = [section.split(".") for section in sections]
    above = {
        ".".join(part[:n]) for part in parts for n in range(1, len(part)) if part[n - 1] != "*"
    }
    around = above - set(sections)
    text = "\n".join([f"[{section}]" for section in sorted(around)] + [text])
    return Config().from_str(text, interpolate=False)


def change(config, old, new):
    """Take out of a config what only `old` has, and put in what `new` has."""
    for name, value in old.items():
        assert name in config, f"spaCy writes no {name}"
        if isinstance(value, dict) and name in new:
            change(config[name], value, new[name])
        elif not isinstance(value, dict):
            assert config[name] == value, f"spaCy writes {name} = {config[name]}"
        if name not in new:
            del config[name]
    for name, value in new.items():
        if name not in old or not isinstance(value, dict):
            config[name] = value


def list_commands(command, path=""):
    """(name, command) of all commands below one."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from list_commands(inner, f"{path} {name}".strip())
    else:
        yield path, command


COMMANDS = dict(list_commands(typer.main.get_command(our_app)))
# By how they are called.
PROGRAMS = {
    "spacy global-pointer": COMMANDS,
    "python -m benchmarks": dict(list_commands(typer.main.get_command(benchmarks_app))),
}


def slugs(page):
    """What the headings of a page are called in links, as GitHub does."""
    text = FENCE.sub("", page.read_text(encoding="utf8"))
    found = []
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        same = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
        found.append(f"{slug}-{same}" if same else slug)
    return found


def broken_links(page):
    """Links of a page whose file or section is not there; pictures and the web are left out."""
    text = FENCE.sub("", page.read_text(encoding="utf8"))
    broken = []
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, section = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (section and section not in slugs(path)):
            broken.append(target)
    return broken
