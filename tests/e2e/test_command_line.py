"""Every command of the command line, as a program that staff or a script would start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner

import entrypoints.cli  # noqa: F401 - every module of commands adds its own to the app
from domain.base.calendar import add_months
from entrypoints.app import app
from tests.conftest import temporary_home
from tests.e2e.staff import at_work
from tests.e2e.system import System, wait_until

pytestmark = pytest.mark.timeout(900)

SERVED_ELSEWHERE = {"bench", "demo", "test"}
"""Those that run for minutes, or run this; only their help is asked for here."""

PEOPLE = ("--requested-by", "officer", "--approved-by", "manager")

PRODUCT = """
code = "CLI"
version = 1
name = "For the command line"
currency = "CNY"
amount_min = "100.00"
amount_max = "10000.00"
term_months_min = 1
term_months_max = 12
frequency = "MONTH"
method = "EQUAL_INSTALMENTS"
annual_rate = "0.12"
day_count = "30/360"
rounding = "HALF_UP"
grace_days = 0
grace_retroactive = false
penalty_rate = "0"
allocation_order = ["FEE", "INTEREST", "PENALTY", "PRINCIPAL"]
future_money = "NEXT_INSTALMENT"
evidence = ["IDENTITY"]
fees = [{ kind = "LETTER", timing = "ON_EVENT", amount = "5.00" }]
"""

LIMIT = PRODUCT.replace('"CLI"', '"LIMIT"').replace(
    '"EQUAL_INSTALMENTS"', '"INTEREST_ONLY"\naccrual = "DAILY_BALANCE"'
)

RENEWABLE = (
    PRODUCT.replace('"CLI"', '"CLI-R"')
    + """
[renewal]
term_months = 1
most = 1
offer_days = 25
"""
)

CONVERTIBLE = (
    PRODUCT.replace('"CLI"', '"CLI-V"').replace('"EQUAL_INSTALMENTS"', '"BULLET"')
    + """
[conversion]
most = 6
offer_days = 10
"""
)

MAPPING = """
origin = "cli{on:%Y%m%d}"
as_of = {on}

[file]
rates = "percent"

[columns]
ref = "contract"
borrower_ref = "customer"
amount = "lent"
disbursed_on = "paid_out"
term_months = "months"
remaining_principal = "left"
next_due_on = "next_due"
annual_rate = "rate"

[constants]
currency = "CNY"
jurisdiction = "CN"
zones = ["Asia/Shanghai"]
product_code = "OLD"
day_count = "30/360"
method = "EQUAL_PRINCIPAL"
"""


def commands() -> dict[str, Any]:
    """Every command by its words."""

    def below(group: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from below(command, (*words, name))
            else:
                yield " ".join((*words, name)), command

    return dict(below(typer.main.get_command(app), ()))


@dataclass
class CommandLine:
    """Gives commands, and remembers which; the first of each group starts a process."""

    system: System
    given: set[str] = field(default_factory=set)

    def __call__(self, words: str, *arguments: str, code: int = 0) -> Any:
        group = words.split(maxsplit=1)[0]
        known = any(each.split()[0] == group for each in self.given)
        self.given.add(words)
        give = self.system.at_hand if known else self.system.loans
        return give(*words.split(), *arguments, code=code)

    def lend(self, borrower: str, product: str = "CLI:1", *payout: str, months: str = "3") -> str:
        """A loan of 1,200.00."""
        applied = self("apply", borrower, product, "1200.00", months, "--purpose", "a roof")
        loan = str(applied["ref"])
        self("evidence", loan, "IDENTITY", "--ref", "E-1")
        self("approve", loan, *PEOPLE)
        self("disclose", loan)
        self("sign", loan, "--contract", "C-1")
        self("disburse", loan, "--to", "account-ref", *payout)
        return loan


@pytest.mark.parametrize(
    "group",
    [
        "",
        "borrower",
        "campaign",
        "collect",
        "collect support",
        "complaint",
        "contact",
        "contact inbox",
        "contact replies",
        "convert",
        "day",
        "disclosure",
        "experiment",
        "policy",
        "product",
        "projections",
        "providers",
        "relief",
        "renewal",
        "scenario",
        "security",
        "template",
        "vault",
    ],
)
def test_a_program_that_is_asked_for_help_gives_it(system: System, group: str) -> None:
    ended = system.run(*group.split(), "--help")

    assert ended.returncode == 0, ended.stderr
    for words in commands():
        if words.startswith(group):
            assert words.removeprefix(group).split()[0] in ended.stdout


def test_every_command_helps_and_says_what_it_is_for() -> None:
    for words, command in commands().items():
        if words == "test":
            continue  # its --help is pytest's
        helped = CliRunner().invoke(app, [*words.split(), "--help"], prog_name="loans")

        assert helped.exit_code == 0, words
        assert f"loans {words}" in helped.stdout
        assert str(command.help).split()[0] in helped.stdout


def test_every_command_answers_in_json(system: System, tmp_path: Path) -> None:
    loans = CommandLine(system)

    on, borrower = opened(loans, tmp_path)
    unknown = loans("apply", borrower, "NOPE", "1200.00", "3", code=2)
    assert (unknown["refused"], "NOPE:1" in unknown["sentence"]) == ("NOT_FOUND", True)
    loan = loans.lend(borrower)
    moved_to = money_moves(loans, loan, on)
    is_drawn_on(loans, borrower)
    borrower_objects_and_promises(loans, borrower, loan, moved_to)
    says_when_and_how_to_be_reached(loans, borrower)
    is_asked_whether_to_be_called(loans, borrower, loan, on)
    is_reminded_and_collected(loans, borrower, loan, moved_to, tmp_path)
    complains_and_rates_us(loans, on)
    is_late_and_written_off(loans, loan, moved_to)
    is_secured_and_sold(loans, loans.lend(borrower))
    with at_work(system) as colleague:
        applications_end_before_payout(loans, [str(colleague.apply()) for _ in range(3)])
        is_paid_off_and_refunded(loans, str(colleague.lend()))
        comes_back_and_is_paid_out_again(loans, str(colleague.lend()))
    is_laid_anew(loans, loans.lend(borrower))
    is_offered_a_renewal(loans, borrower, tmp_path)
    is_converted(loans, borrower, tmp_path)
    today = date.fromisoformat(loans("day show")["business_date"])
    rules_change(loans, tmp_path, today)
    texts_are_reviewed(loans, tmp_path, today)
    is_tried_and_advertised(loans, borrower, tmp_path)
    people_are_kept_and_erased(loans, borrower, tmp_path)
    operators_look(loans, tmp_path)
    routes_are_looked_at(loans)
    another_home_is_empty(loans)
    cases = loans("scenario check", "tests/golden/daycount.json")
    assert {case["status"] for case in cases} == {"passed"}
    cases = loans("contact check", "tests/golden/contact.json")
    assert {case["status"] for case in cases} == {"passed"}

    assert set(commands()) - SERVED_ELSEWHERE == loans.given


RULE = """
[[limit]]
rule = "reminders-a-week-{version}"
version = "limits-1"
jurisdiction = "ANY"
reason = "CAP"
purposes = ["SERVICE_REMINDER"]
counts = {{ purposes = ["SERVICE_REMINDER"], outcomes = ["SENT"] }}
per = "DEBTOR"
within = "HOURS"
hours = 168
most = 20
from = {day}
source = "a test"
"""


def rules_change(loans: CommandLine, folder: Path, on: date) -> None:
    """A rule is checked, published, looked at, ended; another one is taken back."""
    now, later = folder / "now.toml", folder / "later.toml"
    now.write_text(RULE.format(version="now", day=on))
    later.write_text(RULE.format(version="later", day=on + timedelta(days=9)))
    written = loans("policy calendar", "CN", "2026", "--source", "a notice")
    assert "2026-10-01" in written["entry"]
    (checked,) = loans("policy check", str(now))
    assert (checked["rules"], checked["faults"]) == (["reminders-a-week-now limits-1"], [])
    alone = ("--by", "clerk", "--approved-by", "clerk")
    refused = loans("policy publish", str(now), *alone, code=2)
    assert refused["refused"] == "SAME_PERSON"
    told = loans("policy publish", str(now), str(later), "--approved-by", "lawyer")
    assert [each["stage"] for each in told["rules"]] == ["PUBLISHED", "PUBLISHED"]
    listed = loans("policy list", "--purpose", "SERVICE_REMINDER", "--kind", "limit")
    named = [each["rule"] for each in listed["rules"]]
    assert {"reminders-a-day", "reminders-a-week-now"} <= set(named)
    loans("policy confirm", "reminders-a-week-now", "forbidden-words")
    shown = loans("policy show", "reminders-a-week-now")
    assert shown["source"] == "a test" and shown["looked_at"]
    loans("policy withdraw", "reminders-a-week-later", "limits-1", "--reason", "a slip")
    end = ("--on", str(on + timedelta(days=5)), "--reason", "tried", "--approved-by", "lawyer")
    told = loans("policy retire", "reminders-a-week-now", "limits-1", *end)
    assert told["rules"][0]["until"] == str(on + timedelta(days=5))
    history = loans("policy history", "reminders-a-week-now")
    assert history["versions"][0]["valid_until"] == str(on + timedelta(days=5))


TEXT = """
[[template]]
rule = "cn-hello"
version = "{version}"
jurisdiction = "CN"
language = "zh"
family = "on-due"
purpose = "SERVICE_REMINDER"
channel = "SMS"
sender = "示例消费金融"
text = "{text}"
figures = {{ amount = "MONEY" }}
from = {day}
source = "a test"
"""


def texts_are_reviewed(loans: CommandLine, folder: Path, on: date) -> None:
    """A text is checked, submitted, approved by somebody else, rendered; another is refused."""
    sound, bad = folder / "sound.toml", folder / "bad.toml"
    sound.write_text(TEXT.format(version="1", text="今日应还{{ amount | money }}", day=on))
    bad.write_text(TEXT.format(version="2", text="秒批{{ amount | money }}", day=on))
    (checked,) = loans("template check", str(bad), code=1)
    assert "forbidden-words" in checked["faults"][0]
    loans("template submit", str(sound), "--by", "writer")
    refused = loans("template approve", "cn-hello", "1", "--by", "writer", code=2)
    assert refused["refused"] == "SAME_PERSON"
    loans("template approve", "cn-hello", "1", "--by", "reviewer")
    sound.write_text(TEXT.format(version="2", text="应还{{ amount | money }}", day=on))
    loans("template submit", str(sound), "--by", "writer")
    reason = ("--reason", "too short", "--by", "reviewer")
    told = loans("template refuse", "cn-hello", "2", *reason)
    assert told["rules"][0]["stage"] == "REFUSED"
    listed = loans("template list", "--jurisdiction", "CN", "--purpose", "SERVICE_REMINDER")
    assert "cn-hello" in [each["rule"] for each in listed["texts"]]
    assert listed["reviews"]["answered"] == 2
    assert loans("template show", "cn-hello")["text"] == "今日应还{{ amount | money }}"
    shown = loans("template render", "cn-hello", "--figure", "amount=1250.00 CNY")
    assert shown["text"] == "今日应还1,250.00元"


EXPERIMENT = """
name = "hold-out"
hypothesis = "Reminders help."
applies_to = "REMINDERS"
control = "NO_REMINDER"
primary_metric = "paid_in_time"
arms = [
    {{ name = "AS_PLANNED", weight = 1 }},
    {{ name = "NO_REMINDER", weight = {held_out}, hold_out = true }},
]
"""

CAMPAIGN = """
name = "greeting"
purpose = "MARKETING"
channels = ["SMS"]
template = "offer"
product_line = "consumer"
from = 2020-01-01
until = 2099-01-01
figures = {{ product = "a loan", product_version = "CLI:{version}" }}
audience = {{ jurisdiction = "CN", products = ["CLI"] }}
"""


def is_tried_and_advertised(loans: CommandLine, borrower: str, folder: Path) -> None:
    """An experiment that nobody is in yet, a campaign, and a reward that is not cash."""
    experiment = folder / "experiment.toml"
    experiment.write_text(EXPERIMENT.format(held_out=1_000_000))
    loans("experiment start", str(experiment))
    again = loans("experiment start", str(experiment))
    assert (again["version"], again["recorded"]) == (1, [])
    experiment.write_text(EXPERIMENT.format(held_out=1))
    refused = loans("experiment start", str(experiment), code=2)
    assert refused["refused"] == "EXPERIMENT_KNOWN"
    assert [each["state"] for each in loans("experiment list")] == ["runs"]
    refused = loans("experiment propose", "hold-out", "AS_PLANNED", code=2)
    assert refused["refused"] == "NOT_MEASURED"
    refused = loans("experiment approve", "hold-out", code=2)
    assert refused["refused"] == "NO_WINNER_PROPOSED"
    loans("experiment stop", "hold-out", "--reason", "tried")
    assert loans("experiment show", "hold-out")["state"].startswith("stopped")
    measured = loans("experiment results", "hold-out")["found"]
    assert [each["arm"] for each in measured["arms"]] == ["AS_PLANNED", "NO_REMINDER"]

    campaign = folder / "campaign.toml"
    campaign.write_text(CAMPAIGN.format(version=9))
    assert len(loans("campaign check", str(campaign), code=1)["faults"]) == 1
    campaign.write_text(CAMPAIGN.format(version=1))
    assert loans("campaign check", str(campaign))["faults"] == []
    launched = loans("campaign launch", str(campaign), "--approved-by", "manager")
    assert launched["new"] == launched["borrowers"]
    came = loans("campaign results", "greeting")["found"]
    assert came["queued"] == launched["new"]
    assert (came["applied"], came["disbursed"]) == (0, 0)
    assert [each["campaign"] for each in loans("campaign list")] == ["greeting"]

    friend = loans("borrower register", "--jurisdiction", "CN", "--zone", "Asia/Shanghai")
    referred = (str(friend["ref"]), "--referred-by", borrower)
    refused = loans("borrower refer", *referred, "--reward", "cash", code=2)
    assert refused["refused"] == "REWARD_NOT_ALLOWED"
    loans("borrower refer", *referred, "--reward", "points")
    [listed] = loans("borrower referrals", str(friend["ref"]))
    assert (listed["referred_by_ref"], listed["reward"]) == (borrower, "POINTS")


def opened(loans: CommandLine, folder: Path) -> tuple[date, str]:
    """The day that is open, and a borrower; there is a product."""
    before = date.fromisoformat(loans("day show")["business_date"])
    loans("day close", str(before))
    on = before + timedelta(days=1)
    assert loans("day show") == {"business_date": str(on), "last_closed": str(before)}
    product = folder / "product.toml"
    product.write_text(PRODUCT)
    assert loans("product check", str(product)) == {"product": "CLI v1", "faults": []}
    loans("product publish", str(product))
    limit = folder / "limit.toml"
    limit.write_text(LIMIT)
    loans("product publish", str(limit))
    assert "CLI" in [offer["code"] for offer in loans("product list")]
    offered = loans("product check", "docs/catalogue", "--on", "2026-11-30")
    assert len(offered) >= 12 and not any(each["faults"] for each in offered)
    two = ("docs/catalogue/household.toml", "docs/catalogue/graded.toml")
    assert [each["version"] for each in loans("product publish", *two)] == [1, 1]
    withdrawn = loans("product withdraw", "GRADED:1", "--reason", "its grades are too dear")
    assert withdrawn["recorded"][0]["event"] == "product.withdrawn"
    shown = loans("product show", "GRADED:1")
    assert (shown["code"], shown["withdrawn_because"]) == ("GRADED", "its grades are too dear")
    quoted = [loans("quote", named, "1200.00", "3") for named in (str(product), "CLI:1")]
    assert quoted[0]["terms_digest"] == quoted[1]["terms_digest"]
    assert quoted[0]["costs"] == quoted[1]["costs"]
    assert sum(row["principal"] for row in quoted[0]["instalments"]) == 1_200_00
    borrower = loans("borrower register", "--jurisdiction", "CN", "--zone", "Asia/Shanghai")
    return on, str(borrower["ref"])


def applications_end_before_payout(loans: CommandLine, applied: list[str]) -> None:
    loans("decline", applied[0], "--reason", "income")
    withdrawn = loans("withdraw", applied[1], "--reason", "found another")
    shown = loans("tracker", applied[1], "--version", str(withdrawn["version"]))["found"]
    assert shown["stages"][-1]["stage"] == "WITHDRAWN"
    loans("tracker", applied[2], "--version", "3")
    listed = loans("applications", "--stage", "decision", "--limit", "1000")["found"]
    assert applied[2] in [row["loan_id"] for row in listed]


def money_moves(loans: CommandLine, loan: str, on: date) -> date:
    """There and back; the day to which the first instalment was moved."""
    payment = ("repay", loan, "408.03", "--ref", "P-1", "--id", str(uuid4()))
    first, again = loans(*payment), loans(*payment)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["version"] == again["version"]
    loans("reverse", loan, "P-1", "--reason", "bounced")
    loans("repay", loan, "408.03", "--ref", "P-1B", "--in-place-of", "P-1")
    loans("reverse", loan, "P-1B", "--reason", "bounced again")
    loans("fee", loan, "LETTER", "--ref", "F-1")
    loans("waive", loan, "F-1", "5.00", "--reason", "once", *PEOPLE)
    loans("fee", loan, "LETTER", "--ref", "F-2", "--on", str(on))
    loans("forgive", loan, "2", "interest", "--amount", "0.01", "--reason", "goodwill", *PEOPLE)
    loans("take-back", loan, "F-2", "--reason", "no letter was sent", *PEOPLE)
    moved_to = add_months(on, 1) + timedelta(days=5)
    loans("move-due-date", loan, "1", str(moved_to), "--reason", "asked")
    loans("move-due-date", loan, "3", "--day", "28", "--reason", "new pay day", *PEOPLE)
    loans("take-back", loan, "move-99", "--reason", "not agreed", *PEOPLE, code=2)
    supposed = loans("what-if", loan, "--repay", f"408.03@{moved_to}")
    paid = [
        side["instalments"][0]["paid_on"] for side in (supposed["without"], supposed["with_it"])
    ]
    assert paid == [None, str(moved_to)]
    held = loans("what-if", loan, "--hold", "BANKRUPTCY")
    assert held["recorded"] == ["loan.hold-placed"]
    lost = loans("what-if", loan, "--forgive", "3:interest=0.01", "--write-off", "today")
    assert lost["recorded"][-1] == "loan.written-off"
    assert (lost["without"]["state"], lost["with_it"]["state"]) == ("ACTIVE", "WRITTEN_OFF")
    unknown = loans("what-if", loan, "--lift", "H-99", code=2)
    assert unknown["refused"] == "HOLD_NOT_ON_LOAN"
    refused = loans("repay", loan, "1.00", "--ref", "P-2", "--currency", "USD", code=2)
    assert refused["refused"] == "CURRENCY_DIFFERS"
    return moved_to


def is_drawn_on(loans: CommandLine, borrower: str) -> None:
    loan = loans.lend(borrower, "LIMIT:1", "--amount", "400.00")
    drawn = loans("draw", loan, "500.00", "--paid-to", "account-ref")
    assert drawn["after"]["balance"]["principal"] == 900_00
    refused = loans("draw", loan, "300.01", "--paid-to", "account-ref", code=2)
    assert refused["refused"] == "LIMIT_EXCEEDED"


def borrower_objects_and_promises(
    loans: CommandLine, borrower: str, loan: str, promised_on: date
) -> None:
    loans("borrower hold", borrower, "DISPUTE", "--reason", "was paid", "--ref", "H-1")
    loans("borrower lift", borrower, "H-1", "--reason", "it was not")
    began = loans("history", loan)[0]["business_on"]
    why = ("--reason", "court order", "--ref", "H-2")
    held = loans("borrower hold", borrower, "BANKRUPTCY", *why, "--loan", loan, "--from", began)
    assert [step["event"] for step in held["loans"][0]["recorded"]] == ["loan.hold-placed"]
    later = str(promised_on)
    told = loans("explain", loan, "--as-of", later, "--figure", "penalty")["lines"]
    assert [line["what"] for line in told if "BANKRUPTCY hold H-2" in line["what"]]
    undone = loans("borrower lift", borrower, "H-2", "--reason", "not this one", "--from", began)
    assert [step["event"] for step in undone["loans"][0]["recorded"]] == ["loan.hold-ended"]
    end, later = (str(promised_on + timedelta(days=days)) for days in (1, 9))
    loans("borrower hold", borrower, "DISPUTE", *why[:2], "--ref", "H-3", "--until", end)
    loans("borrower until", borrower, "H-3", later, "--reason", "still looked into")
    loans("borrower holds", "--kind", "dispute", "--ends-within", "30")
    loans("borrower lift", borrower, "H-3", "--reason", "it was not")


def says_when_and_how_to_be_reached(loans: CommandLine, borrower: str) -> None:
    said = (borrower, "--at", "2026-03-02T09:00+08:00")
    loans("borrower zones", borrower, "Asia/Shanghai")
    unknown = loans("borrower jurisdiction", borrower, "cn", code=2)
    assert unknown["refused"] == "JURISDICTION_UNKNOWN"
    loans("borrower jurisdiction", borrower, "CN")
    loans("borrower language", borrower, "zh")
    assert loans("borrower show", borrower)["language"] == "zh"
    loans("borrower hours", *said, "09:00-20:00", "--only")
    saturday = ("10:00-12:00", "--channel", "sms", "--weekday", "sat")
    loans("borrower hours", *said, *saturday, "--not-before", "2026-03-07")
    loans("borrower hours", *said, "--channel", "sms")
    for point in ("P-1", "P-2"):
        loans("borrower point", *said, point, "PHONE", "--basis", "CONTRACT")
    loans("borrower point", *said, "P-3", "PHONE", "--basis", "CONSENT", "--third-party")
    loans("borrower point", *said, "P-4", "PHONE", "--basis", "CONTRACT", "--party", "attorney")
    loans("borrower leave-alone", *said, "P-3")
    loans("borrower block", *said, "P-2", "--reason", "wrong person")
    loans("borrower unblock", *said, "P-2", "--reason", "a mistake")
    loans("borrower retire", *said, "P-2", "--reason", "given up")
    loans("borrower consent", *said, "MARKETING")
    loans("borrower confirm", *said, "MARKETING")
    loans("borrower withdraw", *said, "MARKETING")
    loans("borrower opt-out", *said, "--channel", "WECOM")
    done = loans("borrower opt-in", *said, "--channel", "WECOM")
    assert [step["event"] for step in done["recorded"]] == ["borrower.opt-out-revoked"]
    again = loans("borrower opt-in", *said, "--channel", "WECOM", code=2)
    assert again["refused"] == "OPT_OUT_UNKNOWN"


def is_asked_whether_to_be_called(loans: CommandLine, borrower: str, loan: str, on: date) -> None:
    call = (borrower, "--purpose", "collection", "--channel", "phone", "--point", "P-1")
    noon, promised_on = ("--at", f"{on}T12:00+08:00"), str(on + timedelta(days=3))
    loans("borrower promise", loan, "8.03", promised_on, "--ref", "PP-9")
    early = loans("contact ask", *call, "--loan", loan, "--ref", "C-1", *noon, code=2)
    assert early["refused"] == "PROMISE_OPEN"
    loans("borrower unpromise", borrower, "PP-9", "--reason", "noted in error")
    allowed = loans("contact ask", *call, "--loan", loan, "--ref", "C-1", *noon)
    assert (allowed["answer"], allowed["rules"]) == ("ALLOW", [])
    said = ("conversation", "--seconds", "90", "--reason-late", "forgot")
    told = loans("contact tell", borrower, "C-1", *said, *noon)
    assert told["recorded"][-1]["event"] == "borrower.late-reason-recorded"
    loans("contact received", borrower, "--channel", "phone", "--loan", loan, *noon)
    writes_to_us(loans, borrower, on)
    night = ("--at", f"{on}T22:00+08:00")
    ahead = ("--ref", "C-3", "--at", "2999-12-31T12:00+08:00")
    assert loans("contact ask", *call, *ahead, code=2)["refused"] == "NOT_YET"
    late = loans("contact ask", *call, "--ref", "C-2", *night, code=3)
    assert (late["answer"], late["because"]) == ("DEFER", ["WINDOW"])

    why = loans("contact why", borrower, "--channel", "phone", *night)
    assert {"C-1", "C-2"} == {each["contact_ref"] for each in why["decided"]}
    answers = {
        each["purpose"]: each["answer"] for each in why["ways"] if each["point_ref"] == "P-1"
    }
    assert answers["COLLECTION"] == "DEFER"
    assert answers["RECEIPT"] == "BLOCK"
    receipt = (borrower, "--purpose", "receipt", "--channel", "phone", "--point", "P-1")
    assert loans("contact ask", *receipt, *noon, code=2)["refused"] == "ONLY_IN_WRITING"
    contacts_are_looked_at(loans, borrower, on, str(late["version"]))
    contract_narrows_contact(loans, borrower, loan)
    loans("borrower promise", loan, "408.03", promised_on, "--ref", "PP-1")


def contract_narrows_contact(loans: CommandLine, borrower: str, loan: str) -> None:
    agreed = ("--loan", loan, "--reason", "clause 9", "--ref", "K-1")
    refused = loans("contact restrict", borrower, *agreed, code=2)
    assert refused["refused"] == "RESTRICTION_NOT_SOUND"
    narrowed = ("contact restrict", borrower, *agreed, "--channel", "visit", "--id", str(uuid4()))
    done, again = loans(*narrowed), loans(*narrowed)
    assert done["recorded"][-1]["event"] == "borrower.contact-restricted"
    assert (again["repeated"], again["version"]) == (True, done["version"])
    done = loans("contact unrestrict", borrower, "K-1", "--reason", "agreed anew")
    assert done["recorded"][-1]["event"] == "borrower.contact-restriction-lifted"


def writes_to_us(loans: CommandLine, borrower: str, on: date) -> None:
    noon = ("--at", f"{on}T12:00+08:00")
    letter = ("--channel", "sms", "--purpose", "care", "--said", "V-1", "--ref")
    loans("contact received", borrower, *letter, "I-1", *noon)
    wrote = loans("contact received", borrower, *letter, "I-2", *noon)
    shown = ("--version", str(wrote["version"]), "--at", f"{on}T13:00+08:00")
    listed = loans("contact replies list", borrower, *shown)["found"]
    assert [(each["contact_ref"], each["stage"]) for each in listed["replies"]] == [
        ("I-1", "UNREAD"),
        ("I-2", "UNREAD"),
    ]
    assert {each["minutes_waiting"] for each in listed["replies"]} == {60}
    unread = loans("contact replies answer", "I-1", *noon, code=2)
    assert unread["refused"] == "REPLY_UNREAD"
    loans("contact replies read", "I-1", "--outcome", "question", *noon)
    done = loans("contact replies answer", "I-1", *noon)
    assert done["recorded"][-1]["event"] == "borrower.reply-answered"
    read = loans("contact replies read", "I-2", "--outcome", "nothing", "--by", "chen", *noon)
    every = ("--version", str(read["version"]), "--all")
    listed = loans("contact replies list", borrower, *every)["found"]
    assert [each["read_by"] for each in listed["replies"]] == ["staff", "chen"]
    assert (listed["unread"], listed["to_answer"]) == (0, 0)


def contacts_are_looked_at(loans: CommandLine, borrower: str, on: date, version: str) -> None:
    logged = loans("contact log", borrower, "--version", version, "--reason", "window")["found"]
    assert [each["contact_ref"] for each in logged] == ["C-2"]
    late = ("--on", str(on), "--at", "23:00")
    left = loans("contact budget", borrower, "--purpose", "collection", *late)["found"]
    calls = {each["rule"]: (each["used"], each["left"]) for each in left["limits"]}
    assert calls["cn-connected-calls-a-day"] == (1, 2)
    counted = loans("contact summary", "--to", str(on))["found"]
    assert "WINDOW" in [each["reason"] for each in counted["reasons"]]
    assert loans("contact deliveries")["freshness"]["view"] == "contacts"
    stages = loans("contact funnel", "--by", "occasion", "--within", "3")["found"]
    assert ("staff", True) in [(each["of"], each["interacted"] > 0) for each in stages]
    refused = loans("contact keywords")["found"]["opt_outs"]
    assert ("WECOM", 0) in [(each["channel"], each["standing"]) for each in refused]
    register = loans("consents", borrower)["found"]
    assert [each["scope"] for each in register["consents"]] == ["MARKETING"]


AGENCY = """
[[agency]]
version = "acme-1"
agency = "acme"
licence = "L-7"
jurisdictions = ["CN"]
evaluated_on = {day}
passed = true
from = {day}
source = "a test"
"""


def is_reminded_and_collected(
    loans: CommandLine, borrower: str, loan: str, on: date, folder: Path
) -> None:
    planned = loans("contact plan", "--on", str(on))
    kinds = ("reminders", "dunnings", "owed", "lessons")
    assert sum(planned[kind] for kind in kinds) == planned["new"]
    queued = loans("contact queue", "--on", str(on))
    assert len(queued) == planned["new"]
    ahead = loans("contact dispatch", "--at", f"{on}T22:30+08:00", code=2)
    assert ahead["refused"] == "NOT_YET"
    today = loans("day show")["business_date"]
    assert loans("contact dispatch", "--at", f"{today}T22:30+08:00")["counts"] == {}
    figures = ("amount=1.00 CNY", f"due_on={on}", f"pay_by_on={on}")
    given = [part for figure in figures for part in ("--figure", figure)]
    notice = ("--template", "notice", "--loan", loan, "--ref", "S-1", *given)
    letter = loans("contact send", borrower, *notice)
    assert (letter["purpose"], letter["channels"], letter["new"]) == ("STATUTORY", ["LETTER"], True)
    assert not loans("contact send", borrower, *notice)["new"]
    assert loans("contact notices") == []
    assert loans("contact send", borrower, "--template", "offer", code=2)["refused"]
    loans("collect reason", loan, "illness", "--source", "employer")
    shares = loans("collect reasons", "--to", str(on))["found"]
    assert sum(each["loans"] for each in shares["reasons"]) == shares["loans"]
    refused = loans("collect place", loan, "acme", code=2)
    assert refused["refused"] == "AGENCY_UNKNOWN"
    agency = folder / "agency.toml"
    agency.write_text(AGENCY.format(day=today))
    loans("policy publish", str(agency), "--approved-by", "manager")
    refused = loans("collect place", loan, "acme", code=2)
    assert refused["refused"] == "NOT_FOR_AGENCY"
    refused = loans("collect recall", loan, "--reason", "paid", code=2)
    assert refused["refused"] == "NOT_PLACED"
    is_claimed_at_law(loans, loan)
    listed = loans("collect agencies")["found"]
    assert [(each["agency"], each["days_to_evaluation"]) for each in listed] == [("acme", 365)]
    done = loans("collect take-over", borrower, "chen")
    assert done["recorded"][-1]["event"] == "borrower.collector-assigned"
    assert loans("collect plan", "--on", str(on))["on"] == str(on)
    made = loans("collect promises", "--state", "open")["found"]
    assert "PP-1" in [each["promise_ref"] for each in made["promises"]]
    told = loans("collect strategies", "--within", "7", "--to", str(on))["found"]
    assert all(each["measured"] + each["waiting"] == each["assigned"] for each in told)
    noon = ("--on", str(on), "--at", f"{on}T13:00+08:00")
    late = on + timedelta(days=5)
    page = loans("collect show", loan, "--on", str(late), "--at", f"{late}T13:00+08:00")
    assert (page["item"]["collector"], page["late_reason"]) == ("chen", "ILLNESS")
    listed = loans("collect list", "--collector", "chen", *noon)
    assert all(way["point_ref"] == "P-1" for item in listed for way in item["ways"])
    is_supported(loans, borrower, loan)


def is_claimed_at_law(loans: CommandLine, loan: str) -> None:
    """A loan that is late for days only is not, and so nothing of it ends."""
    why = ("--reason", "no answer", "--approved-by", "head of collections")
    refused = loans("collect refer-legal", loan, *why, "--to", "Lex", code=2)
    assert refused["refused"] in ("NOT_FOR_LEGAL", "LEGAL_BARRED")
    refused = loans("collect withdraw-legal", loan, "--reason", "paid", code=2)
    assert refused["refused"] == "NOT_AT_LAW"
    judged = ("judgment", "--paper", "J-1", "--awarded", "300.00")
    refused = loans("collect end-legal", loan, *judged, code=2)
    assert refused["refused"] == "NOT_AT_LAW"
    assert loans("collect legal", "--all")["found"] == []


def is_supported(loans: CommandLine, borrower: str, loan: str) -> None:
    """Help is offered, a plan agreed, and a day set on which somebody asks again."""
    today = date.fromisoformat(loans("day show")["business_date"])
    soon, later = today + timedelta(days=7), today + timedelta(days=30)
    loans("collect support offer", loan, "payment_plan", "--ref", "SU-1")
    rows = (f"{soon}=1.00", f"{later}=2.00")
    loans("collect support plan", loan, *rows, "--offer", "SU-1", "--ref", "PL-1")
    refused = loans("collect support plan", loan, f"{soon}=99999999.00", code=2)
    assert refused["refused"] == "PLAN_BEYOND_DEBT"
    done = loans("collect support agree", borrower, "PL-1", "--consent", "V-CONSENT")
    events = [step["event"] for step in done["recorded"]]
    assert events == ["borrower.repayment-plan-agreed", *2 * ["borrower.promise-made"]]
    done = loans("collect support check-in", loan, str(soon))
    assert done["recorded"][-1]["event"] == "borrower.check-in-scheduled"

    def shown() -> list[tuple[str, str]]:
        plans = loans("collect support list", "--state", "agreed")["found"]["plans"]
        return [(each["next_row"]["due_on"], each["check_in_on"]) for each in plans]

    wait_until(lambda: shown() == [(str(soon), str(soon))], "the plan is shown")
    told = loans("collect support effect", "--within", "7")["found"]
    assert all(each["measured"] + each["waiting"] == each["loans"] for each in told)


def complains_and_rates_us(loans: CommandLine, on: date) -> None:
    """A complaint passes its deadline, is answered, resolved, reopened, and resolved again."""
    borrower = str(
        loans("borrower register", "--jurisdiction", "CN", "--zone", "Asia/Shanghai")["ref"]
    )
    loan = loans.lend(borrower)
    known = ("--basis", "CONTRACT", "--at", f"{on}T00:00+08:00")
    loans("borrower point", borrower, "P-1", "PHONE", *known)

    def at(hour: int) -> tuple[str, str]:
        return ("--at", f"{on}T{hour:02}:00+08:00")

    what = ("--severity", "high", "--category", "collection", "--loan", loan, "--ref", "Q-1")
    ahead = ("--at", "2999-12-31T12:00+08:00")
    assert loans("complaint open", borrower, *what, *ahead, code=2)["refused"] == "NOT_YET"
    opened = loans("complaint open", borrower, *what, "--channel", "platform", *at(1))
    assert [step["event"] for step in opened["recorded"]] == [
        "borrower.complaint-opened",
        "borrower.hold-set",
    ]
    (passed,) = loans("complaint clock", *at(6))
    assert (passed["complaint_ref"], passed["cause"]) == ("Q-1", "ANSWER_OVERDUE")
    assert loans("complaint clock", *at(7)) == []
    raised = ("--reason", "the press asks", "--severity", "critical", "--to", "ombudsman")
    loans("complaint escalate", borrower, "Q-1", *raised, *at(7))
    call = (borrower, "--purpose", "care", "--channel", "phone", "--point", "P-1", *at(12))
    assert loans("contact ask", *call, "--ref", "B-1")["answer"] == "ALLOW"
    loans("complaint answer", borrower, "Q-1", "--contact", "B-1", *at(13))
    by_call = ("--source", "call_back", "--complaint", "Q-1", *at(13))
    refused = loans("feedback", borrower, "--score", "4", *by_call, code=2)
    assert refused["refused"] == "CALL_BACK_NOT_ALLOWED"
    loans("feedback", borrower, "--score", "4", "--contact", "B-1", *by_call)
    why = ("--reason", "three loans", "--approved-by", "head of complaints")
    refused = loans("complaint extend", borrower, "Q-1", "complex", *why, *at(13), code=2)
    assert refused["refused"] == "EXTENSION_NOT_ALLOWED"
    resolved = loans("complaint resolve", borrower, "Q-1", "upheld", *at(14))
    assert resolved["recorded"][-1]["event"] == "borrower.hold-lifted"
    again = loans("complaint reopen", borrower, "Q-1", "--reason", "it goes on", *at(15))
    version = ("--version", str(again["version"]))
    (shown,) = loans("complaint show", borrower, *version, *at(17))["found"]["complaints"]
    assert (shown["stage"], shown["round"], shown["minutes_left"]) == ("OPEN", 2, -60)
    assert [step["change"] for step in shown["steps"]][-2:] == ["RESOLVED", "REOPENED"]
    listed = loans("complaint board", *at(17))["found"]
    assert (listed["open"], listed["over"], listed["complaints"][0]["loan_ref"]) == (1, 1, loan)
    done = ("--satisfaction", "5", "--remedy", "APOLOGY", *at(18))
    last = loans("complaint resolve", borrower, "Q-1", "partly_upheld", *done)
    loans("complaint show", borrower, "--version", str(last["version"]))
    report = loans("rights-report")["found"]
    counted = report["complaints"]
    assert (counted["received"], counted["resolved"], counted["reopened"]) == (1, 1, 1)
    assert (counted["resolution_rate"], counted["median_hours_to_close"]) == ("1.0000", "17.0")
    assert [each["source"] for each in report["by_source"]] == ["CALL_BACK", "COMPLAINT"]
    assert report["satisfaction"]["csat"] == "1.0000"


def is_late_and_written_off(loans: CommandLine, loan: str, moved_to: date) -> None:
    loans("day close", str(moved_to + timedelta(days=3)))
    version = str(loans("history", loan)[-1]["version"])
    shown = loans("show", loan, "--version", version)["found"]
    assert (shown["days_past_due"], shown["loan_ref"]) == (4, loan)
    stood = loans("show", loan, "--as-of", str(moved_to), "--known-at", str(moved_to))
    assert (stood["state"], stood["days_past_due"], stood["bucket"]) == ("ACTIVE", 0, "M0")
    told = loans("explain", loan, "--as-of", str(moved_to), "--figure", "principal")
    assert sum(line["amount"] for line in told["lines"]) == stood["balance"]["principal"]
    closing = loans("explain", loan, "--as-of", str(moved_to), "--figure", "payoff")["lines"]
    assert sum(line["amount"] for line in closing) == stood["payoff"]
    [late] = loans("explain", loan, "--figure", "days-past-due")["chains"]
    assert (late["value"], late["reasons"][0]["instalment"]) == ("4", 1)
    quoted = loans("payoff", loan, "--through", str(moved_to))
    assert (quoted["amount"], quoted["good_through"]) == (stood["payoff"], str(moved_to))
    loans("statement", loan, "--version", version)
    cases = loans("collections", "--at", "10:00", "--limit", "1000")["found"]
    assert loan in [case["loan_ref"] for case in cases]
    reminded = loans("reminders", "--on", str(moved_to - timedelta(days=7)))["found"]
    assert loan in [row["loan_ref"] for each in reminded for row in each["instalments"]]
    loans("write-off", loan, "--reason", "uncollectable", *PEOPLE)
    loans("repay", loan, "10.00", "--ref", "REC-1", "--source", "GUARANTOR")
    loans("take-back", loan, "write-off", "--reason", "of the day before", *PEOPLE)
    earlier = ("--on", str(moved_to + timedelta(days=1)))
    again = loans("write-off", loan, "--reason", "uncollectable", *earlier, *PEOPLE)
    [recovered] = again["recorded"][0]["said"]["overtaken"]["recovered"]
    assert (recovered["ref"], again["after"]["state"]) == ("REC-1", "WRITTEN_OFF")
    found_later = loans("repay", loan, "5.00", "--ref", "P-3", "--on", str(moved_to))
    [repaid] = found_later["recorded"]
    assert (repaid["event"], repaid["said"]["restated"][0]["kind"]) == ("loan.repaid", "WRITE_OFF")
    told = loans("explain", loan, "--figure", "claim")["lines"]
    claim = [line for line in told if line["what"].startswith("repaid, P-3, known on")]
    assert [line["amount"] for line in claim] == [-5_00]
    assert [line["amount"] for line in told if line["what"] == "recovered, REC-1"] == [-10_00]


def is_secured_and_sold(loans: CommandLine, loan: str) -> None:
    loans("security take", loan, "guarantee", "S-1", "--amount", "500.00")
    loans("security call", loan, "S-1", "--reason", "not paid")
    realised = loans("security realise", loan, "S-1", "100.00", "--ref", "G-1")
    assert realised["recorded"][-1]["event"] == "loan.security-realised"
    charged_back = loans("reverse", loan, "G-1", "--reason", "disputed", "--kind", "chargeback")
    assert charged_back["recorded"][0]["said"]["kind"] == "CHARGEBACK"
    loans("security release", loan, "S-1", "--reason", "expired")
    refused = loans("partner-refund", loan, "1.00", code=2)
    assert refused["refused"] == "NO_PARTNER"
    refused = loans("partner-order", loan, "ORDER-1", "--reason", "the shop split it", code=2)
    assert refused["refused"] == "NOT_UNDER_REVIEW"
    sold = loans("sell", loan, "900.00", "--to", "FUND-1", *PEOPLE)
    assert sold["after"]["state"] == "SOLD"
    refused = loans("repay", loan, "1.00", "--ref", "P-9", code=2)
    assert refused["refused"] == "LOAN_SOLD"
    shown = loans("show", loan, "--version", str(sold["version"]))["found"]
    assert (shown["state"], shown["totals"]["sale_price"]) == ("SOLD", 900_00)
    assert [each["state"] for each in shown["securities"]] == ["RELEASED"]


def is_paid_off_and_refunded(loans: CommandLine, loan: str) -> None:
    paid = loans("repay", loan, "1300.00", "--payoff")
    credit = paid["after"]["balance"]["unapplied"]
    closed = loans("refund", loan, f"{credit // 100}.{credit % 100:02}", *PEOPLE)
    assert closed["recorded"][-1]["event"] == "loan.closed"


def comes_back_and_is_paid_out_again(loans: CommandLine, loan: str) -> None:
    today = loans("day show")["business_date"]
    loans("repay", loan, "100.00", "--ref", "P-1")
    supposed = loans("what-if", loan, "--payout-returned", "today")
    assert supposed["with_it"]["balance"]["unapplied"] == 100_00
    returned = ("payout-returned", loan, "--on", today, "--reason", "account closed")
    refused = loans(*returned, code=2)  # who repaid had the money
    assert refused["refused"] == "SAME_PERSON"
    assert loans(*returned, *PEOPLE)["after"]["state"] == "SIGNED"
    loans("take-back", loan, "payout-return", "--reason", "another loan", *PEOPLE)
    came_back = loans(*returned, *PEOPLE)
    shown = loans("show", loan, "--version", str(came_back["version"]))["found"]
    assert (shown["state"], shown["disbursed_on"], shown["instalments"]) == ("SIGNED", None, [])
    lines = loans("explain", loan)["lines"]
    assert [(line["what"], line["amount"]) for line in lines] == [("payment P-1", 100_00)]
    refused = loans("withdraw", loan, "--reason", "not needed any more", code=2)
    assert refused["refused"] == "CREDIT_LEFT"
    loans("refund", loan, "100.00", *PEOPLE)
    again = loans("disburse", loan, "--to", "another-account")
    shown = loans("show", loan, "--version", str(again["version"]))["found"]
    assert (shown["state"], len(shown["instalments"])) == ("ACTIVE", 3)


def is_laid_anew(loans: CommandLine, loan: str) -> None:
    today = date.fromisoformat(loans("day show")["business_date"])
    why = ("--reason", "lost work", *PEOPLE)
    supposed = loans("what-if", loan, "--rate", "0.06", "--extend", "2")
    assert len(supposed["with_it"]["instalments"]) == 5
    paused = ("--pause", f"{today}..{today + timedelta(days=9)}")
    supposed = loans("what-if", loan, "--defer", "1", "--interest-too", *paused)
    assert supposed["recorded"] == [
        "loan.rescheduled",
        "loan.asset-class-changed",
        "loan.rescheduled",
    ]
    unchanged = loans("reprice", loan, code=2)
    assert unchanged["refused"] == "NOTHING_CHANGES"
    loans("relief rate", loan, "0.06", *why)
    loans("relief extend", loan, "2", *why)
    loans("relief defer", loan, "1", "--interest-too", *why)
    loans("relief capitalise", loan, "--rate", "0.05", *why)
    loans("relief re-age", loan, "--extend", "1", *why)
    loans("relief re-amortise", loan, "--rate", "0.04", "--in-difficulty", *why)
    loans("relief pause", loan, str(today), str(today + timedelta(days=9)), *why)
    later = today + timedelta(days=60)
    last = loans("relief moratorium", loan, str(today), str(later), *why)
    shown = loans("show", loan, "--version", str(last["version"]))["found"]
    assert [change["kind"] for change in shown["changes"]][:2] == ["RATE_CHANGE", "EXTENSION"]
    assert sum(row["principal"] for row in shown["instalments"]) == 1_200_00
    told = loans("explain", loan, "--figure", "interest")
    assert sum(line["amount"] for line in told["lines"]) == shown["balance"]["interest"]


def is_offered_a_renewal(loans: CommandLine, borrower: str, folder: Path) -> None:
    product = folder / "renewable.toml"
    product.write_text(RENEWABLE)
    loans("product publish", str(product))
    renewed, declined = (loans.lend(borrower, "CLI-R:1", months="1") for _ in range(2))
    refused = loans("renewal accept", renewed, "--consent", "C-2", code=2)
    assert refused["refused"] == "NOT_RENEWABLE"
    today = date.fromisoformat(loans("day show")["business_date"])
    loans("day close", str(today + timedelta(days=9)))
    accepted = loans("renewal accept", renewed, "--consent", "C-2")
    assert [step["event"] for step in accepted["recorded"]] == ["loan.renewed"]
    refusal = loans("renewal decline", declined, "--reason", "needs it no longer")
    assert [step["event"] for step in refusal["recorded"]] == ["loan.renewal-declined"]
    shown = loans("show", renewed, "--version", str(accepted["version"]))["found"]
    assert [row["number"] for row in shown["instalments"]] == [1, 2]


def is_converted(loans: CommandLine, borrower: str, folder: Path) -> None:
    product = folder / "convertible.toml"
    product.write_text(CONVERTIBLE)
    loans("product publish", str(product))
    loan = loans.lend(borrower, "CLI-V:1", months="6")
    offered = loans("convert offer", loan, "3")["recorded"][0]["said"]
    sheet = folder / "sheet.txt"
    first = loans("disclosure show", loan, "--no", "1")
    assert (first["before"], first["verifies"]) == ("SIGNING", True)
    listed = loans("disclosure list", loan)
    assert [each["before"] for each in listed] == ["SIGNING", "CONVERSION"]
    again = loans("disclosure show", loan, "--out", str(sheet))
    assert again["digest"] == offered["sheet_digest"] == listed[1]["digest"]
    assert sheet.read_text().splitlines()[-1] == f"Digest {again['digest']}, verified"
    digest = ("--digest", offered["sheet_digest"])
    converted = loans("convert accept", loan, "--consent", "C-2", *digest)
    shown = loans("show", loan, "--version", str(converted["version"]))["found"]
    assert [row["principal"] for row in shown["instalments"]] == [
        row["principal"] for row in offered["schedule"]
    ]


def people_are_kept_and_erased(loans: CommandLine, with_loans: str, folder: Path) -> None:
    number = folder / "number.txt"
    number.write_text("+86 139 1234 5678\n")
    phone = ("--kind", "PHONE", "--from", str(number))
    why = ("--reason", "asked for it", *PEOPLE)
    who = str(loans("borrower register", "--jurisdiction", "CN", "--zone", "Asia/Shanghai")["ref"])
    ref = loans("vault put", who, *phone)["ref"]
    assert loans("vault read", who, ref, "--purpose", "SERVICING")["value"] == "+8613912345678"
    (owner,) = loans("vault find", "--purpose", "IDENTIFICATION", *phone)
    assert (owner["borrower_ref"], owner["ref"]) == (who, ref)
    today = date.fromisoformat(loans("day show")["business_date"])
    until = str(today + timedelta(days=30))
    loans("borrower request", who, "restriction", "--ref", "DR-1")
    loans("vault restrict", who, "--until", until, "--reason", "contests it")
    asked = (who, "--purpose", "collection", "--channel", "letter", "--at", f"{today}T12:00+08:00")
    why_not = loans("contact why", *asked)["ways"]
    assert [way["because"] for way in why_not] == [["HOLD"]]
    refused = loans("vault read", who, ref, "--purpose", "COLLECTION", code=2)
    assert refused["refused"] == "PROCESSING_RESTRICTED"
    loans("vault release", who, "--reason", "settled")
    assert loans("vault rotate", "--new-key", "--look-up")["unreadable"] == []
    loans("vault read", who, ref, "--purpose", "SENDING")
    purposes = [(each["purpose"], each["refused"]) for each in loans("vault accesses", who)]
    assert purposes == [
        ("SERVICING", None),
        ("IDENTIFICATION", None),
        ("COLLECTION", "PROCESSING_RESTRICTED"),
        ("SENDING", None),
    ]
    assert loans("vault erase", who, *why)["kept_until"] == str(add_months(today, 6))
    assert loans("vault sweep")["erased"] == []
    another = str(loans("borrower register", "--jurisdiction", "US", "--zone", "UTC")["ref"])
    loans("vault put", another, *phone)
    assert loans("vault erase", another, *why)["erased"]
    assert [each["erased"] for each in loans("vault list", another)["records"]] == [True]
    stands = loans("vault status")
    assert (stands["to_erase"], stands["erased"], stands["records"]) == (1, 1, {"PHONE": 1})
    loans("vault put", with_loans, *phone)
    loans("borrower request", with_loans, "erasure", "--ref", "DR-2")
    refused = loans("vault erase", with_loans, *why, code=2)
    assert refused["refused"] == "LOAN_RUNNING"
    loans("borrower refuse-request", with_loans, "DR-2", "loan_running")

    def states() -> list[str]:
        return sorted(each["state"] for each in loans("borrower requests")["found"])

    answered = ["DONE", "DONE", "PUT_OFF", "REFUSED"]
    wait_until(lambda: states() == answered, "the requests are shown as answered")


def operators_look(loans: CommandLine, folder: Path) -> None:
    today = date.fromisoformat(loans("day show")["business_date"])
    assert loans("import", *tape(folder, today))["imported"] == 1
    assert loans("portfolio")["found"]["cells"]
    classes = loans("asset-classes")["found"]
    assert {cell["currency"] for cell in classes} >= {"CNY"}
    assert loans("projections parked") == []
    assert loans("projections retry-parked") == []
    assert all(table["equal"] for table in loans("projections rebuild"))
    assert {view["parked"] for view in loans("projections list")} == {0}
    assert all(check["holds"] for check in loans("verify"))
    assert loans("status")["phase"] == "running"
    assert loans("up")["already_running"]


def routes_are_looked_at(loans: CommandLine) -> None:
    assert "print-house" in [each["name"] for each in loans("providers list")]
    loans("providers disable", "print-house", "--reason", "late")
    loans("providers enable", "print-house", "--reason", "on time again")
    told = [(each["change"], each["reason"]) for each in loans("providers history", "print-house")]
    assert told == [("ENABLED", "on time again"), ("DISABLED", "late")]
    assert all(probe["holds"] for probe in loans("providers probe", "print-house"))
    assert loans("contact inbox record") == {}
    assert loans("contact purge", "--before", "1990-01-01")["queue"] == 0
    early = loans("contact purge", "--before", str(date(2100, 1, 1)), code=2)
    assert early["refused"] == "RETENTION_FLOOR"
    assert loans("contact inbox list") == []
    assert loans("contact inbox retry", "1", code=2)["refused"] == "NOT_PARKED"


def another_home_is_empty(loans: CommandLine) -> None:
    with temporary_home() as nothing:
        settings = loans.system.settings.model_copy(update={"home": nothing})
        elsewhere = CommandLine(replace(loans.system, settings=settings), loans.given)
        assert elsewhere("down") == {"stopped": False}
        assert elsewhere("status", code=3)["phase"] == "stopped"


def tape(folder: Path, on: date) -> tuple[str, ...]:
    """A tape with one loan, and what its columns mean."""
    mapping, file = folder / "mapping.toml", folder / "tape.csv"
    mapping.write_text(MAPPING.format(on=on))
    paid_out, next_due = add_months(on, -2), add_months(on, 1)
    file.write_text(
        "contract,customer,lent,paid_out,months,left,next_due,rate\n"
        f"A-1,7,1200.00,{paid_out},12,1000.00,{next_due},6\n"
    )
    return str(file), "--mapping", str(mapping)
