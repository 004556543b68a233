"""People whose data is restricted, and people who are erased."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from domain.base.refusal import NotFound, SamePerson
from infra import vault_erasure
from infra.vault import Entry, Erased, ProcessingRestricted, Vault
from infra.vault_cipher import Unreadable
from infra.vault_values import Kind, Purpose
from tests.infra.vault_at_work import CN, LI, MOBILE, TODAY, Opener, act, owner_sql


def test_data_of_a_restricted_person_is_read_for_lawful_purposes_only(vault: Vault) -> None:
    person_id, until = uuid4(), TODAY + timedelta(days=10)
    ref = vault.put(person_id, Kind.PHONE, MOBILE, act())

    vault_erasure.restrict(vault, person_id, act(), until=until, reason="contests it")

    for purpose in (Purpose.SENDING, Purpose.COLLECTION, Purpose.SERVICING):
        with pytest.raises(ProcessingRestricted):
            vault.read(ref, purpose, act())
    assert vault.read(ref, Purpose.AUDIT, act()) == MOBILE
    assert vault.read(ref, Purpose.LEGAL_OBLIGATION, act()) == MOBILE
    found = vault.find(Kind.PHONE, MOBILE, Purpose.IDENTIFICATION, act())
    assert person_id not in {owner.person_id for owner in found}
    assert vault.put(person_id, Kind.NOTE, "a letter came", act())


def test_a_restriction_ends_on_its_day_or_when_it_is_lifted(vault: Vault) -> None:
    person_id, until = uuid4(), TODAY + timedelta(days=10)
    ref = vault.put(person_id, Kind.NAME, LI, act())
    vault_erasure.restrict(vault, person_id, act(), until=until, reason="contests it")

    with pytest.raises(ProcessingRestricted):
        vault.read(ref, Purpose.SERVICING, act(until - timedelta(days=1)))
    assert vault.read(ref, Purpose.SERVICING, act(until)) == LI
    vault_erasure.release(vault, person_id, act(), reason="settled")

    assert vault.read(ref, Purpose.SERVICING, act()) == LI
    assert [each.kind for each in vault.measures(person_id)] == ["RESTRICTED", "RELEASED"]
    with pytest.raises(vault_erasure.NotRestricted):
        vault_erasure.release(vault, person_id, act(), reason="again")
    with pytest.raises(vault_erasure.RestrictionEnded):
        vault_erasure.restrict(vault, person_id, act(), until=TODAY, reason="late")


def test_nothing_of_an_erased_person_can_be_read_and_it_is_told_who_erased_them(
    vault: Vault,
) -> None:
    person_id = uuid4()
    refs = vault.put_many(
        [Entry(person_id, Kind.NAME, LI), Entry(person_id, Kind.EMAIL, "gone@x.cn")], act()
    )

    done = vault_erasure.erase(vault, person_id, act(actor="manager"), **CN)

    assert (done.erased, done.kept_until) == (True, None)
    for ref in refs:
        with pytest.raises(Erased):
            vault.read(ref, Purpose.LEGAL_OBLIGATION, act())
    assert vault.find(Kind.EMAIL, "gone@x.cn", Purpose.AUDIT, act()) == []
    assert all(record.erased for record in vault.records(person_id))
    (measure,) = vault.measures(person_id)
    assert (measure.kind, measure.requested_by, measure.approved_by) == (
        "ERASED",
        "officer",
        "manager",
    )
    with pytest.raises(Erased):
        vault.put(person_id, Kind.NAME, LI, act())
    with pytest.raises(Erased):
        vault_erasure.erase(vault, person_id, act(), **CN)


def test_a_copy_of_the_ciphertexts_cannot_be_read_after_the_erasure(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.NAME, LI, act())
    ((copied,),) = owner_sql(vault, "SELECT sealed FROM vault.record WHERE ref = %s", ref)

    vault_erasure.erase(vault, person_id, act(), **CN)
    owner_sql(vault, "UPDATE vault.record SET sealed = %s WHERE ref = %s", copied, ref)

    with pytest.raises(Erased):
        vault.read(ref, Purpose.AUDIT, act())
    keys = owner_sql(vault, "SELECT wrapped_key FROM vault.person WHERE wrapped_key IS NOT NULL")
    for (wrapped,) in keys:
        with pytest.raises(Unreadable):
            vault.keys.unwrap(bytes(wrapped), "data key", str(person_id))


def test_a_person_who_was_erased_stays_erased(vault: Vault) -> None:
    person_id = uuid4()
    vault.put(person_id, Kind.NAME, LI, act())
    vault_erasure.erase(vault, person_id, act(), **CN)

    with pytest.raises(InsufficientPrivilege, match="stays erased"):
        owner_sql(
            vault,
            "UPDATE vault.person SET wrapped_key = '', erased_at = NULL WHERE person_id = %s",
            person_id,
        )


def test_an_erasure_needs_two_people_and_somebody_to_erase(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.NAME, LI, act())

    with pytest.raises(SamePerson):
        vault_erasure.erase(vault, person_id, act(), **{**CN, "approved_by": "Officer"})
    with pytest.raises(NotFound):
        vault_erasure.erase(vault, uuid4(), act(), **CN)

    assert vault.read(ref, Purpose.SERVICING, act()) == LI


def test_whoever_has_a_loan_that_is_not_over_is_not_erased(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.NAME, LI, act())

    with pytest.raises(vault_erasure.LoanRunning, match="L-00000-00001"):
        vault_erasure.erase(vault, person_id, act(), **CN, open_loans=["L-00000-00001"])

    assert vault.read(ref, Purpose.SERVICING, act()) == LI


def test_an_erasure_waits_restricted_until_the_last_collection_record_may_go(
    opened: Opener,
) -> None:
    vault = opened()
    person_id, floor = uuid4(), date(2031, 3, 2)
    ref = vault.put(person_id, Kind.PHONE, MOBILE, act())
    vault.read(ref, Purpose.COLLECTION, act())

    asked = vault_erasure.erase(vault, person_id, act(date(2026, 4, 1)), **CN)

    assert asked == vault_erasure.Erasure(person_id, False, floor, "COLLECTION_RECORD")
    with pytest.raises(ProcessingRestricted):
        vault.read(ref, Purpose.SERVICING, act())
    assert vault.read(ref, Purpose.AUDIT, act()) == MOBILE
    with pytest.raises(vault_erasure.ErasureWaits):
        vault_erasure.release(vault, person_id, act(), reason="changed their mind")
    early = vault_erasure.sweep(vault, act(floor - timedelta(days=1)))
    assert (early.erased, vault.person(person_id).erase_from) == ([], floor)
    assert vault_erasure.sweep(vault, act(floor)).erased == [person_id]
    with pytest.raises(Erased):
        vault.read(ref, Purpose.AUDIT, act(floor))
    (request, erased) = vault.measures(person_id)
    assert (request.kind, request.until, request.policy_version) == (
        "ERASURE_REQUESTED",
        floor,
        "retention-1",
    )
    assert (erased.kind, erased.business_on) == ("ERASED", floor)


def test_the_longest_floor_decides_whoever_knows_of_the_record(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.PHONE, MOBILE, act())
    vault.read(ref, Purpose.SENDING, act())

    asked = vault_erasure.erase(
        *(vault, person_id, act()),
        **{**CN, "jurisdiction": "US"},
        last_records={"COLLECTION_RECORD": date(2025, 12, 31), "SEND_RECORD": date(2024, 1, 1)},
    )

    assert (asked.kept_until, asked.record_class) == (date(2028, 12, 31), "COLLECTION_RECORD")


def test_a_note_that_came_after_the_request_puts_the_erasure_off(opened: Opener) -> None:
    vault = opened()
    person_id, floor = uuid4(), date(2026, 9, 2)
    ref = vault.put(person_id, Kind.PHONE, MOBILE, act())
    vault.read(ref, Purpose.SENDING, act())
    asked = vault_erasure.erase(vault, person_id, act(), **CN)
    assert asked.kept_until == floor

    vault.put(person_id, Kind.NOTE, "a court's letter", act(date(2026, 5, 1)))

    assert vault_erasure.sweep(vault, act(floor)).put_off == [person_id]
    assert vault.person(person_id).erase_from == date(2031, 5, 1)


def test_a_message_that_the_law_demanded_puts_the_erasure_off_too(opened: Opener) -> None:
    vault = opened()
    person_id, floor = uuid4(), date(2026, 9, 2)
    vault.read(vault.put(person_id, Kind.PHONE, MOBILE, act()), Purpose.SENDING, act())
    vault_erasure.erase(vault, person_id, act(), **CN)

    swept = vault_erasure.sweep(vault, act(floor), lambda _: {"SEND_RECORD": date(2026, 7, 31)})

    assert swept.put_off == [person_id]
    assert vault.person(person_id).erase_from == date(2027, 1, 31)


def test_whoever_was_erased_is_erased_again_after_a_backup_is_put_back(opened: Opener) -> None:
    vault = opened()
    person_id = uuid4()
    ref = vault.put(person_id, Kind.NAME, LI, act())
    before = owner_sql(vault, "SELECT wrapped_key FROM vault.person WHERE true")
    sealed = owner_sql(vault, "SELECT sealed FROM vault.record")
    vault_erasure.erase(vault, person_id, act(), **CN)
    owner_sql(vault, "ALTER TABLE vault.person DISABLE TRIGGER person_stays_erased")
    owner_sql(vault, "UPDATE vault.person SET wrapped_key = %s, erased_at = NULL", *before[0])
    owner_sql(vault, "UPDATE vault.record SET sealed = %s", *sealed[0])
    owner_sql(vault, "ALTER TABLE vault.person ENABLE TRIGGER person_stays_erased")
    assert vault.read(ref, Purpose.SERVICING, act()) == LI

    swept = vault_erasure.sweep(vault, act())

    assert swept.erased_again == [person_id]
    with pytest.raises(Erased):
        vault.read(ref, Purpose.SERVICING, act())
    assert vault_erasure.sweep(vault, act()).erased_again == []
    assert LI not in vault.journal.read_text()
