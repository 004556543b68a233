"""The vault: values by reference, every reading recorded, nothing of it anywhere else."""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from infra import logs, vault_erasure
from infra.bootstrap import PROJECTOR, as_role, open_book
from infra.settings import child_environment
from infra.store import WRITER
from infra.vault import VAULT, Damaged, Entry, Owner, ReferenceTaken, Vault
from infra.vault_values import Kind, Purpose, ValueUnusable
from infra.verify import looks_personal
from tests.infra.line import registered
from tests.infra.vault_at_work import LI, MOBILE, STREET, TODAY, Opener, act, everything, owner_sql


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.NAME, LI),
        (Kind.ID_NUMBER, "11010519491231002X"),
        (Kind.PHONE, MOBILE),
        (Kind.EMAIL, "Li@Example.com"),
        (Kind.ADDRESS, STREET),
        (Kind.NOTE, "says her mother is ill;\nasks for two weeks"),
    ],
)
def test_a_value_is_read_by_its_reference(vault: Vault, kind: Kind, value: str) -> None:
    person_id = uuid4()

    ref = vault.put(person_id, kind, value, act())

    assert vault.read(ref, Purpose.SERVICING, act()) == value
    assert [(each.ref, each.kind) for each in vault.records(person_id)] == [(ref, kind)]


def test_a_reference_tells_nothing_and_is_none_of_the_shapes_of_personal_data(vault: Vault) -> None:
    refs = vault.put_many([Entry(uuid4(), Kind.PHONE, MOBILE) for _ in range(50)], act())

    assert len(set(refs)) == 50
    assert not any(looks_personal(ref) for ref in refs)


def test_the_tables_hold_nothing_in_clear(vault: Vault) -> None:
    person_id = uuid4()
    said = {Kind.NAME: LI, Kind.PHONE: MOBILE, Kind.EMAIL: "li@example.com", Kind.ADDRESS: STREET}
    refs = vault.put_many([Entry(person_id, kind, text) for kind, text in said.items()], act())
    vault.read_many(refs, Purpose.SENDING, act())
    vault_erasure.restrict(
        vault, person_id, act(), until=TODAY + timedelta(days=9), reason="objects"
    )

    held = everything(vault)

    assert not any(text in held for text in said.values())


def test_a_number_that_is_kept_already_has_its_reference(vault: Vault) -> None:
    person_id = uuid4()

    first = vault.put(person_id, Kind.PHONE, MOBILE, act())
    again = vault.put(person_id, Kind.PHONE, "0086 139 1234 5678", act())
    both = vault.put_many([Entry(person_id, Kind.EMAIL, e) for e in ("l@x.cn", "L@X.CN")], act())

    assert first == again
    assert both[0] == both[1]
    assert len(vault.records(person_id)) == 2


def test_the_same_entry_again_changes_nothing_and_another_is_refused(vault: Vault) -> None:
    person_id, record_id = uuid4(), uuid4()

    refs = [vault.put(person_id, Kind.NOTE, "called back", act(), record_id) for _ in range(2)]

    assert refs[0] == refs[1] and len(vault.records(person_id)) == 1
    with pytest.raises(ReferenceTaken):
        vault.put(person_id, Kind.NOTE, "called back twice", act(), record_id)
    with pytest.raises(ReferenceTaken):
        vault.put(uuid4(), Kind.NOTE, "called back", act(), record_id)
    two = [Entry(person_id, Kind.NOTE, each, UUID(int=7 << 100)) for each in ("one", "two")]
    with pytest.raises(ReferenceTaken):
        vault.put_many(two, act())


def test_of_many_values_all_are_kept_or_none(vault: Vault) -> None:
    person_id = uuid4()

    with pytest.raises(ValueUnusable):
        vault.put_many(
            [Entry(person_id, Kind.NAME, LI), Entry(person_id, Kind.PHONE, "none")], act()
        )

    assert vault.records(person_id) == []


def test_writers_that_meet_over_one_person_agree_on_their_key(opened: Opener) -> None:
    person_id = uuid4()
    vaults = [opened() for _ in range(6)]
    together = threading.Barrier(len(vaults))

    def keep(vault: Vault) -> list[str]:
        together.wait()
        return vault.put_many(
            [Entry(person_id, Kind.PHONE, MOBILE), Entry(person_id, Kind.NOTE, "met")], act()
        )

    with ThreadPoolExecutor(len(vaults)) as threads:
        refs = list(threads.map(keep, vaults))

    assert len({phone for phone, _ in refs}) == 1
    given = vaults[0].read_many([note for _, note in refs], Purpose.SERVICING, act())
    assert list(given.values.values()) == ["met"] * len(vaults)


# --- reading --------------------------------------------------------------------------


def test_who_read_what_when_and_why_is_recorded(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.PHONE, MOBILE, act())

    vault.read(ref, Purpose.COLLECTION, act(actor="collector-7"))

    (access,) = vault.accesses(person_id)
    assert (access.actor, access.purpose, access.ref) == ("collector-7", "COLLECTION", ref)
    assert (access.business_on, access.refused) == (TODAY, None)


def test_five_hundred_values_are_read_at_once_and_each_reading_is_recorded(vault: Vault) -> None:
    people = [uuid4() for _ in range(500)]
    numbers = [f"+861390000{n:04}" for n in range(500)]
    entries = [
        Entry(each, Kind.PHONE, number) for each, number in zip(people, numbers, strict=True)
    ]
    refs = vault.put_many(entries, act())

    given = vault.read_many(refs, Purpose.SENDING, act(actor="dispatcher"))

    assert [given.values[ref] for ref in refs] == numbers
    assert given.refused == {}
    assert all(len(vault.accesses(each)) == 1 for each in people[::50])


def test_one_that_is_refused_holds_up_no_other_and_is_recorded_too(vault: Vault) -> None:
    restricted, free = uuid4(), uuid4()
    refs = vault.put_many([Entry(each, Kind.NAME, LI) for each in (restricted, free)], act())
    later = TODAY + timedelta(days=30)
    vault_erasure.restrict(vault, restricted, act(), until=later, reason="objects")

    given = vault.read_many([*refs, "V-00000-00000"], Purpose.SENDING, act())

    assert given.values == {refs[1]: LI}
    assert {ref: why.code for ref, why in given.refused.items()} == {
        refs[0]: "PROCESSING_RESTRICTED",
        "V-00000-00000": "NOT_FOUND",
    }
    assert [each.refused for each in vault.accesses(restricted)] == ["PROCESSING_RESTRICTED"]
    assert LI not in repr(given)


def test_a_value_is_not_given_out_when_its_reading_cannot_be_recorded(opened: Opener) -> None:
    vault = opened()
    ref = vault.put(uuid4(), Kind.NAME, LI, act())
    owner_sql(vault, f"REVOKE INSERT ON vault.access FROM {VAULT}")

    with pytest.raises(InsufficientPrivilege):
        vault.read(ref, Purpose.SERVICING, act())


def test_reading_is_never_part_of_a_transaction_that_could_be_taken_back(vault: Vault) -> None:
    ref = vault.put(uuid4(), Kind.NAME, LI, act())

    with pytest.raises(AssertionError), vault.conn.transaction():
        vault.read(ref, Purpose.SERVICING, act())


def test_people_are_found_by_their_number_however_it_is_written(vault: Vault) -> None:
    mother, son = sorted([uuid4(), uuid4()])
    number = f"+861370{secrets.randbelow(10**7):07}"
    refs = vault.put_many([Entry(each, Kind.PHONE, number) for each in (mother, son)], act())

    found = vault.find(Kind.PHONE, f"00{number[1:]}", Purpose.IDENTIFICATION, act())

    pairs = zip((mother, son), refs, strict=True)
    assert {*found} == {Owner(*each) for each in pairs}
    assert [each.purpose for each in vault.accesses(son)] == ["IDENTIFICATION"]
    assert vault.find(Kind.PHONE, "+491701234567", Purpose.IDENTIFICATION, act()) == []


def test_people_are_found_by_their_address_in_any_case(vault: Vault) -> None:
    person_id = uuid4()
    ref = vault.put(person_id, Kind.EMAIL, f"Li.{person_id.hex}@Example.com", act())

    found = vault.find(Kind.EMAIL, f"li.{person_id.hex}@EXAMPLE.COM", Purpose.IDENTIFICATION, act())

    assert found == [Owner(person_id, ref)]


def test_nobody_is_found_by_a_name(vault: Vault) -> None:
    with pytest.raises(ValueUnusable, match="PHONE or an EMAIL"):
        vault.find(Kind.NAME, LI, Purpose.IDENTIFICATION, act())


# --- tampering ------------------------------------------------------------------------


def test_a_ciphertext_that_was_moved_to_another_person_is_refused(vault: Vault) -> None:
    mine, theirs = uuid4(), uuid4()
    ref, other = vault.put_many([Entry(each, Kind.NAME, LI) for each in (mine, theirs)], act())

    owner_sql(
        vault,
        "UPDATE vault.record SET sealed = (SELECT sealed FROM vault.record WHERE ref = %s)"
        " WHERE ref = %s",
        *(ref, other),
    )

    with pytest.raises(Damaged):
        vault.read(other, Purpose.SERVICING, act())
    assert [each.refused for each in vault.accesses(theirs)] == ["VAULT_DAMAGED"]


def test_neither_a_key_nor_a_record_can_be_moved_to_another_person(vault: Vault) -> None:
    mine, theirs = uuid4(), uuid4()
    ref, _ = vault.put_many([Entry(each, Kind.NAME, LI) for each in (mine, theirs)], act())

    owner_sql(
        vault,
        "UPDATE vault.person SET wrapped_key ="
        " (SELECT wrapped_key FROM vault.person WHERE person_id = %s) WHERE person_id = %s",
        *(mine, theirs),
    )
    owner_sql(vault, "UPDATE vault.record SET person_id = %s WHERE ref = %s", theirs, ref)

    with pytest.raises(Damaged):
        vault.read(ref, Purpose.SERVICING, act())


def test_a_value_cannot_be_passed_off_as_another_kind(vault: Vault) -> None:
    ref = vault.put(uuid4(), Kind.NOTE, "a note", act())

    owner_sql(vault, "UPDATE vault.record SET kind = 'NAME' WHERE ref = %s", ref)

    with pytest.raises(Damaged):
        vault.read(ref, Purpose.SERVICING, act())


def test_a_flipped_bit_is_noticed_and_holds_up_no_other(vault: Vault) -> None:
    person_id = uuid4()
    first, second = vault.put_many([Entry(person_id, Kind.NAME, each) for each in "ab"], act())

    owner_sql(
        vault,
        "UPDATE vault.record SET sealed = set_bit(sealed, 250, 1 - get_bit(sealed, 250))"
        " WHERE ref = %s",
        first,
    )

    given = vault.read_many([first, second], Purpose.SERVICING, act())
    assert given.values == {second: "b"}
    assert given.refused[first].code == "VAULT_DAMAGED"


# --- rights ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", [WRITER, PROJECTOR])
@pytest.mark.parametrize("table", ["person", "record", "access", "measure", "look_up_key"])
def test_programs_that_are_not_the_vault_cannot_look_into_it(
    vault_url: str, role: str, table: str
) -> None:
    with (
        psycopg.connect(as_role(vault_url, role)) as connection,
        pytest.raises(InsufficientPrivilege),
    ):
        connection.execute(f"SELECT * FROM vault.{table}")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM store.book_events",
        "DELETE FROM vault.person",
        "DELETE FROM vault.record",
        "UPDATE vault.record SET ref = 'V'",
        "UPDATE vault.access SET actor = 'nobody'",
        "DELETE FROM vault.access",
        "UPDATE vault.measure SET reason = ''",
        "TRUNCATE vault.access",
    ],
)
def test_the_vault_cannot_look_into_the_store_or_change_who_read_what(
    vault: Vault, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        vault.conn.execute(statement)


def test_not_even_the_owner_changes_who_read_what_by_mistake(vault: Vault) -> None:
    vault.read(vault.put(uuid4(), Kind.NAME, LI, act()), Purpose.SERVICING, act())

    with pytest.raises(InsufficientPrivilege, match="who read what stays"):
        owner_sql(vault, "DELETE FROM vault.access")


# --- no value in a log, an error or a traceback ---------------------------------------


def test_no_error_and_no_traceback_holds_a_value(opened: Opener) -> None:
    vault = opened()
    person_id = uuid4()
    vault.put(person_id, Kind.NAME, LI, act())
    owner_sql(vault, f"REVOKE INSERT ON vault.record FROM {VAULT}")
    failing: list[Callable[[], object]] = [
        lambda: vault.put(person_id, Kind.ADDRESS, STREET, act()),
        lambda: vault.put(person_id, Kind.PHONE, f"{STREET}{MOBILE}", act()),
        lambda: vault.put(person_id, Kind.EMAIL, STREET, act()),
        lambda: vault.find(Kind.PHONE, STREET, Purpose.IDENTIFICATION, act()),
    ]

    for fails in failing:
        with pytest.raises(Exception, match=r".") as raised:
            fails()

        told = "".join(traceback.format_exception(raised.value))
        assert not any(value in told for value in (STREET, MOBILE, LI))
        file = io.StringIO()
        logs.to_file(file).error("failed", why=str(raised.value), exc_info=raised.value)
        assert STREET not in file.getvalue() and MOBILE[1:] not in file.getvalue()


def command(
    home: Path, url: str, *words: str, given: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """A command of the command line, ended."""
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *words],
        env=child_environment(LOANS_HOME=str(home), LOANS_DATABASE_URL=url, **more),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_on_the_command_line_a_value_stands_in_its_answer_and_nowhere_else(
    opened: Opener, own_url: str, tmp_path: Path
) -> None:
    borrower = registered()
    vault = opened()
    with open_book(own_url, connections=1) as book:
        book.save(borrower, streams=[borrower])
    who = str(borrower.id)

    def loans(*words: str, given: str = "", code: int = 0) -> Any:
        ended = command(tmp_path, own_url, "vault", *words, "--json", given=given)
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        return json.loads(ended.stdout) if code != 1 else ended.stderr

    kept = loans("put", who, "--kind", "phone", given=f"{MOBILE}\n")
    again = loans("put", who, "--kind", "phone", given=MOBILE)
    assert again["ref"] == kept["ref"]
    wrong = loans("put", who, "--kind", "email", given=STREET, code=2)
    assert wrong["refused"] == "VALUE_UNUSABLE" and STREET not in wrong["sentence"]
    letter = tmp_path / "letter.txt"
    letter.write_text(STREET)
    note = loans("put", who, "--kind", "address", "--from", str(letter))
    letter.unlink()
    said = loans("read", who, note["ref"], "--purpose", "audit", "--by", "auditor")
    assert said["value"] == STREET
    found = loans("find", "--kind", "phone", "--purpose", "legal-obligation", given=MOBILE)
    assert [each["person_id"] for each in found] == [who]
    readings = loans("accesses", who)
    assert [(each["actor"], each["purpose"]) for each in readings] == [
        ("auditor", "AUDIT"),
        ("staff", "LEGAL_OBLIGATION"),
    ]
    assert [each["kind"] for each in loans("list", who)["records"]] == ["PHONE", "ADDRESS"]
    owner_sql(vault, f"REVOKE INSERT ON vault.record FROM {VAULT}")
    failed = loans("put", who, "--kind", "name", given=LI, code=1)
    assert "InsufficientPrivilege" in failed and LI not in failed

    written = "".join(path.read_text() for path in (tmp_path / "logs").glob("*.log"))
    assert "InsufficientPrivilege" in written
    assert not any(value in written for value in (LI, STREET, MOBILE, MOBILE[1:]))
