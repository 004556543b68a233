"""Changing the vault's master key and look-up key, and how the vault stands.

Under a new master key only the keys of people are wrapped anew, and no value is opened;
that can be stopped and begun again at any moment: whoever is done names the new key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from infra.embedded.part import Progress, Step, silent
from infra.vault import LOOK_UP_LOCK, Damaged, Vault, hashed, opened
from infra.vault_cipher import Key, Unreadable, key_id_of, new_key
from infra.vault_values import Kind

AT_ONCE = 500
NO_PERSON = UUID(int=0)

HASHED = """
    SELECT r.ref, r.person_id, r.kind, r.sealed, p.wrapped_key
    FROM vault.record AS r JOIN vault.person AS p USING (person_id)
    WHERE r.look_up IS NOT NULL AND p.wrapped_key IS NOT NULL AND r.ref > %s
    ORDER BY r.ref LIMIT %s
"""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did."""

    master_key: UUID
    wrapped: int
    unreadable: list[UUID] = field(default_factory=list)
    """People whose key no known master key opens."""


@dataclass(frozen=True)
class Hashed:
    """What making the look-up index anew did."""

    hashed: int
    unreadable: list[str]
    """References of values that cannot be opened: nobody is found by them any more."""


@dataclass(frozen=True)
class MasterKeyUse:
    """A master key, and how many keys it wraps; one that wraps none may go."""

    key_id: UUID
    current: bool
    known: bool
    wraps: int


@dataclass(frozen=True)
class Standing:
    """How the vault stands."""

    people: int
    """Those who can be read."""
    restricted: int
    to_erase: int
    """Of them, those whom a sweep will erase when their floor has passed."""
    due: int
    """Of those, whom a sweep would erase now."""
    erased: int
    records: dict[str, int]
    accesses: int
    master_keys: list[MasterKeyUse]


def rotate(vault: Vault, progress: Progress = silent) -> Rotated:
    """Every key is wrapped by the current master key, but those that nobody can open.

    Raises:
        Damaged: the master keys are those of another vault.
    """
    current = vault.read_keys_again().current.key_id
    _rotate_look_up_key(vault, current)
    others = "wrapped_key IS NOT NULL AND substring(wrapped_key FROM 2 FOR 16) <> %s"
    row = vault.conn.execute(
        f"SELECT count(*) FROM vault.person WHERE {others}",  # noqa: S608 - our own text
        (current.bytes,),
    ).fetchone()
    total = row[0] if row else 0
    done, unreadable, after = 0, list[UUID](), NO_PERSON
    progress(Step("vault", "wrapping keys", done, total))
    while True:
        with vault.transaction():
            people = vault.conn.execute(
                "SELECT person_id, wrapped_key FROM vault.person"  # noqa: S608 - our own text
                f" WHERE {others} AND person_id > %s ORDER BY person_id LIMIT %s FOR UPDATE",
                (current.bytes, after, AT_ONCE),
            ).fetchall()
            if not people:
                return Rotated(current, done, unreadable)
            anew = []
            for person_id, wrapped in people:
                try:
                    key = vault.data_key(person_id, wrapped)
                except Unreadable:
                    unreadable.append(person_id)
                    continue
                anew.append((person_id, vault.keys.wrap(key, "data key", str(person_id))))
            if anew:
                vault.conn.execute(
                    "UPDATE vault.person AS p SET wrapped_key = n.wrapped_key"
                    " FROM unnest(%s::uuid[], %s::bytea[]) AS n (person_id, wrapped_key)"
                    " WHERE p.person_id = n.person_id",
                    ([each[0] for each in anew], [each[1] for each in anew]),
                )
        done, after = done + len(anew), people[-1][0]
        progress(Step("vault", "wrapping keys", done, total))


def hash_anew(vault: Vault, progress: Progress = silent) -> Hashed:
    """Every number and address is found by a new look-up key; who was erased by none.

    With the old master key gone too, no copy of the table can be tried for a number any
    more. Nothing is put or found meanwhile; all of it happens, or nothing.
    """
    keys = vault.read_keys_again()
    _must_open_look_up_key(vault)
    key, done, unreadable, after = new_key(), 0, list[str](), ""
    with vault.transaction():
        vault.conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOOK_UP_LOCK,))
        row = vault.conn.execute("SELECT count(look_up) FROM vault.record").fetchone()
        total = row[0] if row else 0
        progress(Step("vault", "hashing anew", done, total))
        while rows := vault.conn.execute(HASHED, (after, AT_ONCE)).fetchall():
            anew: list[tuple[str, bytes | None]] = []
            for ref, person_id, kind, sealed, wrapped in rows:
                try:
                    data_key = vault.data_key(person_id, wrapped)
                    kept = opened(data_key, sealed, person_id, ref, kind)
                    anew.append((ref, hashed(key, Kind(kind), kept)))
                except Unreadable:
                    unreadable.append(ref)
            vault.conn.execute(
                "UPDATE vault.record AS r SET look_up = n.look_up"
                " FROM unnest(%s::text[], %s::bytea[]) AS n (ref, look_up)"
                " WHERE r.ref = n.ref AND r.sealed IS NOT NULL",  # erased meanwhile: none
                ([each[0] for each in anew], [each[1] for each in anew]),
            )
            done, after = done + len(rows), rows[-1][0]
            progress(Step("vault", "hashing anew", done, total))
        vault.conn.execute(
            "INSERT INTO vault.look_up_key (wrapped_key) VALUES (%s)"
            " ON CONFLICT (one) DO UPDATE SET wrapped_key = EXCLUDED.wrapped_key",
            (keys.wrap(key, "look-up key"),),
        )
    return Hashed(done - len(unreadable), unreadable)


def _rotate_look_up_key(vault: Vault, current: UUID) -> None:
    with vault.transaction():
        found = _must_open_look_up_key(vault)
        if found is not None and key_id_of(found[0]) != current:
            vault.conn.execute(
                "UPDATE vault.look_up_key SET wrapped_key = %s",
                (vault.keys.wrap(found[1], "look-up key"),),
            )


def _must_open_look_up_key(vault: Vault) -> tuple[bytes, Key] | None:
    """The look-up key, wrapped and not; None while there is none.

    Whoever has not this vault's master key stops here, before anything is changed.
    """
    query = "SELECT wrapped_key FROM vault.look_up_key FOR UPDATE"
    row = vault.conn.execute(query).fetchone()
    if row is None:
        return None
    try:
        return row[0], vault.unwrapped(row[0], "look-up key")
    except Unreadable as why:
        raise Damaged(f"This is not the vault's master key: {why} See docs/VAULT.md.") from None


def standing(vault: Vault, on: date) -> Standing:
    """How the vault stands on a day, without a single value."""
    people = vault.conn.execute(
        "SELECT count(*) FILTER (WHERE erased_at IS NULL),"
        " count(*) FILTER (WHERE restricted_until > %(on)s OR erase_from IS NOT NULL),"
        " count(erase_from), count(*) FILTER (WHERE erase_from <= %(on)s), count(erased_at)"
        " FROM vault.person",
        {"on": on},
    ).fetchone()
    accesses = vault.conn.execute("SELECT count(*) FROM vault.access").fetchone()
    assert people is not None and accesses is not None
    records = vault.conn.execute(
        "SELECT kind, count(sealed) FROM vault.record GROUP BY kind ORDER BY kind"
    ).fetchall()
    wraps = vault.conn.execute(
        "SELECT substring(wrapped_key FROM 2 FOR 16), count(*) FROM ("
        " SELECT wrapped_key FROM vault.person WHERE wrapped_key IS NOT NULL"
        " UNION ALL SELECT wrapped_key FROM vault.look_up_key) AS w GROUP BY 1"
    ).fetchall()
    used = {UUID(bytes=bytes(key_id)): count for key_id, count in wraps}
    known = vault.keys.known
    alive, restricted, to_erase, due, erased = people
    return Standing(
        people=alive,
        restricted=restricted,
        to_erase=to_erase,
        due=due,
        erased=erased,
        records=dict(records),
        accesses=accesses[0],
        master_keys=[
            MasterKeyUse(each, each == vault.keys.current.key_id, each in known, used.get(each, 0))
            for each in [*known, *sorted(set(used) - set(known))]
        ],
    )
