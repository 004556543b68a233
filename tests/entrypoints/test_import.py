"""A tape of a running book is taken over row by row, and every fault is told."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.commands.book import Book
from domain.commands.imports import instalments, rate_of
from domain.loan.loan import Loan
from domain.loan.state import LoanState
from entrypoints.import_command import Importer, Summary, import_tape
from entrypoints.session import Session
from entrypoints.tape import opening_of
from entrypoints.tape_mapping import MappingWrong, TapeMapping, read_mapping
from infra.bootstrap import open_book
from infra.migrations.run import migrate
from infra.settings import ROOT, Settings
from infra.trouble import Trouble

MAPPING = """
origin = "oldbank"
as_of = 2026-06-30

[file]
rates = "percent"

[columns]
ref = "contract"
borrower_ref = "customer"
zones = "zones"
amount = "lent"
disbursed_on = "paid_out"
term_months = "months"
remaining_principal = "left"
next_due_on = "next_due"
instalment = "monthly"
annual_rate = "rate"
method = "kind"
days_past_due = "dpd"
overdue_amount = "overdue"

[constants]
currency = "CNY"
jurisdiction = "CN"
product_code = "OLD"
day_count = "30/360"

[values.method]
annuity = "EQUAL_INSTALMENTS"
linear = "EQUAL_PRINCIPAL"

[only]
status = ["running"]
"""

HEADING = (
    *("contract", "customer", "zones", "lent", "paid_out", "months", "left", "next_due"),
    *("monthly", "rate", "kind", "dpd", "overdue", "status"),
)

GOOD = dict(
    zip(
        HEADING,
        (
            *("A-1", "7", "Asia/Shanghai", "12,000.00", "2026-01-10", "12", "7,083.80"),
            *("2026-07-10", "1,032.80", "6", "annuity", "0", "", "running"),
        ),
        strict=True,
    )
)
KIND_FAULT = (
    "Column 'kind' holds 'balloon': it is one of EQUAL_INSTALMENTS, EQUAL_PRINCIPAL,"
    " INTEREST_ONLY; map it in [values.method]."
)
LINEAR = GOOD | {
    "contract": "A-2",
    "customer": "8",
    "left": "7000",
    "monthly": "",
    "kind": "linear",
}
LATE = GOOD | {
    "contract": "A-3",
    "customer": "8",
    "left": "9000",
    "monthly": "",
    "kind": "linear",
    "dpd": "51",
    "overdue": "2,060",
}


def mapping(text: str = MAPPING) -> TapeMapping:
    return read_mapping(text, "map.toml")


def faults_of(**changed: str) -> list[str]:
    opening, faults = opening_of(mapping(), GOOD | changed, ["CN", "US"])
    assert (opening is None) == bool(faults)
    return faults


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    migrate(database_url)
    with open_book(database_url, connections=1) as opened:
        yield opened


class Desk:
    """Imports tapes into one book."""

    def __init__(self, book: Book, database_url: str, folder: Path) -> None:
        self.session = Session(Settings(home=folder), database_url, book, date(2026, 6, 30))
        self.folder = folder
        self.tape = folder / "tape.csv"
        self.rejected = folder / "tape.rejected.csv"

    def take(self, *rows: dict[str, str], check: bool = False) -> Summary:
        with self.tape.open("w", newline="") as file:
            writer = csv.DictWriter(file, HEADING)
            writer.writeheader()
            writer.writerows(rows)
        importer = Importer(mapping(), self.session, "tests", check=check)
        return importer.run(self.tape, self.rejected, lambda _: None)

    def rejects(self) -> list[dict[str, str]]:
        with self.rejected.open(newline="") as file:
            return list(csv.DictReader(file))

    def loan(self, ref: str) -> Loan:
        return self.session.book.get(Loan, self.session.stream_id(f"oldbank:{ref}"))

    def events(self) -> int:
        return self.session.book.recorder.max_notification_id() or 0


@pytest.fixture
def desk(book: Book, database_url: str, tmp_path: Path) -> Desk:
    return Desk(book, database_url, tmp_path)


# --- rows ---------------------------------------------------------------------------------


def test_a_good_row_says_what_is_left_of_the_loan() -> None:
    opening, faults = opening_of(mapping(), GOOD, ["CN"])

    assert faults == []
    assert opening is not None
    assert (opening.remaining, opening.next_due_on) == (7083_80, date(2026, 7, 10))
    assert (opening.instalments_left, opening.instalment) == (7, 1032_80)
    assert opening.terms.annual_rate == Decimal("0.06")
    rows = instalments(opening)
    assert [row.number for row in rows] == [6, 7, 8, 9, 10, 11, 12]
    assert sum(row.principal for row in rows) == 7083_80
    assert {row.principal + row.interest for row in rows[:-1]} == {1032_80}


def test_all_faults_of_a_row_are_told_at_once() -> None:
    faults = faults_of(
        customer="", lent="twelve", paid_out="10/01/2026", kind="balloon", zones="Mars/Base"
    )

    assert faults == [
        "Column 'customer' is empty; borrower_ref is needed.",
        "Column 'zones' holds 'Mars/Base': Mars/Base is no IANA time zone such as Europe/Prague.",
        "Column 'paid_out' holds '10/01/2026': that is no date like %Y-%m-%d.",
        "Column 'lent' holds 'twelve': that is not an amount.",
        KIND_FAULT,
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"left": "12,000.01"}, "that is more than was lent"),
        ({"left": "0"}, "nothing is left to service"),
        ({"left": "1.005"}, "has more decimals than CNY has"),
        ({"left": "-5"}, "that is below zero"),
        ({"next_due": "2026-06-10"}, "lies before the cut-over"),
        ({"paid_out": "2026-07-01"}, "lies after the cut-over"),
        ({"months": "0"}, "a term is 1 to 1200 months"),
        ({"months": "12.5"}, "that is no whole number"),
        ({"rate": "six"}, "that is no rate"),
        ({"rate": "", "monthly": ""}, "neither an annual rate nor an instalment"),
        ({"rate": "", "monthly": "1"}, "7 of it do not pay off what is left"),
        ({"overdue": "5"}, "no day or number of days says since when"),
        ({"dpd": "20", "monthly": ""}, "give overdue_amount"),
        ({"dpd": "20", "overdue": "9000"}, "More principal is overdue than is left"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(changed: dict[str, str], said: str) -> None:
    [fault] = faults_of(**changed)

    assert said in fault


def test_a_row_of_another_length_or_encoding_is_refused() -> None:
    short = {name: None if name == "status" else text for name, text in GOOD.items()}
    broken = GOOD | {"customer": "caf\udce9"}

    assert "more or fewer cells" in opening_of(mapping(), short, ["CN"])[1][0]
    assert "not utf-8" in opening_of(mapping(), broken, ["CN"])[1][0]


def test_a_late_loan_s_missed_instalments_come_first() -> None:
    opening, faults = opening_of(mapping(), LATE, ["CN"])

    assert faults == []
    assert opening is not None
    rows = instalments(opening)
    assert [row.due_on for row in rows[:3]] == [
        date(2026, 5, 10),
        date(2026, 6, 10),
        date(2026, 7, 10),
    ]
    assert sum(row.principal for row in rows) == 9000_00
    assert sum(row.principal + row.interest for row in rows[:2]) == 2060_00
    assert rows[0].interest + rows[1].interest == 90_00


def test_decimal_commas_and_other_dates_are_read() -> None:
    german = MAPPING.replace(
        'rates = "percent"', 'rates = "fraction"\ndecimal = ","\nthousands = "."\ndate = "%d.%m.%Y"'
    )
    row = LINEAR | {
        "lent": "12.000,00",
        "left": "7.000,50",
        "rate": "0,06",
        "paid_out": "10.01.2026",
        "next_due": "10.07.2026",
    }

    opening, faults = opening_of(mapping(german), row, ["CN"])

    assert faults == []
    assert opening is not None
    assert opening.remaining == 7000_50
    assert opening.terms.annual_rate == Decimal("0.06")


def test_a_rate_is_found_from_the_instalment() -> None:
    rate = rate_of(100_000_00, 8_606_64, 12)

    assert rate is not None
    assert abs(rate - Decimal("0.06")) < Decimal("0.00001")
    assert rate_of(1200, 100, 12) == 0
    assert rate_of(1200, 99, 12) is None


# --- mappings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('origin = "oldbank"', "", "Say where the tape comes from"),
        ("as_of = 2026-06-30", 'as_of = "30 June"', "Say the day of the cut-over"),
        ('ref = "contract"', 'reff = "contract"', "'reff' is no field; do you mean 'ref'?"),
        ('amount = "lent"', "", "Nothing says 'amount'"),
        ('rates = "percent"', "", "Say how rates are written"),
        ('rates = "percent"', 'rates = "bps"', 'rates is "percent" (7.2) or "fraction"'),
        ("[file]", '[file]\ndelimiter = "||"', "delimiter is one character"),
        ("[file]", '[file]\nencoding = "klingon"', "encoding 'klingon' is not known"),
        ("[file]", '[file]\ndecimal = ","', "two different marks"),
        ("[only]", "[only]\nyear = 1996", "[only] year is a list"),
        ("[constants]", '[constants]\namount = "1"', "both a column and a constant"),
        ("[file]", "[file", "is not TOML"),
    ],
)
def test_a_faulty_mapping_is_refused_with_what_to_do(old: str, new: str, said: str) -> None:
    with pytest.raises(MappingWrong) as refused:
        mapping(MAPPING.replace(old, new, 1))

    assert said in str(refused.value)


def test_a_column_that_the_file_lacks_is_named_at_once(desk: Desk) -> None:
    desk.tape.write_text("contrac,customer\n1,2\n")
    importer = Importer(mapping(), desk.session, "tests", check=False)

    with pytest.raises(MappingWrong, match=r"no column 'contract'.*do you mean 'contrac'"):
        importer.run(desk.tape, desk.rejected, lambda _: None)


# --- the book -------------------------------------------------------------------------------


def test_a_tape_is_taken_over_with_its_balances(desk: Desk) -> None:
    summary = desk.take(GOOD, LINEAR, LATE, GOOD | {"contract": "A-4", "status": "paid"})

    assert (summary.read, summary.left_out, summary.imported) == (4, 1, 3)
    assert summary.rejected == 0
    assert not desk.rejected.exists()
    assert summary.principal == {"CNY": 7083_80 + 7000_00 + 9000_00}
    late = desk.loan("A-3")
    assert late.state == LoanState.ACTIVE
    assert (late.bucket, late.overdue_since_on) == ("M2", date(2026, 5, 10))
    assert late.balance.principal == 9000_00
    assert late.borrower_id == desk.loan("A-2").borrower_id
    assert (desk.folder / "journal.jsonl").read_text().count("\n") == 5


def test_the_same_tape_twice_changes_nothing(desk: Desk) -> None:
    desk.take(GOOD, LINEAR, LATE)
    events = desk.events()

    again = desk.take(GOOD, LINEAR, LATE)

    assert (again.imported, again.already_there, again.rejected) == (0, 3, 0)
    assert desk.events() == events


def test_the_file_of_rejected_rows_is_that_of_the_last_import(desk: Desk) -> None:
    desk.take(GOOD, LINEAR | {"left": "many"})
    assert len(desk.rejects()) == 1

    summary = desk.take(GOOD, LINEAR)

    assert (summary.rejected, summary.rejected_file) == (0, None)
    assert not desk.rejected.exists()


def test_an_import_that_is_stopped_leaves_the_rejected_rows_of_the_one_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take(LINEAR | {"left": "many"})

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Importer, "_take", stopped)
    with pytest.raises(KeyboardInterrupt):
        desk.take(LINEAR)

    assert len(desk.rejects()) == 1


def test_rejected_rows_are_not_written_over_the_tape(tmp_path: Path) -> None:
    tape, columns = tmp_path / "tape.csv", tmp_path / "map.toml"
    tape.write_text("contract\n1\n")
    columns.write_text(MAPPING)

    for place in (tape, columns, tmp_path):
        with pytest.raises(Trouble, match="no place for rejected rows"):
            import_tape(tape, columns, check=True, rejected=place)

    assert tape.read_text() == "contract\n1\n"


def test_a_row_twice_in_one_tape_is_imported_once(desk: Desk) -> None:
    summary = desk.take(GOOD, GOOD)

    assert (summary.imported, summary.already_there) == (1, 1)


def test_a_changed_row_is_rejected_with_the_difference(desk: Desk) -> None:
    desk.take(GOOD, LINEAR)

    summary = desk.take(GOOD, LINEAR | {"left": "6000"})

    assert (summary.already_there, summary.rejected) == (1, 1)
    [row] = desk.rejects()
    assert row["contract"] == "A-2"
    assert "already here with other facts (instalments left)" in row["reasons"]
    assert desk.loan("A-2").balance.principal == 7000_00


def test_bad_rows_keep_nobody_out(desk: Desk) -> None:
    bad = GOOD | {"contract": "A-9", "lent": "x", "months": "y"}
    unsound = GOOD | {"contract": "A-8", "monthly": "2000"}
    other_zone = LINEAR | {"contract": "A-7", "customer": "7", "zones": "Asia/Urumqi"}

    summary = desk.take(bad, GOOD, unsound, other_zone)

    assert (summary.imported, summary.rejected) == (1, 3)
    rows = {row["contract"]: row for row in desk.rejects()}
    assert list(rows) == ["A-9", "A-8", "A-7"]
    assert rows["A-9"]["lent"] == "x"
    assert "'lent' holds 'x'" in rows["A-9"]["reasons"]
    assert "'months' holds 'y'" in rows["A-9"]["reasons"]
    assert "does not pay off" in rows["A-8"]["reasons"]
    assert "already here with another jurisdiction or other time zones" in rows["A-7"]["reasons"]


def test_a_check_stores_nothing(desk: Desk) -> None:
    summary = desk.take(GOOD, LINEAR | {"left": "x"}, check=True)

    assert (summary.imported, summary.rejected) == (1, 1)
    assert desk.events() == 0


def test_the_czech_tape_is_a_running_book_at_new_year_1997(desk: Desk) -> None:
    folder = ROOT / "entrypoints" / "demo"
    text = (folder / "berka_mapping.toml").read_text()
    importer = Importer(read_mapping(text, "berka"), None, "tests", check=True)

    summary = importer.run(folder / "berka_loans.csv", desk.rejected, lambda _: None)

    assert (summary.read, summary.rejected, summary.imported) == (500, 0, 137)
    assert summary.principal == {"CZK": 21_192_278_00}


def test_an_imported_loan_is_serviced_like_any_other(desk: Desk) -> None:
    from domain.commands import days
    from infra import clock

    desk.take(GOOD, LATE)
    days.close_days(desk.session.book, date(2026, 7, 12), zone="Asia/Shanghai", now=clock.now)

    assert desk.loan("A-1").bucket == "M1"
    assert desk.loan("A-3").bucket == "M3"
    assert replace(desk.loan("A-1").opening[0], number=6).due_on == date(2026, 7, 10)
