"""The vault's cipher: bound to its key, its bits, and what it is about."""

from __future__ import annotations

import secrets
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.vault import Entry
from infra.vault_cipher import Key, MasterKeys, Unreadable, key_id_of, new_key
from infra.vault_values import Kind
from tests.infra.vault_at_work import LI

texts = st.text(st.characters(codec="utf-8"), max_size=60)


@given(st.binary(max_size=200), st.lists(texts, max_size=4))
def test_what_was_sealed_is_opened_as_it_was(plain: bytes, about: list[str]) -> None:
    key = new_key()

    sealed = key.seal(plain, *about)

    assert key.open(sealed, *about) == plain
    assert key_id_of(sealed) == key.key_id
    assert sealed != key.seal(plain, *about)


@given(st.binary(max_size=40), st.data())
def test_a_ciphertext_with_one_bit_flipped_is_refused(plain: bytes, data: st.DataObject) -> None:
    key = new_key()
    sealed = bytearray(key.seal(plain, "value"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))

    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(Unreadable):
        key.open(bytes(sealed), "value")


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_a_ciphertext_is_bound_to_what_it_is_about(mine: list[str], theirs: list[str]) -> None:
    key = new_key()
    sealed = key.seal(b"13912345678", *mine)

    if mine != theirs:
        with pytest.raises(Unreadable):
            key.open(sealed, *theirs)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_ciphertext_are_refused(said: bytes) -> None:
    with pytest.raises(Unreadable):
        new_key().open(said)


def test_a_wrapped_key_is_unwrapped_by_any_master_key_that_is_known() -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    key = new_key()

    wrapped = MasterKeys.of([old]).wrap(key, "data key", "a person")

    assert MasterKeys.of([new, old]).unwrap(wrapped, "data key", "a person") == key
    with pytest.raises(Unreadable):
        MasterKeys.of([new]).unwrap(wrapped, "data key", "a person")
    with pytest.raises(Unreadable):
        MasterKeys.of([old]).unwrap(wrapped, "data key", "another person")


def test_a_key_shows_nothing_of_its_secret() -> None:
    secret = secrets.token_bytes(32)

    shown = f"{Key(uuid4(), secret)!r} {MasterKeys.of([secret])!r} {Entry(uuid4(), Kind.NAME, LI)}"

    assert not any(each in shown for each in (repr(secret), secret.hex(), LI))
