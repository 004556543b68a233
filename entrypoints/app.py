"""The command line's root, to which each module of commands adds its own."""

from typing import Annotated

import typer

app = typer.Typer(
    name="loans",
    help="Event-sourced loan servicing. Start with: up, then status.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
