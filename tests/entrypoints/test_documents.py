"""What the documents tell the reader to type can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from entrypoints.app import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"```sh\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`(\./loans [^`]+)`")
WHOLE = typer.main.get_command(app)
BESIDE_THE_COMMANDS = {"test"}  # the script `loans` runs the tests itself


def commands(text: str) -> Iterator[list[str]]:
    """Each ``./loans`` command of a document, in words."""
    lines = [
        line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()
    ]
    for line in [*lines, *(" ".join(found.split()) for found in INLINE.findall(text))]:
        words = shlex.split(line.replace("…", "").replace(";", " ; "), comments=True)
        for _, command in groupby(words, key=lambda word: word == ";"):
            program, *rest = command
            if program == "./loans":
                yield rest


def what_is_wrong(words: list[str]) -> str | None:
    command = WHOLE
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest[0])
        if found is None:
            return None if command is WHOLE and rest[0] in BESIDE_THE_COMMANDS else rest[0]
        command = found
        rest = rest[1:]
    known = {"--help"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    return unknown[0] if unknown else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_commands_and_options_that_exist(document: Path) -> None:
    wrong = {
        " ".join(words): what_is_wrong(words)
        for words in commands(document.read_text())
        if what_is_wrong(words)
    }

    assert wrong == {}


def test_the_readme_names_commands_at_all() -> None:
    assert len(list(commands((ROOT / "README.md").read_text()))) > 30
