"""Another master key for the vault, and how it stands."""

from __future__ import annotations

import base64
import secrets
from datetime import date
from uuid import uuid4

import pytest
from pydantic import SecretStr

from infra import vault_erasure, vault_keys, vault_rotation
from infra.embedded.part import Step
from infra.vault import Damaged, Entry, Owner
from infra.vault_values import Kind, Purpose
from tests.infra.vault_at_work import CN, LI, TODAY, Opener, act, in_home, owner_sql


def test_a_new_master_key_wraps_every_key_and_touches_no_ciphertext(opened: Opener) -> None:
    vault = opened()
    settings = in_home(vault.journal.parent)
    people = [uuid4() for _ in range(1_100)]
    refs = vault.put_many(
        [Entry(each, Kind.PHONE, f"+86139{n:08}") for n, each in enumerate(people)], act()
    )
    before = owner_sql(vault, "SELECT ref, sealed FROM vault.record ORDER BY ref")
    steps: list[Step] = []

    vault_keys.add_key(settings)
    rotated = vault_rotation.rotate(vault, steps.append)

    new, _ = vault_keys.read_keys(settings)
    assert (rotated.wrapped, rotated.unreadable) == (1_100, [])
    assert [(step.done, step.total) for step in steps] == [
        (done, 1_100) for done in (0, 500, 1_000, 1_100)
    ]
    assert owner_sql(vault, "SELECT ref, sealed FROM vault.record ORDER BY ref") == before
    alone = opened(vault_keys=SecretStr(base64.b64encode(new).decode()))
    assert alone.read(refs[7], Purpose.SERVICING, act()) == "+8613900000007"
    found = alone.find(Kind.PHONE, "+8613900000007", Purpose.IDENTIFICATION, act())
    assert found == [Owner(people[7], refs[7])]
    assert alone.put(people[7], Kind.PHONE, "+8613900000007", act()) == refs[7]
    uses = vault_rotation.standing(vault, TODAY).master_keys
    assert [(use.current, use.wraps) for use in uses] == [(True, 1_101), (False, 0)]
    assert vault_rotation.rotate(vault).wrapped == 0


def test_a_rotation_that_was_stopped_goes_on_where_it_was(opened: Opener) -> None:
    vault = opened()
    refs = vault.put_many([Entry(uuid4(), Kind.NAME, LI) for _ in range(1_200)], act())
    vault_keys.add_key(in_home(vault.journal.parent))

    def stop(step: Step) -> None:
        if step.done == 1_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vault_rotation.rotate(vault, stop)

    assert len(vault.read_many(refs, Purpose.AUDIT, act()).values) == 1_200
    assert vault_rotation.rotate(vault).wrapped == 200


def test_with_a_new_look_up_key_an_old_copy_of_the_index_finds_nobody(opened: Opener) -> None:
    vault, running = opened(), opened()
    people = [uuid4() for _ in range(700)]
    refs = vault.put_many(
        [Entry(each, Kind.PHONE, f"+86139{n:08}") for n, each in enumerate(people)], act()
    )
    running.find(Kind.PHONE, "+8613900000001", Purpose.IDENTIFICATION, act())
    query = "SELECT look_up FROM vault.record ORDER BY ref"
    before = {row[0] for row in owner_sql(vault, query)}
    vault_erasure.erase(vault, people[0], act(), **CN)

    done = vault_rotation.hash_anew(vault)

    after = {row[0] for row in owner_sql(vault, query)} - {None}
    assert (done.hashed, done.unreadable, len(after)) == (699, [], 699)
    assert not before & after
    for each in (vault, running):
        found = each.find(Kind.PHONE, "+8613900000007", Purpose.IDENTIFICATION, act())
        assert found == [Owner(people[7], refs[7])]
        assert each.put(people[7], Kind.PHONE, "+8613900000007", act()) == refs[7]
    assert vault.find(Kind.PHONE, "+8613900000000", Purpose.IDENTIFICATION, act()) == []


def test_a_program_that_runs_on_learns_a_new_master_key_by_itself(opened: Opener) -> None:
    running, other = opened(), opened()
    ref = running.put(uuid4(), Kind.NAME, LI, act())

    vault_keys.add_key(in_home(running.journal.parent))
    vault_rotation.rotate(other)

    assert running.read(ref, Purpose.SERVICING, act()) == LI


def test_a_key_that_nobody_can_open_is_named_and_holds_up_no_other(opened: Opener) -> None:
    vault = opened()
    lost, found = sorted([uuid4(), uuid4()])
    ref, _ = vault.put_many([Entry(each, Kind.NAME, LI) for each in (lost, found)], act())
    owner_sql(
        vault,
        "UPDATE vault.person SET wrapped_key = set_byte(wrapped_key, 40, 0) || '\\x00'::bytea"
        " WHERE person_id = %s",
        lost,
    )
    vault_keys.add_key(in_home(vault.journal.parent))

    rotated = vault_rotation.rotate(vault)

    assert (rotated.wrapped, rotated.unreadable) == (1, [lost])
    with pytest.raises(Damaged):
        vault.read(ref, Purpose.SERVICING, act())


def test_without_its_master_key_nothing_is_read_and_the_key_is_named(opened: Opener) -> None:
    vault = opened()
    ref = vault.put(uuid4(), Kind.NAME, LI, act())
    other = opened(vault_keys=SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()))

    with pytest.raises(Damaged) as refused:
        other.read(ref, Purpose.SERVICING, act())

    with pytest.raises(Damaged):
        other.put(uuid4(), Kind.NAME, LI, act())
    for changes in (vault_rotation.rotate, vault_rotation.hash_anew):
        with pytest.raises(Damaged, match="not the vault's master key"):
            changes(other)
    named = str(vault.keys.current.key_id)
    assert named in refused.value.sentence
    uses = vault_rotation.standing(other, TODAY).master_keys
    assert [(use.known, use.wraps) for use in uses] == [(True, 0), (False, 2)]


def test_the_vault_tells_how_it_stands_without_a_value(opened: Opener) -> None:
    vault = opened()
    gone, waiting, free = (uuid4() for _ in range(3))
    for each in (gone, waiting, free):
        vault.put(each, Kind.NAME, LI, act())
    vault_erasure.erase(vault, gone, act(), **CN)
    vault.put(waiting, Kind.NOTE, "promised", act())
    vault_erasure.erase(vault, waiting, act(), **CN)

    stands = vault_rotation.standing(vault, TODAY)

    assert (stands.people, stands.restricted, stands.to_erase, stands.due, stands.erased) == (
        2,
        1,
        1,
        0,
        1,
    )
    assert stands.records == {"NAME": 2, "NOTE": 1}
    assert vault_rotation.standing(vault, date(2031, 3, 2)).due == 1
