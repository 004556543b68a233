"""Restricting what may be done with a person's data, and erasing it.

Erasing destroys the person's key, and with it every copy of what it sealed; the
ciphertexts go too. While a retention floor lies ahead the data is restricted instead,
and a later sweep destroys it. What remains says who was erased, when, and by whom.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.base.refusal import Refusal, two_people
from domain.base.retention import Retained, retained
from domain.base.stream import Act
from infra.trouble import Trouble
from infra.vault import Erased, Person, Vault
from infra.vault_values import RECORDS_KEPT, RECORDS_MADE, Kind, Purpose

SWEPT_AT_ONCE = 100

RESTRICTED = "RESTRICTED"
RELEASED = "RELEASED"
ERASURE_REQUESTED = "ERASURE_REQUESTED"
ERASURE_PUT_OFF = "ERASURE_PUT_OFF"
ERASED = "ERASED"
ERASED_AGAIN = "ERASED_AGAIN"


class RestrictionEnded(Refusal):
    """A restriction would end before it begins."""

    code = "RESTRICTION_ENDED"


class NotRestricted(Refusal):
    """There is no restriction that could be lifted."""

    code = "NOT_RESTRICTED"


class LoanRunning(Refusal):
    """Something is still owed or asked for; what the data is needed for goes on."""

    code = "LOAN_RUNNING"


class ErasureWaits(Refusal):
    """The restriction is there because the person is to be erased."""

    code = "ERASURE_WAITS"


@dataclass(frozen=True)
class Erasure:
    """What became of a request: erased, or restricted until a floor lets it be."""

    person_id: UUID
    erased: bool
    kept_until: date | None
    """The day from which a sweep erases; None when it is done."""
    record_class: str | None
    """The records that must be kept so long."""


@dataclass(frozen=True)
class Swept:
    """What a sweep did."""

    erased: list[UUID]
    put_off: list[UUID]
    """A longer floor applies by now."""
    erased_again: list[UUID]
    """They were erased before, and a backup had brought them back."""


def restrict(vault: Vault, person_id: UUID, act: Act, *, until: date, reason: str) -> None:
    """A person's data is only stored, and read for lawful purposes, before the day *until*.

    Raises:
        NotFound: nothing is kept for them.
        Erased: they were erased.
        RestrictionEnded: that day is not ahead.
    """
    if until <= act.business_on:
        raise RestrictionEnded(f"{until} is not ahead of {act.business_on}: give a later day.")
    with vault.transaction():
        _alive(vault, person_id)
        vault.conn.execute(
            "UPDATE vault.person SET restricted_until = %s WHERE person_id = %s", (until, person_id)
        )
        _note(vault, person_id, act, RESTRICTED, reason=reason, until=until)


def release(vault: Vault, person_id: UUID, act: Act, *, reason: str) -> None:
    """A person's data is restricted no more.

    Raises:
        NotFound: nothing is kept for them.
        Erased: they were erased.
        ErasureWaits: they asked to be erased.
        NotRestricted: nothing is restricted.
    """
    with vault.transaction():
        person = _alive(vault, person_id)
        if person.erase_from is not None:
            raise ErasureWaits(
                f"This person is erased from {person.erase_from} on; that is not taken back."
            )
        if person.restricted_until is None or person.restricted_until <= act.business_on:
            raise NotRestricted("Nothing of this person is restricted.")
        vault.conn.execute(
            "UPDATE vault.person SET restricted_until = NULL WHERE person_id = %s", (person_id,)
        )
        _note(vault, person_id, act, RELEASED, reason=reason)


def erase(
    vault: Vault,
    person_id: UUID,
    act: Act,
    *,
    jurisdiction: str,
    reason: str,
    requested_by: str,
    approved_by: str,
    last_records: Mapping[str, date] | None = None,
    open_loans: Sequence[str] = (),
) -> Erasure:
    """A person is erased; or restricted, while records about them must be kept.

    *last_records* has the day of the last record of each class that others keep, such as
    the send log; the vault adds those that it knows of by itself: what was read for
    sending or collection, and notes. *open_loans* are their loans that are not over.

    Raises:
        SamePerson: two different people do not stand behind it.
        LoanRunning: there is such a loan.
        NotFound: nothing is kept for them.
        Erased: they were erased already.
        FloorUnknown: no policy says how long a class of records is kept there.
    """
    two_people(requested_by, approved_by, "An erasure")
    if open_loans:
        raise LoanRunning(
            f"{', '.join(open_loans)} of this person is not over: restrict them until it is."
        )
    people = (requested_by, approved_by)
    with vault.transaction():
        person = _alive(vault, person_id)
        floor = _floor(vault, person_id, jurisdiction, act.business_on, last_records or {})
        until = floor.until if floor else None
        ends = max((day for day in (until, person.erase_from) if day is not None), default=None)
        if ends is None or ends <= act.business_on:
            _destroy(vault, person_id, act, ERASED, reason=reason, people=people)
            return Erasure(person_id, erased=True, kept_until=None, record_class=None)
        vault.conn.execute(
            "UPDATE vault.person SET erase_from = %s, jurisdiction = %s WHERE person_id = %s",
            (ends, jurisdiction, person_id),
        )
        version = floor.version if floor else None
        _note(
            *(vault, person_id, act, ERASURE_REQUESTED),
            reason=reason,
            people=people,
            until=ends,
            policy_version=version,
        )
    kept = floor.record_class if floor else None
    return Erasure(person_id, erased=False, kept_until=ends, record_class=kept)


def sweep(
    vault: Vault, act: Act, last_records: Callable[[UUID], Mapping[str, date]] = lambda _: {}
) -> Swept:
    """Everybody is erased whose floor has passed, and whom a backup brought back.

    *last_records* tells of a person what it tells ``erase``: a record that came after the
    request puts the erasure off.

    Raises:
        FloorUnknown: no policy says how long a class of records is kept.
    """
    swept = Swept([], [], [])
    again = [each for each in _noted(vault) if _lives(vault, each)]
    for person_id in again:
        with vault.transaction():
            if vault.person(person_id, locked=True).erased_at is None:
                why = "erased before; a backup had brought it back"
                _destroy(vault, person_id, act, ERASED_AGAIN, reason=why)
                swept.erased_again.append(person_id)
    while due := _due(vault, act.business_on):
        for person_id in due:
            with vault.transaction():
                _sweep(vault, person_id, act, swept, last_records(person_id))
    return swept


def _sweep(
    vault: Vault, person_id: UUID, act: Act, swept: Swept, last_records: Mapping[str, date]
) -> None:
    person = vault.person(person_id, locked=True)
    if person.erased_at is not None or person.erase_from is None:
        return  # another sweep was faster
    assert person.jurisdiction is not None
    floor = _floor(vault, person_id, person.jurisdiction, act.business_on, last_records)
    if floor is None or floor.until <= act.business_on:
        _destroy(vault, person_id, act, ERASED, reason="its retention floor has passed")
        swept.erased.append(person_id)
        return
    vault.conn.execute(
        "UPDATE vault.person SET erase_from = %s WHERE person_id = %s", (floor.until, person_id)
    )
    _note(
        *(vault, person_id, act, ERASURE_PUT_OFF),
        reason=f"a {floor.record_class} is kept longer",
        until=floor.until,
        policy_version=floor.version,
    )
    swept.put_off.append(person_id)


def _alive(vault: Vault, person_id: UUID) -> Person:
    person = vault.person(person_id, locked=True)
    if person.erased_at is not None:
        raise Erased(f"This person was erased on {person.erased_at:%Y-%m-%d}.")
    return person


def _floor(
    vault: Vault, person_id: UUID, jurisdiction: str, on: date, last_records: Mapping[str, date]
) -> Retained | None:
    last = dict(last_records)
    for record_class, day in _own_records(vault, person_id):
        last[record_class] = max(day, last.get(record_class, day))
    return retained(vault.policies().floors_of(jurisdiction, on), last)


def _own_records(vault: Vault, person_id: UUID) -> list[tuple[str, date]]:
    """The day of the last record of each class that the vault itself makes or keeps."""
    read = vault.conn.execute(
        "SELECT purpose, max(business_on) FROM vault.access"
        " WHERE person_id = %s AND refused IS NULL AND purpose = ANY(%s) GROUP BY purpose",
        (person_id, [purpose.value for purpose in RECORDS_MADE]),
    ).fetchall()
    kept = vault.conn.execute(
        "SELECT kind, max(put_on) FROM vault.record"
        " WHERE person_id = %s AND kind = ANY(%s) GROUP BY kind",
        (person_id, [kind.value for kind in RECORDS_KEPT]),
    ).fetchall()
    return [
        *((RECORDS_MADE[Purpose(purpose)].value, on) for purpose, on in read),
        *((RECORDS_KEPT[Kind(kind)].value, on) for kind, on in kept),
    ]


def _destroy(
    vault: Vault,
    person_id: UUID,
    act: Act,
    kind: str,
    *,
    reason: str,
    people: tuple[str | None, str | None] = (None, None),
) -> None:
    vault.conn.execute(
        "UPDATE vault.person SET wrapped_key = NULL, erased_at = %s, erase_from = NULL,"
        " restricted_until = NULL WHERE person_id = %s",
        (act.recorded_at, person_id),
    )
    vault.conn.execute(
        "UPDATE vault.record SET sealed = NULL, look_up = NULL WHERE person_id = %s", (person_id,)
    )
    _note(vault, person_id, act, kind, reason=reason, people=people)
    # Noted before it is committed: what is noted here and lives on, the next sweep erases.
    if kind != ERASED_AGAIN:
        _journal(vault, person_id, act)


def _note(
    vault: Vault,
    person_id: UUID,
    act: Act,
    kind: str,
    *,
    reason: str,
    people: tuple[str | None, str | None] = (None, None),
    until: date | None = None,
    policy_version: str | None = None,
) -> None:
    vault.conn.execute(
        "INSERT INTO vault.measure (person_id, kind, actor, requested_by, approved_by, reason,"
        " until, policy_version, business_on, recorded_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(person_id, kind, act.actor, *people, reason),
            *(until, policy_version, act.business_on, act.recorded_at),
        ),
    )


def _due(vault: Vault, on: date) -> list[UUID]:
    rows = vault.conn.execute(
        "SELECT person_id FROM vault.person WHERE erase_from <= %s ORDER BY erase_from LIMIT %s",
        (on, SWEPT_AT_ONCE),
    ).fetchall()
    return [row[0] for row in rows]


def _lives(vault: Vault, person_id: UUID) -> bool:
    row = vault.conn.execute(
        "SELECT true FROM vault.person WHERE person_id = %s AND erased_at IS NULL", (person_id,)
    ).fetchone()
    return row is not None


def _journal(vault: Vault, person_id: UUID, act: Act) -> None:
    vault.journal.parent.mkdir(parents=True, exist_ok=True)
    line = {"person_id": str(person_id), "at": act.recorded_at.isoformat(), "by": act.actor}
    with vault.journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _noted(vault: Vault) -> Iterator[UUID]:
    if not vault.journal.exists():
        return
    for number, line in enumerate(vault.journal.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield UUID(json.loads(line)["person_id"])
        except (ValueError, KeyError, TypeError):
            raise Trouble(
                f"Line {number} of {vault.journal} is no erasure: mend or remove it."
            ) from None
