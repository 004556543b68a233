"""What a loan would be if something happened that did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import pytest

from domain.base.calendar import BusinessDays
from domain.base.stream import Stream
from domain.base.terms import Conversion, FeeTerm, Renewal
from domain.loan import refusals as no
from domain.loan import what_if as supposed
from domain.loan.loan import Loan
from domain.loan.relief import Agreement
from domain.loan.what_if import Conversion as Supposedly
from domain.loan.what_if import Means, Move, NotBegun, Payment, Reversal, what_if
from domain.loan.what_if import Step as Supposed
from tests.domain.story import (
    JAN_15,
    LETTER_FEE,
    Step,
    act,
    disbursed,
    draw,
    fee_charged,
    forgiven,
    given,
    held,
    hold_rule,
    moved,
    paid,
    refund,
    released,
    replayed,
    reversed_,
    sell,
    state,
    taken_back,
    terms,
    waive,
    written_off,
)

FEB_15, MAR_1, MAR_15 = date(2025, 2, 15), date(2025, 3, 1), date(2025, 3, 15)


def events_of(*steps: Step) -> list[Stream.Event]:
    loan = disbursed()
    for step in steps:
        step(loan)
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


def test_a_payment_that_might_come_is_split_as_a_real_one_would_be() -> None:
    events = events_of()

    difference = what_if(events, [Payment(FEB_15, 86_07)], FEB_15)

    assert (
        difference.with_it.instalments == given(disbursed(), paid("P", 86_07, FEB_15)).instalments
    )
    assert difference.without.instalments[0].paid_on is None
    assert difference.recorded == ["loan.repaid"]


def test_nothing_of_it_is_kept() -> None:
    events = events_of(paid("P-1", 86_07, on=FEB_15))
    before = list(events)

    first = what_if(events, [Payment(MAR_15, 50_00)], MAR_15)
    second = what_if(events, [Payment(MAR_15, 50_00)], MAR_15)

    assert first == second
    assert events == before


def test_a_loan_that_might_be_paid_off_would_be_closed() -> None:
    difference = what_if(events_of(), [Payment(MAR_1, None)], MAR_1)

    assert (difference.without.state, difference.with_it.state) == ("ACTIVE", "CLOSED")
    assert difference.recorded[-2:] == ["loan.settled", "loan.closed"]


def test_a_payment_that_might_bounce_makes_the_loan_late() -> None:
    events = events_of(paid("P-1", 86_07, on=FEB_15))

    difference = what_if(events, [Reversal(MAR_1, "P-1")], MAR_1)

    assert (difference.without.days_past_due, difference.with_it.days_past_due) == (0, 14)


def test_several_count_in_the_order_of_their_days() -> None:
    steps: list[Supposed] = [
        Payment(MAR_15, 86_07),
        Move(FEB_15, 2, date(2025, 3, 20)),
        Payment(FEB_15, 86_07),
    ]

    difference = what_if(events_of(), steps, MAR_15)

    assert [row.paid_on for row in difference.with_it.instalments[:3]] == [FEB_15, MAR_15, None]
    assert difference.with_it.instalments[1].due_on == date(2025, 3, 20)


def test_what_the_loan_would_refuse_is_refused() -> None:
    with pytest.raises(no.PaymentUnknown):
        what_if(events_of(), [Reversal(MAR_1, "P-9")], MAR_1)
    with pytest.raises(NotBegun):
        what_if(events_of(), [Payment(MAR_1, 1_00)], date(2024, 12, 31))


def test_a_conversion_that_might_be_accepted_is_laid_in_its_instalments() -> None:
    loan = disbursed(terms(method="BULLET", conversion=Conversion(most=12, offer_days=10)))
    events = [event for event in loan.pending_events if isinstance(event, Stream.Event)]

    difference = what_if(events, [Supposedly(MAR_15, 6)], MAR_15)

    assert [len(s.instalments) for s in (difference.without, difference.with_it)] == [1, 6]
    assert difference.recorded == ["loan.conversion-offered", "loan.converted"]


FEB_10, APR_15 = date(2025, 2, 10), date(2025, 4, 15)
LIMIT = terms(method="INTEREST_ONLY", accrual="DAILY_BALANCE")
LETTERS = terms(fees=[LETTER_FEE])
PENALISED = terms(penalty_rate=Decimal("0.365"), fees=[LETTER_FEE])
RENEWABLE = terms(
    method="BULLET", term_months=3, renewal=Renewal(term_months=3, most=1, offer_days=14)
)


def lived(loan: Loan, *steps: Step) -> list[Stream.Event]:
    for step in steps:
        step(loan)
    return [event for event in loan.pending_events if isinstance(event, Stream.Event)]


def renewed(loan: Loan) -> None:
    loan.attend(act(APR_15))
    loan.renew(act(APR_15), consent_ref="what-if-1")


REALLY: list[tuple[str, Callable[[], Loan], Sequence[Step], Supposed, Step]] = [
    (
        "a draw",
        lambda: disbursed(LIMIT, amount=400_00),
        [],
        supposed.Draw(FEB_10, 100_00),
        lambda loan: draw(loan, "what-if-1", 100_00, FEB_10),
    ),
    (
        "a refund",
        lambda: disbursed(terms(term_months=1)),
        [paid("P-1", 1_100_00, FEB_15)],
        supposed.Refund(MAR_1, 50_00),
        lambda loan: refund(loan, "what-if-1", 50_00, MAR_1),
    ),
    (
        "a fee",
        lambda: disbursed(LETTERS),
        [],
        supposed.Charge(MAR_1, "LETTER"),
        fee_charged("what-if-1", MAR_1),
    ),
    (
        "a waiver of all that is left of a fee",
        lambda: disbursed(LETTERS),
        [fee_charged("F-1", FEB_15), lambda loan: waive(loan, "F-1", 5_00, FEB_15)],
        supposed.Waiver(MAR_1, "F-1", None),
        lambda loan: waive(loan, "F-1", 15_00, MAR_1),
    ),
    (
        "a waiver of all that paying early cost",
        lambda: disbursed(terms(fees=[FeeTerm("EARLY", "ON_PREPAYMENT", 10_00)])),
        [paid("P-1", 500_00, FEB_15)],
        supposed.Waiver(MAR_1, "prepayment:P-1", None),
        lambda loan: waive(loan, "prepayment:P-1", 10_00, MAR_1),
    ),
    (
        "penalty that is forgiven",
        lambda: disbursed(PENALISED),
        [],
        supposed.Forgiveness(MAR_15, 1, "PENALTY", 50),
        forgiven(1, "PENALTY", MAR_15, amount=50),
    ),
    (
        "what was recorded in error",
        disbursed,
        [moved(2, date(2025, 3, 20), FEB_15)],
        supposed.TakenBack(MAR_1, "move-0"),
        taken_back("move-0", MAR_1),
    ),
    (
        "a hold",
        lambda: disbursed(PENALISED),
        [],
        supposed.Hold(MAR_1, hold_rule()),
        held("what-if-1", MAR_1),
    ),
    (
        "a hold that is lifted",
        lambda: disbursed(PENALISED),
        [held("H-1", FEB_15)],
        supposed.Lift(MAR_1, "H-1"),
        released("H-1", MAR_1),
    ),
    ("a loss that is taken", disbursed, [], supposed.WriteOff(MAR_15), written_off(MAR_15)),
    (
        "a recovery",
        disbursed,
        [written_off(FEB_15)],
        supposed.Recovery(MAR_1, 10_00),
        paid("what-if-1", 10_00, MAR_1),
    ),
    (
        "a sale",
        disbursed,
        [],
        supposed.Sale(MAR_15, 100_00),
        lambda loan: sell(loan, MAR_15, price=100_00),
    ),
    (
        "a renewal that is accepted",
        lambda: disbursed(RENEWABLE),
        [],
        supposed.Renewal(APR_15),
        renewed,
    ),
    (
        "money that the partner gives back",
        lambda: disbursed(terms(partner="SCHOOL")),
        [],
        supposed.PartnerRefund(MAR_1, 100_00),
        lambda loan: loan.refund_by_partner(
            act(MAR_1), amount=100_00, received_on=MAR_1, payment_ref="what-if-1"
        ),
    ),
    (
        "a payment that is reversed",
        disbursed,
        [paid("P-1", 86_07, FEB_15)],
        Reversal(MAR_1, "P-1"),
        reversed_("P-1", MAR_1),
    ),
]


@pytest.mark.parametrize(
    ("begins", "past", "step", "really"),
    [each[1:] for each in REALLY],
    ids=[each[0] for each in REALLY],
)
def test_what_might_happen_leaves_the_loan_as_if_it_really_did(
    begins: Callable[[], Loan], past: Sequence[Step], step: Supposed, really: Step
) -> None:
    events = lived(begins(), *past)

    difference = what_if(events, [step], step.on)

    real: Loan = replayed(events)
    real.attend(act(step.on))
    really(real)
    money = ("instalments", "balance", "state", "facts", "splits", "fees", "claim", "holds")
    known, would = state(real), state(replayed([*events, *difference.events]))
    for name in set(money) & set(known):
        assert would[name] == known[name], name
    assert len(difference.events) == len(real.pending_events)


CLOSED = BusinessDays("CN", weekend=frozenset({5, 6}), holidays=frozenset({date(2025, 3, 17)}))
ROLLED = terms(calendar="CN", term_months=6)


def test_on_a_business_day_calendar_a_moved_date_is_rolled_as_the_contract_says() -> None:
    events = lived(disbursed(ROLLED, business_days=CLOSED))
    to = date(2025, 3, 16)

    with pytest.raises(no.CalendarMissing):
        what_if(events, [Move(FEB_15, 2, to)], FEB_15)
    found = what_if(events, [Move(FEB_15, 2, to)], FEB_15, means=Means(CLOSED))

    # The 16th is a Sunday, and the Monday after it a holiday.
    assert found.with_it.instalments[1].pay_by_on == date(2025, 3, 18)


def test_relief_on_a_business_day_calendar_rolls_the_days_it_adds() -> None:
    events = lived(disbursed(ROLLED, business_days=CLOSED))
    extended = supposed.Relief(FEB_15, Agreement("EXTENSION", instalments=1))

    found = what_if(events, [extended], FEB_15, means=Means(CLOSED))

    added = found.with_it.instalments[-1]
    assert (added.due_on, added.pay_by_on) == (date(2025, 8, 15), date(2025, 8, 15))
    extended = supposed.Relief(FEB_15, Agreement("EXTENSION", instalments=3))
    added = what_if(events, [extended], FEB_15, means=Means(CLOSED)).with_it.instalments[-2]
    # 15 November 2025 would be the fourth; 15 September and 15 October are weekdays.
    assert added.pay_by_on == CLOSED.on_or_after(added.due_on)


def test_a_conversion_on_a_business_day_calendar_rolls_its_instalments() -> None:
    offered = Conversion(most=12, offer_days=10)
    loan = disbursed(
        terms(method="BULLET", calendar="CN", conversion=offered), business_days=CLOSED
    )

    found = what_if(lived(loan), [Supposedly(MAR_1, 6)], MAR_1, means=Means(CLOSED))

    assert [row.pay_by_on for row in found.with_it.instalments] == [
        CLOSED.on_or_after(row.due_on) for row in found.with_it.instalments
    ]
    assert any(row.pay_by_on != row.due_on for row in found.with_it.instalments)


def test_money_is_recovered_of_a_loss_only() -> None:
    with pytest.raises(supposed.NoLossTaken):
        what_if(events_of(), [supposed.Recovery(MAR_1, 10_00)], MAR_1)
    with pytest.raises(supposed.NoLossTaken):
        what_if(events_of(written_off(MAR_15)), [supposed.Recovery(MAR_1, 10_00)], MAR_15)


def test_what_lies_before_a_sale_is_supposed_of_the_loan_as_it_stood_then() -> None:
    sold = events_of(lambda loan: sell(loan, MAR_15))
    lost = events_of(written_off(FEB_15), lambda loan: sell(loan, MAR_15))

    closed = what_if(sold, [Payment(FEB_10, None)], MAR_15, today=MAR_15)
    recovered = what_if(lost, [supposed.Recovery(MAR_1, 10_00)], MAR_15, today=MAR_15)

    assert (closed.recorded, recovered.recorded) == (["loan.repaid"], ["loan.recovery-received"])


def test_a_hold_that_does_not_stand_cannot_be_lifted() -> None:
    with pytest.raises(supposed.HoldNotOnLoan, match="there is H-1"):
        what_if(lived(disbursed(), held("H-1", FEB_15)), [supposed.Lift(MAR_1, "H-9")], MAR_1)


def test_what_a_hold_on_the_borrower_stops_is_not_supposed_either() -> None:
    stops = hold_rule(stops_payout=True, stops_renewal=True)
    standing = Means(holds=[supposed.StandingHold("H-1", stops, JAN_15)])
    drawable = lived(disbursed(LIMIT, amount=400_00))

    for step in (supposed.Draw(FEB_10, 1_00), supposed.Renewal(FEB_10)):
        with pytest.raises(no.OnHold):
            what_if(drawable, [step], FEB_10, means=standing)
    with pytest.raises(no.OnHold):
        what_if(drawable, [supposed.Hold(JAN_15, stops), supposed.Draw(FEB_10, 1_00)], FEB_10)
    lifted = [supposed.Lift(JAN_15, "H-1"), supposed.Draw(FEB_10, 1_00)]
    assert "loan.drawn" in what_if(drawable, lifted, FEB_10, means=standing).recorded
    assert len(standing.holds) == 1


def test_whether_a_hold_stops_a_draw_goes_by_the_day_of_the_draw() -> None:
    stops = hold_rule(stops_payout=True)
    drawable = lived(disbursed(LIMIT, amount=400_00))
    later = Means(holds=[supposed.StandingHold("H-1", stops, FEB_15)])
    over = Means(holds=[supposed.StandingHold("H-1", stops, JAN_15, FEB_15)])
    drawn = [supposed.Draw(FEB_10, 1_00)]

    found = what_if(drawable, drawn, FEB_15, means=later, today=FEB_15)

    assert found.recorded == ["loan.drawn"]
    with pytest.raises(no.OnHold):
        what_if(drawable, drawn, FEB_15, means=over, today=FEB_15)


def test_no_renewal_is_offered_while_a_hold_stops_it() -> None:
    due = lived(disbursed(RENEWABLE))
    stops = hold_rule(stops_renewal=True)

    for steps, means in (
        ([Payment(APR_15, 1_00)], Means(holds=[supposed.StandingHold("H-1", stops, JAN_15)])),
        ([supposed.Hold(MAR_1, stops), Payment(APR_15, 1_00)], Means()),
    ):
        found = what_if(due, steps, date(2025, 4, 10), means=means)
        assert "loan.renewal-offered" not in found.recorded
        assert found.with_it.offers == []


def test_a_due_date_that_was_moved_before_counts_from_that_day() -> None:
    found = what_if(events_of(), [Move(FEB_10, 1, date(2025, 2, 20))], FEB_15, today=FEB_15)

    assert [(event.effective_on, event.business_on) for event in found.events] == [(FEB_10, FEB_15)]
    assert found.with_it.instalments[0].due_on == date(2025, 2, 20)


def test_what_lies_back_becomes_known_today() -> None:
    fees = [FeeTerm("LATE", "ON_OVERDUE", 7_00)]

    found = what_if(
        lived(disbursed(terms(fees=fees))), [Payment(FEB_15, 86_07)], MAR_15, today=MAR_15
    )

    # As it is, the day's run charges what was not paid in time; as it would be, it had no cause.
    assert {event.business_on for event in found.events} == {MAR_15}
    assert [stood.instalments[0].paid_on for stood in (found.without, found.with_it)] == [
        None,
        FEB_15,
    ]
    assert found.with_it.balance is not None and found.with_it.balance.fees == 0


def test_on_a_day_to_come_both_sides_say_what_its_close_will_charge() -> None:
    events = lived(disbursed(terms(fees=[FeeTerm("LATE", "ON_OVERDUE", 7_00)])))

    found = what_if(events, [Payment(MAR_1, 1_00)], APR_15, today=FEB_15)

    owed = [stood.balance for stood in (found.without, found.with_it)]
    assert [each.fees for each in owed if each is not None] == [14_00, 13_00]
    assert found.without.version == len(events)


def test_the_instalments_that_differ_stand_side_by_side() -> None:
    found = what_if(events_of(), [Payment(FEB_15, 86_07)], FEB_15)

    [change] = found.rows
    assert change.number == 1 and change.is_now is not None and change.would_be is not None
    assert (change.is_now.left, change.would_be.left) == (86_07, 0)


def test_relief_says_what_the_loan_would_cost_in_a_year() -> None:
    cheaper = supposed.Relief(FEB_15, Agreement("RATE_CHANGE", annual_rate=Decimal("0.03")))

    found = what_if(events_of(paid("P-1", 86_07, on=FEB_15)), [cheaper], FEB_15)

    was, would = found.without.annualised_cost, found.with_it.annualised_cost
    assert was is not None and would is not None
    assert round(was, 4) == Decimal("0.0600")
    assert Decimal("0.03") < would < was


def test_a_day_beyond_the_calendar_is_refused() -> None:
    for day in (date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(no.BeyondCalendar):
            what_if(events_of(), [Payment(day, 1_00)], FEB_15)
        with pytest.raises(no.BeyondCalendar):
            what_if(events_of(), [Payment(FEB_15, 1_00)], day)
