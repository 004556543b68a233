"""The command that checks worked cases: ``scenario check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from entrypoints.app import AsJson, app

scenario = typer.Typer(
    help="Worked cases: check expected figures against the product's own rules.",
    no_args_is_help=True,
)
app.add_typer(scenario, name="scenario")


@scenario.callback()
def _group() -> None:
    """Worked cases: check expected figures against the product's own rules."""


@scenario.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of cases (JSON).")],
    as_json: AsJson = False,
) -> None:
    """Compute every case of the files with the product's own rules, and compare.

    A case passes, fails, or is unsupported: its terms ask for what is not offered.
    One that cannot be read fails, and the others are computed. Exits with 1 when a case
    failed, with 2 when a file is none of cases.
    """
    from entrypoints.scenarios.checks import KINDS, verdicts
    from entrypoints.scenarios.files import read
    from entrypoints.scenarios.shown import show

    read_files = [read(path, list(KINDS)) for path in files]
    show([(file.name, verdicts(file)) for file in read_files], as_json=as_json)
