"""The command that checks decisions of the contact gate: ``contact check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from entrypoints.app import AsJson, app

contact = typer.Typer(
    help="Contact with borrowers: ask the gate, tell what came of it, see why.",
    no_args_is_help=True,
)
app.add_typer(contact, name="contact")


@contact.callback()
def _group() -> None:
    """Contact with borrowers: ask the gate, tell what came of it, see why."""


@contact.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of decision cases (JSON).")
    ],
    as_json: AsJson = False,
) -> None:
    """Ask the contact gate about every case of the files, and compare.

    A case passes, fails, or is unsupported: it asks for what is not offered. One that
    cannot be read fails, and the others are asked about. Nothing is sent and nothing is
    stored. Exits with 1 when a case failed, with 2 when a file is none of decision cases.
    """
    from entrypoints.scenarios.contact import KIND, verdicts
    from entrypoints.scenarios.files import read_raw
    from entrypoints.scenarios.shown import show
    from infra.contact_policies import load_contact_rules

    read_files = [read_raw(path, [KIND]) for path in files]
    policies = load_contact_rules()
    show([(file.name, verdicts(file, policies)) for file in read_files], as_json=as_json)
