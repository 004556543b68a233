"""The generated book beside the tape: many zones, interest, and everything that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from domain.base.calendar import add_months, due_dates
from domain.loan.delinquency import FIRST_DAYS_PAST_DUE
from domain.product.product import Offer
from entrypoints.demo.intents import END, START, Diary
from entrypoints.demo.offers import EASY_USD, HOME_CNY, LATE_FEE, SHOP_USD, TRADE_CNY
from entrypoints.demo.origination import REVIEW, days_before, originate

ORIGIN = "companion"
BORROWERS = 200
APPLICATIONS = 320
LATEST = FIRST_DAYS_PAST_DUE[-1]

PLACES: tuple[tuple[str, list[str], tuple[Offer, ...], int], ...] = (
    ("CN", ["Asia/Shanghai"], (HOME_CNY, TRADE_CNY), 40),
    ("CN", ["Asia/Urumqi"], (HOME_CNY, TRADE_CNY), 5),
    ("US", ["America/New_York"], (EASY_USD, SHOP_USD), 10),
    ("US", ["America/Chicago"], (EASY_USD, SHOP_USD), 6),
    ("US", ["America/Los_Angeles"], (EASY_USD, SHOP_USD), 6),
    ("US", ["America/New_York", "America/Los_Angeles"], (EASY_USD, SHOP_USD), 5),
    ("US", ["America/Denver", "America/Phoenix"], (EASY_USD,), 3),
    ("UK", ["Europe/London"], (EASY_USD, SHOP_USD), 8),
    ("EU", ["Europe/Berlin"], (EASY_USD, SHOP_USD), 5),
    ("EU", ["Europe/Madrid", "Atlantic/Canary"], (EASY_USD,), 2),
    ("IN", ["Asia/Kolkata"], (EASY_USD, HOME_CNY), 10),
)
"""Law, plausible zones, products and share of each kind of borrower."""


@dataclass
class Person:
    """A borrower of the companion book."""

    name: str
    jurisdiction: str
    zones: list[str]
    offers: tuple[Offer, ...]
    due_day: int
    known_on: date = END
    holds: int = 0
    promises: int = 0


@dataclass
class Story:
    """One loan as it unfolds."""

    diary: Diary
    dice: Random
    person: Person
    stream: str
    offer: Offer
    amount: int
    term_months: int
    first_due_on: date
    payments: int = 0
    fees: int = 0

    @property
    def due_on(self) -> list[date]:
        """The due dates of the contract."""
        return due_dates(self.first_due_on, self.term_months)

    def note(self, day: date, verb: str, *, by: str = "branch", **fields: object) -> None:
        """Intend *verb* on this loan."""
        self.diary.note(day, self.stream, verb, by=by, **fields)

    def pay(self, on: date, through: date, **more: object) -> str:
        """Pay on a day what is owed on the instalments up to one; its reference."""
        self.payments += 1
        ref = f"P-{self.payments}"
        more.setdefault("received_on", on)
        self.note(on, "pay_due", by="cashier", through=through, payment_ref=ref, **more)
        return ref

    def pay_soon(self, due_on: date) -> None:
        """Pay an instalment on its day or a few days before."""
        self.pay(due_on - timedelta(days=self.dice.choice((0, 0, 0, 1, 2, 5))), due_on)


def tell(diary: Diary, dice: Random) -> None:
    """Intend what happens to every borrower and loan of the companion book."""
    people = [_person(dice, number) for number in range(1, BORROWERS + 1)]
    loans = 0
    for person in people:
        first_due_on: date | None = None
        for _ in range(dice.choice((1, 1, 1, 2, 2, 2, 3))):
            loans += 1
            first_due_on = _loan(diary, dice, person, loans, first_due_on)
    for number in range(1, APPLICATIONS + 1):
        _application(diary, dice, dice.choice(people), number)
    for person in people:
        diary.note(
            person.known_on,
            person.name,
            "register",
            jurisdiction=person.jurisdiction,
            zones=person.zones,
        )


def _person(dice: Random, number: int) -> Person:
    [(jurisdiction, zones, offers, _)] = dice.choices(PLACES, [place[3] for place in PLACES])
    return Person(
        f"{ORIGIN}-borrower:{number:03}",
        jurisdiction,
        zones,
        offers,
        due_day=dice.choice((1, 5, 10, 15, 20, 25)),
    )


def _amount(dice: Random, offer: Offer) -> int:
    step = 100_00
    most = min(offer.amount_max, offer.amount_min * 30)
    return dice.randrange(offer.amount_min // step, most // step + 1) * step


def _loan(diary: Diary, dice: Random, person: Person, number: int, beside: date | None) -> date:
    """One loan from request to its end; its first due date.

    *beside* is the first due date of the borrower's loan before: one that begins
    soon after it shares its due day, so that both fall due on one day.
    """
    offer = dice.choice(person.offers)
    term_months = dice.choice((6, 9, 12, 12, 18, 24))
    term_months = max(term_months, offer.term_months_min)
    if beside is None:
        # More of them late than early: a book that grows has most to do at its end.
        span = (END - START).days - 60
        later = max(dice.randrange(14, span), dice.randrange(14, span))
        paid_out_on = START + timedelta(days=later)
    else:
        paid_out_on = beside + timedelta(days=dice.randrange(1, 200))
    paid_out_on = min(paid_out_on, END - timedelta(days=40))
    days = days_before(dice, paid_out_on, len(REVIEW) + 1)
    first_due_on = add_months(paid_out_on.replace(day=person.due_day), 1)
    if (first_due_on - paid_out_on).days < 15:
        first_due_on = add_months(first_due_on, 1)
    story = Story(
        diary,
        dice,
        person,
        f"{ORIGIN}:{number:04}",
        offer,
        _amount(dice, offer),
        term_months,
        first_due_on,
    )
    person.known_on = min(person.known_on, days[0])
    originate(
        diary,
        dice,
        story.stream,
        person.name,
        offer,
        story.amount,
        term_months,
        days[: len(REVIEW)],
        channel=dice.choice(("BRANCH", "PHONE", "WEB")),
    )
    story.note(
        paid_out_on,
        "disburse",
        by="treasury",
        disbursement_ref="D-1",
        paid_to="ACCOUNT",
        first_due_on=first_due_on,
    )
    [temper] = dice.choices(TEMPERS, TEMPER_WEIGHTS)
    temper(story)
    return first_due_on


# --- how borrowers pay ----------------------------------------------------------------


def _reliable(story: Story) -> None:
    """Pays in time; now and then something happens to a payment."""
    dice = story.dice
    odd = dice.randrange(1, story.term_months)
    [event] = dice.choices((None, _bounced, _backdated, _moved), (55, 20, 15, 20))
    for number, due_on in enumerate(story.due_on, start=1):
        if number == odd and event is not None:
            event(story, number, due_on)
        elif number == story.term_months and dice.random() < 0.25:
            _overpay(story, due_on)
        else:
            story.pay_soon(due_on)


def _lax(story: Story) -> None:
    """Pays days late, often; is charged for it, and sometimes forgiven."""
    dice = story.dice
    for due_on in story.due_on:
        if dice.random() < 0.6:
            story.pay_soon(due_on)
            continue
        late = dice.choice((1, 2, 2, 3, 5, 7, 12, 18))
        if late >= 7:
            _charge(story, due_on + timedelta(days=5), waive=dice.random() < 0.4)
        if late >= 5 and dice.random() < 0.5:
            _promise(story, due_on + timedelta(days=3), due_on + timedelta(days=late))
        story.pay(due_on + timedelta(days=late), due_on)


def _rolling(story: Story) -> None:
    """Misses some months, promises, breaks a promise, catches up."""
    dice = story.dice
    missed = dice.choice((1, 2, 3))
    start = dice.randrange(1, max(story.term_months - missed, 2))
    for number, due_on in enumerate(story.due_on, start=1):
        if not start <= number < start + missed:
            story.pay_soon(due_on)
        if number == start:
            _charge(story, due_on + timedelta(days=6), waive=False)
            broken = due_on + timedelta(days=14)
            _promise(story, due_on + timedelta(days=8), broken)
            if dice.random() < 0.5:
                _hold(story, due_on + timedelta(days=10), dice.randrange(10, 60))
        if number == start + missed - 1:
            caught_up = due_on + timedelta(days=20)
            _promise(story, due_on + timedelta(days=15), caught_up)
            story.pay(caught_up, due_on)


def _defaulting(story: Story) -> None:
    """Stops for good; the loan is written off, and something may be recovered."""
    dice = story.dice
    stop = dice.randrange(2, max(story.term_months * 2 // 3, 3))
    for due_on in story.due_on[: stop - 1]:
        story.pay_soon(due_on)
    unpaid_on = story.due_on[stop - 1]
    _promise(story, unpaid_on + timedelta(days=9), unpaid_on + timedelta(days=20))
    if dice.random() < 0.6:
        lasts = None if dice.random() < 0.5 else dice.randrange(20, 120)
        _hold(story, unpaid_on + timedelta(days=dice.randrange(15, 90)), lasts)
    on = unpaid_on + timedelta(days=LATEST + dice.randrange(5, 90))
    story.note(
        on,
        "write_off",
        by="officer-2",
        reason="no payment for more than 180 days",
        requested_by="officer-1",
        approved_by="officer-2",
    )
    if unpaid_on + timedelta(days=30) < END < on:
        _promise(story, END - timedelta(days=2), END + timedelta(days=5))
    for number in range(dice.choice((0, 1, 1, 2))):
        story.note(
            on + timedelta(days=20 + 45 * number + dice.randrange(30)),
            "repay",
            by="cashier",
            amount=story.amount // dice.choice((10, 20, 25)),
            currency=story.offer.currency,
            payment_ref=f"R-{number + 1}",
            source=dice.choice(("BORROWER", "GUARANTOR", "COLLATERAL")),
        )


def _early(story: Story) -> None:
    """Pays the whole loan off before its time."""
    stop = story.dice.randrange(2, max(story.term_months - 2, 3))
    for due_on in story.due_on[:stop]:
        story.pay_soon(due_on)
    on = story.due_on[stop - 1] + timedelta(days=story.dice.randrange(3, 24))
    story.note(on, "pay_off", by="cashier", payment_ref="P-OFF")


TEMPERS: tuple[Callable[[Story], None], ...] = (_reliable, _lax, _rolling, _defaulting, _early)
TEMPER_WEIGHTS = (46, 21, 12, 13, 8)


# --- what happens to a loan on its way ----------------------------------------------------


def _bounced(story: Story, _: int, due_on: date) -> None:
    ref = story.pay(due_on, due_on)
    story.note(
        due_on + timedelta(days=4),
        "reverse",
        by="cashier",
        payment_ref=ref,
        reason="returned by the bank",
    )
    story.pay(due_on + timedelta(days=8), due_on)


def _backdated(story: Story, _: int, due_on: date) -> None:
    story.pay(due_on + timedelta(days=5), due_on, received_on=due_on)


def _moved(story: Story, number: int, due_on: date) -> None:
    later = due_on + timedelta(days=story.dice.choice((5, 8, 10)))
    story.note(
        due_on - timedelta(days=6),
        "move_due_date",
        instalment=number,
        due_on=later,
        reason="the borrower asked, salary comes later this month",
    )
    story.pay(later, later)


def _overpay(story: Story, due_on: date) -> None:
    story.pay(due_on, due_on, extra=story.dice.choice((10_00, 25_00, 120_00)))
    if story.dice.random() < 0.75:
        story.note(
            due_on + timedelta(days=6),
            "refund_credit",
            by="officer-3",
            refund_ref="REFUND-1",
            requested_by="officer-1",
            approved_by="officer-3",
        )


def _charge(story: Story, on: date, *, waive: bool) -> None:
    if not any(fee.kind == LATE_FEE for fee in story.offer.fees):
        return
    story.fees += 1
    ref = f"F-{story.fees}"
    story.note(on, "charge_fee", by="collector-1", kind=LATE_FEE, fee_ref=ref)
    if waive:
        [fee] = [fee for fee in story.offer.fees if fee.kind == LATE_FEE]
        story.note(
            on + timedelta(days=1),
            "waive_fee",
            by="officer-4",
            fee_ref=ref,
            amount=fee.amount,
            reason="first time, long-standing borrower",
            requested_by="collector-1",
            approved_by="officer-4",
        )


def _promise(story: Story, on: date, promised_on: date) -> None:
    person = story.person
    person.promises += 1
    story.diary.note(
        on,
        person.name,
        "promise",
        by="collector-1",
        promise_ref=f"PR-{person.promises}",
        loan=story.stream,
        amount=story.amount // story.term_months,
        currency=story.offer.currency,
        promised_on=promised_on,
    )


def _hold(story: Story, on: date, lasts_days: int | None) -> None:
    person, dice = story.person, story.dice
    person.holds += 1
    ref = f"H-{person.holds}"
    kinds = ["DISPUTE", "CEASE", "ATTORNEY", "COMPLAINT", "INCAPACITY", "BANKRUPTCY"]
    if person.jurisdiction == "UK":
        kinds.append("MORATORIUM")
    story.diary.note(
        on,
        person.name,
        "set_hold",
        by="collector-2",
        hold_ref=ref,
        kind=dice.choice(kinds),
        reason="by letter of the borrower",
    )
    if lasts_days is not None:
        story.diary.note(
            on + timedelta(days=lasts_days),
            person.name,
            "lift_hold",
            by="officer-3",
            hold_ref=ref,
            reason="resolved",
        )


# --- applications that come to nothing, or are still on their way ----------------------------

DECLINES = ("INCOME_TOO_LOW", "SCORE_TOO_LOW", "TOO_MUCH_DEBT", "IDENTITY_UNCLEAR")


def _application(diary: Diary, dice: Random, person: Person, number: int) -> None:
    offer = dice.choice(person.offers)
    stream = f"{ORIGIN}-application:{number:03}"
    [outcome] = dice.choices(("declined", "withdrawn", "expired", "open"), (9, 6, 7, 10))
    steps = dice.randrange(1, len(REVIEW) + 1)
    if outcome == "declined":
        steps = min(steps, REVIEW.index("approve"))
    if outcome == "open":
        applied_on = END - timedelta(days=dice.randrange(2, 20))
    else:
        applied_on = START + timedelta(days=dice.randrange(5, (END - START).days - 50))
    days = [applied_on]
    for _ in range(steps - 1):
        days.append(min(days[-1] + timedelta(days=dice.choice((0, 1, 2, 3))), END))
    person.known_on = min(person.known_on, applied_on)
    originate(
        diary,
        dice,
        stream,
        person.name,
        offer,
        _amount(dice, offer),
        dice.choice((6, 12, 18)),
        days,
        channel=dice.choice(("BRANCH", "PHONE", "WEB")),
    )
    on = days[-1] + timedelta(days=dice.randrange(1, 6))
    if outcome == "declined":
        diary.note(
            on,
            stream,
            "decline",
            by="officer-2",
            reasons=sorted(dice.sample(DECLINES, dice.choice((1, 1, 2)))),
            decided_by="officer-2",
        )
    elif outcome == "withdrawn":
        diary.note(on, stream, "withdraw", reason="the applicant found another lender")
