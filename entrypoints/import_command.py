"""Taking over a running book from a CSV tape, by a mapping file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from entrypoints.app import AsJson, app

if TYPE_CHECKING:
    from domain.commands.book import Command
    from domain.commands.imports import Opening, Origin, Result
    from entrypoints.session import Session
    from entrypoints.tape_mapping import TapeMapping

BATCH = 300
"""Loans in one transaction."""

REASONS_LIMIT = 100
"""So many different reasons are counted; the file of rejected rows has all."""

Cells = Mapping[Any, Any]


@app.command("import")
def import_tape(
    file: Annotated[Path, typer.Argument(help="The tape: a CSV file with a heading.")],
    mapping: Annotated[Path, typer.Option(help="What its columns mean; see docs/IMPORT.md.")],
    check: Annotated[bool, typer.Option("--check", help="Only check; store nothing.")] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(
            help="Where rejected rows go, in place of those of an earlier import;"
            " FILE.rejected.csv if not said."
        ),
    ] = None,
    actor: Annotated[str, typer.Option("--by", envvar="LOANS_ACTOR", help="Who does this.")] = (
        "import"
    ),
    as_json: AsJson = False,
) -> None:
    """Take over a running book from a CSV tape: each loan with its opening balances.

    Every row is checked. Those that cannot be taken go to a file with all reasons, the
    rest is imported; where all can, the file of an earlier import is removed. Importing the
    same tape again changes nothing. Exits with 1 when rows were rejected.
    """
    from entrypoints import output
    from entrypoints.tape_mapping import read_mapping
    from infra.trouble import Trouble

    for path in (file, mapping):
        if not path.is_file():
            raise Trouble(f"There is no file {path}.")
    known = read_mapping(mapping.read_text(), mapping.name)
    beside = rejected or file.with_name(f"{file.stem}.rejected.csv")
    if beside.resolve() in (file.resolve(), mapping.resolve()) or beside.is_dir():
        raise Trouble(f"{beside} is no place for rejected rows: give another --rejected.")
    with ExitStack() as stack:
        opened = _session(stack, check)
        importer = Importer(known, opened, actor, check=check)
        with output.progress(quiet=as_json) as progress:
            summary = importer.run(file, beside, progress)
    output.emit(summary, as_json=as_json, render=_render)
    if summary.rejected:
        raise typer.Exit(1)


@dataclass
class Summary:
    """What became of a tape; principal in minor units, by currency."""

    origin: str
    as_of: date
    business_on: date
    only_checked: bool
    read: int = 0
    left_out: int = 0
    imported: int = 0
    already_there: int = 0
    rejected: int = 0
    borrowers: int = 0
    principal: dict[str, int] = field(default_factory=dict)
    rejected_file: str | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Importer:
    """Reads a tape once, from the first row to the last."""

    def __init__(
        self, mapping: TapeMapping, session: Session | None, actor: str, *, check: bool
    ) -> None:
        """Without a session the book is not asked: rows are checked by themselves."""
        from domain.base.stream import Act
        from domain.commands.imports import Origin
        from infra import clock
        from infra.contact_policies import load_contact_rules

        self._mapping = mapping
        self._session = session
        self._keep = not check
        self._now = clock.now
        on = _business_date(mapping, session)
        nobody = _no_id()
        act = Act(actor, on, clock.now(), nobody, _correlation(mapping, session))
        self._origin: Origin = Origin(mapping.origin, act)
        self._jurisdictions = sorted(load_contact_rules().jurisdictions)
        self.summary = Summary(mapping.origin, mapping.as_of, on, check)

    def run(self, file: Path, beside: Path, progress: Callable[[Any], None]) -> Summary:
        """Every row is imported, known, or written to *beside* with its reasons."""
        import time

        from entrypoints.tape import LINE_FAULT, meant, opening_of
        from infra.embedded.part import Step

        started = time.monotonic()
        total = file.stat().st_size
        doing = "checking" if not self._keep else "importing"
        with Tape(file, self._mapping) as tape, Rejects(beside, tape, LINE_FAULT) as rejects:
            batch: list[tuple[Cells, Opening]] = []
            for cells, fault in tape.rows():
                self.summary.read += 1
                if fault is None and not meant(self._mapping, cells):
                    self.summary.left_out += 1
                    continue
                faults = [fault] if fault else []
                opening = None
                if not faults:
                    opening, faults = opening_of(self._mapping, cells, self._jurisdictions)
                if opening is None:
                    self._reject(rejects, cells, faults)
                    continue
                batch.append((cells, opening))
                if len(batch) == BATCH:
                    self._take(batch, rejects)
                    batch = []
                    progress(Step("import", doing, tape.bytes_read(), total))
            self._take(batch, rejects)
            self.summary.rejected_file = str(beside) if rejects.count else None
        self.summary.seconds = round(time.monotonic() - started, 1)
        return self.summary

    def _take(self, batch: Sequence[tuple[Cells, Opening]], rejects: Rejects) -> None:
        from domain.commands.imports import Outcome

        if not batch:
            return
        for (cells, opening), result in zip(batch, self._results(batch), strict=True):
            if result.outcome == Outcome.REJECTED:
                self._reject(rejects, cells, result.reasons)
            elif result.outcome == Outcome.KNOWN:
                self.summary.already_there += 1
            else:
                self.summary.imported += 1
                currency, principal = opening.terms.currency, self.summary.principal
                principal[currency] = principal.get(currency, 0) + opening.remaining

    def _results(self, batch: Sequence[tuple[Cells, Opening]]) -> list[Result]:
        from domain.commands.imports import Outcome, Result, check, take_over

        openings = [opening for _, opening in batch]
        if self._session is None:
            found = [check(self._origin, opening) for opening in openings]
            return [
                Result(Outcome.REJECTED if reasons else Outcome.IMPORTED, reasons)
                for reasons in found
            ]
        book = self._session.book
        results, commands = take_over(book, self._origin, openings, self._now, keep=self._keep)
        self._journal(commands)
        loans = sum(result.outcome == Outcome.IMPORTED for result in results)
        self.summary.borrowers += max(len(commands) - loans, 0)
        return results

    def _journal(self, commands: Sequence[Command]) -> None:
        from domain.commands.book import Receipt

        assert self._session is not None
        self._session.journal(
            [
                (done.command_id, Receipt(done.stream_id, done.version, repeated=False))
                for done in commands
            ]
        )

    def _reject(self, rejects: Rejects, cells: Cells, reasons: Sequence[str]) -> None:
        self.summary.rejected += 1
        told = self.summary.reasons
        for reason in reasons:
            if reason in told or len(told) < REASONS_LIMIT:
                told[reason] = told.get(reason, 0) + 1
        rejects.write(cells, reasons)


class Tape:
    """The rows of a CSV file, one at a time."""

    def __init__(self, file: Path, mapping: TapeMapping) -> None:
        """The heading is read, and has every column that the mapping names."""
        from entrypoints.tape_mapping import MappingWrong

        self.dialect = mapping.dialect
        self._raw = file.open("rb")
        self._text = io.TextIOWrapper(
            self._raw, encoding=self.dialect.encoding, errors="surrogateescape", newline=""
        )
        self._reader = csv.DictReader(
            self._text, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote
        )
        self.heading: list[str] = list(self._reader.fieldnames or [])
        missing = mapping.missing_columns(self.heading)
        if missing:
            self._text.close()
            raise MappingWrong(" ".join(missing))

    def rows(self) -> Iterator[tuple[Cells, str | None]]:
        """Each row's cells, and what is wrong with its form."""
        while True:
            try:
                yield next(self._reader), None
            except StopIteration:
                return
            except csv.Error as wrong:
                yield {}, f"Line {self._reader.line_num} is no CSV: {wrong}."

    def bytes_read(self) -> int:
        """How far the file is read, by whole blocks."""
        return self._raw.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()


class Rejects:
    """The rows that were not taken, in a file of their own; none, no file.

    One of an earlier import is gone then: its rows were taken since, or are told anew.
    """

    def __init__(self, path: Path, tape: Tape, column: str) -> None:
        """Nothing is written until the first row."""
        self._path = path
        self._tape = tape
        self._column = column
        self._file: Any = None
        self._writer: Any = None
        self.count = 0

    def write(self, cells: Cells, reasons: Sequence[str]) -> None:
        """Add a row with its reasons."""
        columns = [name for name in self._tape.heading if name != self._column]
        if self._file is None:
            dialect = self._tape.dialect
            self._file = self._path.open(
                "w", encoding=dialect.encoding, errors="surrogateescape", newline=""
            )
            self._writer = csv.writer(
                self._file, delimiter=dialect.delimiter, quotechar=dialect.quote
            )
            self._writer.writerow([*columns, self._column])
        self._writer.writerow([*(cells.get(name) or "" for name in columns), " ".join(reasons)])
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        elif failed is None:
            self._path.unlink(missing_ok=True)


def _session(stack: ExitStack, check: bool) -> Session | None:
    from entrypoints.session import session
    from infra import processes
    from infra.settings import Settings

    settings = Settings()
    if check and not settings.database_url and processes.status(settings) is None:
        return None
    return stack.enter_context(session(settings))


def _business_date(mapping: TapeMapping, session: Session | None) -> date:
    """The day on which the book learns of the loans: the cut-over, or its own day after it.

    Raises:
        Trouble: the book has not come to the cut-over yet.
    """
    from domain.commands import days
    from infra.trouble import Trouble

    on = days.business_date(session.book) if session else None
    if on is None:
        return mapping.as_of
    if on < mapping.as_of:
        raise Trouble(
            f"The book stands at {on}, the cut-over is {mapping.as_of}: close the days before"
            f" it with ./loans day close, or correct as_of."
        )
    return on


def _no_id() -> Any:
    from uuid import UUID

    return UUID(int=0)


def _correlation(mapping: TapeMapping, session: Session | None) -> Any:
    from uuid import UUID, uuid5

    namespace = session.book.namespace if session else UUID(int=0)
    return uuid5(namespace, f"import:{mapping.origin}:{mapping.as_of}")


def _render(summary: Summary) -> None:
    from entrypoints.output import money, out, table

    rows = table("rows", "count", right=("count",))
    for name, count in (
        ("read", summary.read),
        ("left out by the filter", summary.left_out),
        ("could be imported" if summary.only_checked else "imported", summary.imported),
        ("already there, unchanged", summary.already_there),
        ("rejected", summary.rejected),
    ):
        rows.add_row(name, f"{count:,}")
    out.print(rows)
    for currency, amount in sorted(summary.principal.items()):
        out.print(f"principal taken over  {money(amount, currency)}")
    if summary.business_on > summary.as_of and summary.imported:
        out.print(
            f"The book stands at {summary.business_on}, after the cut-over on {summary.as_of}:"
            f" enter what was paid since with ./loans repay --on, or these loans count as late."
        )
    if summary.only_checked:
        out.print("Only checked: nothing was stored.")
    elif not summary.imported and not summary.rejected:
        out.print("The whole tape was imported before; nothing changed.")
    if summary.rejected:
        out.print(f"Rejected rows, each with its reasons: {summary.rejected_file}")
        often = sorted(summary.reasons.items(), key=lambda each: -each[1])
        for reason, count in often[:5]:
            out.print(f"  {count:,} × {reason}", markup=False)
