"""Where a run writes: shards, of which each is there whole or not at all.

That is all that a run needs to go on: it leaves out the shards that are there.
"""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...corpora import dump_json
from ...corpora.forms import CONTAINERS, SUFFIXES, least_certain, transform, write_pairs
from ..outputs import replacing

STDOUT = Path("-")
MANIFEST, WHOLE = ".manifest.json", "_SUCCESS"


@dataclass
class Output:
    """What a run writes: a folder of shards, or what shards of JSON lines are joined to at the end.

    path: the folder, the file, or STDOUT.
    to: the form, one of CONTAINERS.
    model: the name of what predicts, for tools.
    uncertain (documents): write so many, the least certain first; 0 for all.
    RAISES (ValueError): a form or a name that cannot be.
    """

    path: Path
    to: str = "jsonl"
    model: str = ""
    uncertain: int = 0

    def __post_init__(self) -> None:
        if self.to not in CONTAINERS:
            raise ValueError(f"--to must be one of {', '.join(CONTAINERS)}, was: {self.to!r}")
        name, suffix, self.container = self.path.name, self.path.suffix, CONTAINERS[self.to]
        own, is_stream = SUFFIXES[self.container], self.path == STDOUT
        is_file = is_stream or (suffix == own and self.container in ("lines", "array"))
        is_wrong = not name or suffix not in ("", own)
        is_wrong = is_wrong or (is_stream and self.container != "lines")
        if is_wrong or (self.uncertain and not is_file):
            folder = "" if self.uncertain else "be a folder, without a suffix, or "
            raise ValueError(
                f"the output of --to {self.to}{' --uncertain' if self.uncertain else ''} must "
                f"{folder}end in {own or '.jsonl'}, was: {self.path}. To fix: name another"
            )
        self.is_joined = is_file or self.container == "pairs"
        self.folder = self.path.with_name(f"{name}.shards") if self.is_joined else self.path
        if self.folder.is_symlink():  # what it leads to is replaced, not the link
            self.folder = self.folder.resolve()
        self.rejected = self.path.with_name(f"{name.removesuffix('.jsonl')}.rejected.jsonl")
        self.paths = [self.path, self.rejected, self.folder]
        self.notes = Counter[str]()

    def begin(self, manifest: dict[str, Any], *, can_go_on: bool, overwrite: bool) -> None:
        """Take the folder, for a new run or for one that goes on.

        manifest: what must be the same when a run goes on.
        can_go_on: whether all of the input is still there.
        overwrite: start anew; of what is joined, the old stays until the new is whole.
        RAISES (ValueError): an output that is there, a run with another manifest.
        """
        self.sweep()  # what killed runs have left
        is_begun = (self.folder / MANIFEST).exists()
        ends = [path for path in (self.path, self.rejected) if self.is_joined and path.exists()]
        there = [path for path in ends if path.is_dir() or not overwrite]
        there += [self.folder] if is_begun and not overwrite else []
        files = [path for path in self.folder.glob("[!.]*") if not is_begun or _is_other(path.name)]
        there += files
        if there and (overwrite or not is_begun or not can_go_on):
            raise ValueError(
                f"an output must not be there yet, was: {', '.join(map(str, there[:3]))}. Name "
                "another; or, but for folders of other files, start anew with --overwrite"
            )
        if is_begun and overwrite:
            self._discard()
        partial = self.folder / f".{uuid4().hex}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(dump_json(manifest, indent=1), encoding="utf-8")
        except OSError as error:
            raise ValueError(
                f"the output must be in a folder that can be written, was: {self.path.parent} "
                f"({error}). Name another one"
            ) from error
        own = json.loads(partial.read_text(encoding="utf-8"))
        try:
            os.link(partial, self.folder / MANIFEST)  # whole, and of two runs only one does it
        except OSError:  # there is one, or the file system has no links
            if not (self.folder / MANIFEST).exists():
                os.replace(partial, self.folder / MANIFEST)
        partial.unlink(missing_ok=True)
        saved = _read_manifest(self.folder / MANIFEST)
        if changed := [key for key in own if own[key] != saved.get(key)]:
            raise ValueError(
                f"{self.folder}: a run can only go on with what it began with, was: other "
                f"{' and '.join(changed)}. Give the same, or start anew with --overwrite"
            )
        self._taken = (self.folder / MANIFEST).stat()

    def shard(self, number: int, suffix: str = "") -> Path:
        """The file of a shard, counted from 1, or another one of it."""
        own = ".jsonl" if self.is_joined else SUFFIXES[self.container]
        return self.folder / f"{number:08}{suffix or own}"

    def publish(self, number: int, data: bytes, rejected: bytes) -> None:
        """Write a shard; its bad lines come first, as it tells that all is there.

        data: a DocBin, or JSON lines.
        RAISES (FileNotFoundError): another run has finished. (ValueError): it has begun anew.
        """
        if not self.is_joined and self.to not in ("jsonl", "spacy"):
            data = b"".join(self.form(data.splitlines(True)))
        files = [(self.shard(number, ".rejected"), rejected)] if rejected else []
        for path, content in (*files, (self.shard(number), data)):
            with replacing(path) as partial:
                partial.write_bytes(content)
                found = (self.folder / MANIFEST).stat()
                if (found.st_ino, found.st_mtime) != (self._taken.st_ino, self._taken.st_mtime):
                    raise ValueError(f"{self.folder} was taken by another run. Name another one")

    def finish(self, n_shards: int) -> int:
        """Join the shards, or say in their folder that they are all there; a killed run repeats it.

        RETURNS: bad lines in all shards.
        """
        numbers = range(1, n_shards + 1)
        bad = [path for n in numbers if (path := self.shard(n, ".rejected")).exists()]
        n_rejected = sum(1 for _ in _read_lines(bad))
        if self.is_joined:
            self._join(bad, self.rejected)
            self._join([self.shard(number) for number in numbers], self.path)
            self._discard()  # only one of several runs can
            if not bad:
                self.rejected.unlink(missing_ok=True)  # of what was replaced
        else:
            for partial in self.folder.glob(".*.partial"):  # of killed runs
                partial.unlink(missing_ok=True)
            (self.folder / WHOLE).touch()
        return n_rejected

    def is_finished(self) -> bool:
        """Whether the output is there, and nothing is left to do."""
        is_joined = self.is_joined and self.path.exists() and not self.folder.exists()
        return is_joined or (self.folder / WHOLE).exists()

    def _join(self, shards: list[Path], target: Path) -> None:
        """One output from JSON lines; none if there are none."""
        rows = _read_lines(shards)
        if not any(path.stat().st_size for path in shards):
            return
        if target == self.path and self.container == "pairs":
            new = self.folder / f".{uuid4().hex}"
            new.mkdir()
            write_pairs(rows, self.to, self.model, self.notes, new)
            if not target.exists():  # of a run that was killed after this, or is as far
                new.rename(target)
            return
        with replacing(target, self.folder) as partial, partial.open("wb") as file:
            file.writelines(self.form(rows) if target == self.path else rows)

    def form(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        """JSON lines as the form has them."""
        rows = least_certain(rows, self.uncertain) if self.uncertain else rows
        return transform(rows, self.to, self.model, self.notes)

    def _discard(self) -> None:
        """Remove the folder, for other runs at once."""
        old = self.folder.with_name(f".{self.folder.name}.{uuid4().hex}.old")
        self.folder.rename(old)
        self.sweep()

    def sweep(self) -> None:
        """Remove what was discarded.

        A run beside this one may still write a shard there, if the system had found the folder for
        it before it was renamed: so the run that is too late sweeps again.
        """
        discarded = f".{escape(self.folder.name)}.{'[0-9a-f]' * 32}.old"
        for old in self.folder.parent.glob(discarded):
            shutil.rmtree(old, ignore_errors=True)


def _read_manifest(path: Path) -> dict[str, Any]:
    """What a run began with; nothing if the file is damaged."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return saved if isinstance(saved, dict) else {}


def _is_other(name: str) -> bool:
    """Whether a run has not written a file that is in its folder."""
    return name != WHOLE and not re.fullmatch(r"\d{8,}\.[a-z]+", name)


def _read_lines(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from file
