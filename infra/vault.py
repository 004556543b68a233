"""The vault of personal data: values by reference, each person's under a key of their own.

Events hold references; what they stand for is here, outside the event store, and nowhere
else. A value never reaches PostgreSQL in clear, so neither can its logs or a backup show
one. Every reading is recorded before the value is given out, in the same transaction.

``vault_erasure`` restricts and erases people, ``vault_rotation`` changes master keys;
``docs/VAULT.md`` says how to run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NoReturn
from uuid import UUID, uuid4

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from domain.base.policy import Policies
from domain.base.refs import short_ref
from domain.base.refusal import NotFound, Refusal
from domain.base.stream import Act
from infra.bootstrap import as_role
from infra.settings import Settings
from infra.vault_cipher import Key, MasterKeys, Unreadable, key_id_of, look_up, look_up_key, new_key
from infra.vault_keys import read_keys
from infra.vault_values import LOOKED_UP, Kind, Purpose, ValueUnusable, looked_up_as, tidy

VAULT = "loans_vault"
"""The role that may touch the vault, and nothing else."""

JOURNAL = "erasures.jsonl"
"""Who was erased, beside the database: a backup that is put back does not know it."""

TRIES = 5

LOOK_UP_LOCK = 5_051_990
"""The advisory lock under which hashes are made, and alone the key for them is changed."""

PERSON = """
    SELECT person_id, wrapped_key, restricted_until, erase_from, jurisdiction, erased_at
    FROM vault.person WHERE person_id = %s
"""
LOCKED = f"{PERSON} FOR UPDATE"


class Erased(Refusal):
    """The person was erased; nothing of theirs can be read or kept."""

    code = "PERSON_ERASED"


class ProcessingRestricted(Refusal):
    """The person's data may be stored, but not be used for this purpose."""

    code = "PROCESSING_RESTRICTED"


class Damaged(Refusal):
    """What is kept cannot be opened with the keys that are known."""

    code = "VAULT_DAMAGED"


class ReferenceTaken(Refusal):
    """The reference stands for something else already."""

    code = "REFERENCE_TAKEN"


@dataclass(frozen=True)
class Entry:
    """A value to keep; with a *record_id* the same entry again changes nothing."""

    person_id: UUID
    kind: Kind
    value: str = field(repr=False)
    record_id: UUID | None = None


@dataclass(frozen=True)
class Given:
    """What a reading of many references gave: the values, and why others were not given."""

    values: dict[str, str] = field(repr=False)
    refused: dict[str, Refusal]


@dataclass(frozen=True)
class Owner:
    """Whose a value is, and its reference."""

    person_id: UUID
    ref: str


@dataclass(frozen=True)
class Record:
    """A value that is kept, without the value."""

    ref: str
    kind: str
    put_by: str
    put_on: date
    put_at: datetime
    erased: bool


@dataclass(frozen=True)
class Access:
    """One reading, or one that was refused."""

    recorded_at: datetime
    business_on: date
    actor: str
    purpose: str
    ref: str
    kind: str
    refused: str | None


@dataclass(frozen=True)
class Measure:
    """What was decided about a person's data: restricted, released, to be erased, erased."""

    recorded_at: datetime
    business_on: date
    kind: str
    actor: str
    requested_by: str | None
    approved_by: str | None
    reason: str
    until: date | None
    policy_version: str | None


@dataclass(frozen=True)
class Person:
    """What the vault knows of a person, without a single value."""

    person_id: UUID
    wrapped_key: bytes | None = field(repr=False)
    restricted_until: date | None
    erase_from: date | None
    jurisdiction: str | None
    erased_at: datetime | None


@dataclass(frozen=True)
class _Row:
    ref: str
    kind: str
    sealed: bytes | None = field(repr=False)
    person: Person


@dataclass(frozen=True)
class _Wanted:
    number: int
    entry: Entry
    value: str = field(repr=False)
    hashed: bytes | None


class Vault:
    """The vault, on a connection of its own in its own role."""

    def __init__(
        self, conn: psycopg.Connection[Any], settings: Settings, policies: Callable[[], Policies]
    ) -> None:
        """Nothing is read yet but the master keys; *policies* are asked for when they decide."""
        self.conn = conn
        self.policies = policies
        self.journal = settings.home / JOURNAL
        self._settings = settings
        self._keys = MasterKeys.of(read_keys(settings))
        self._look_up: tuple[bytes, Key] | None = None

    # --- keeping ----------------------------------------------------------------------

    def put(
        self, person_id: UUID, kind: Kind, value: str, act: Act, record_id: UUID | None = None
    ) -> str:
        """The reference under which a value is kept from now on.

        A telephone number or e-mail address that is kept for the person already has its
        reference from then.

        Raises:
            ValueUnusable: it is not what *kind* says.
            Erased: the person was erased.
            ReferenceTaken: *record_id* stands for another value.
        """
        return self.put_many([Entry(person_id, kind, value, record_id)], act)[0]

    def put_many(self, entries: Sequence[Entry], act: Act) -> list[str]:
        """The references of many values, in their order; all are kept, or none.

        Raises:
            Refusal: one of them cannot be kept, as ``put`` says.
        """
        values = [tidy(entry.kind, entry.value) for entry in entries]
        found: dict[int, str] = {}
        with self.transaction():
            # Made with the first value there is: who cannot open it has another vault's key.
            index = self._look_up_key()
            wanted = [
                _Wanted(number, entry, value, hashed(index, entry.kind, value))
                for number, (entry, value) in enumerate(zip(entries, values, strict=True))
            ]
            keys = self._keys_of({entry.person_id for entry in entries}, act)
            for _ in range(TRIES):
                found |= self._known([each for each in wanted if each.number not in found], keys)
                left = [each for each in wanted if each.number not in found]
                if not left:
                    break
                found |= self._insert(left, keys, act)
        return [found[number] for number in range(len(entries))]

    def _keys_of(self, people: set[UUID], act: Act) -> dict[UUID, Key]:
        """Each person's key, made if new; nobody erases them before this is committed."""
        query = """
            SELECT person_id, wrapped_key FROM vault.person
            WHERE person_id = ANY(%s) ORDER BY person_id FOR SHARE
        """
        known = dict(self.conn.execute(query, (list(people),)).fetchall())
        if new := sorted(people - set(known)):
            wrapped = [self._keys.wrap(new_key(), "data key", str(each)) for each in new]
            self.conn.execute(
                "INSERT INTO vault.person (person_id, wrapped_key, known_from)"
                " SELECT *, %s::timestamptz FROM unnest(%s::uuid[], %s::bytea[])"
                " ON CONFLICT DO NOTHING",
                (act.recorded_at, new, wrapped),
            )
            # Another writer may have been faster: what is stored counts.
            known = dict(self.conn.execute(query, (list(people),)).fetchall())
        if any(wrapped is None for wrapped in known.values()):
            raise Erased(
                "This person was erased, and nothing can be kept for them: register them anew."
            )
        try:
            return {each: self.data_key(each, wrapped) for each, wrapped in known.items()}
        except Unreadable as why:
            _damaged(why)

    def _known(self, wanted: Sequence[_Wanted], keys: Mapping[UUID, Key]) -> dict[int, str]:
        """The references of those that are kept already, by their number."""
        rows = self.conn.execute(
            "SELECT ref, person_id, kind, sealed, look_up FROM vault.record"
            " WHERE ref = ANY(%s) OR look_up = ANY(%s)",
            (
                [_ref(each.entry.record_id) for each in wanted if each.entry.record_id],
                [each.hashed for each in wanted if each.hashed],
            ),
        ).fetchall()
        by_ref = {row[0]: row for row in rows}
        by_hash = {(row[4], row[1], row[2]): row[0] for row in rows if row[4] is not None}
        found: dict[int, str] = {}
        for each in wanted:
            entry = each.entry
            same = by_hash.get((each.hashed, entry.person_id, entry.kind.value))
            if same is not None:
                found[each.number] = same
            elif entry.record_id and (row := by_ref.get(_ref(entry.record_id))):
                self._same(each, row, keys)
                found[each.number] = row[0]
        return found

    def _same(self, each: _Wanted, row: Sequence[Any], keys: Mapping[UUID, Key]) -> None:
        ref, person_id, kind, sealed = row[:4]
        if (person_id, kind) == (each.entry.person_id, each.entry.kind.value):
            try:
                plain = opened(keys[person_id], sealed, person_id, ref, kind)
            except Unreadable as why:
                _damaged(why)
            if plain == each.value:
                return
        raise ReferenceTaken(f"{ref} stands for something else: give another id.")

    def _insert(
        self, wanted: Sequence[_Wanted], keys: Mapping[UUID, Key], act: Act
    ) -> dict[int, str]:
        """The references of those that nothing stood in the way of; they are kept."""
        rows: dict[str, tuple[Any, ...]] = {}
        for each in wanted:
            person_id, kind = each.entry.person_id, each.entry.kind.value
            ref = _ref(each.entry.record_id or uuid4())
            sealed = keys[person_id].seal(each.value.encode(), "value", str(person_id), ref, kind)
            rows.setdefault(ref, (each.number, ref, person_id, kind, sealed, each.hashed))
        numbers, *columns = (list(column) for column in zip(*rows.values(), strict=True))
        stored = self.conn.execute(
            "INSERT INTO vault.record (ref, person_id, kind, sealed, look_up, put_by, put_on,"
            " put_at) SELECT *, %s, %s::date, %s::timestamptz"
            " FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::bytea[], %s::bytea[])"
            " ON CONFLICT DO NOTHING RETURNING ref",
            (act.actor, act.business_on, act.recorded_at, *columns),
        ).fetchall()
        new = {row[0] for row in stored}
        return {n: ref for n, ref in zip(numbers, rows, strict=True) if ref in new}

    # --- reading ----------------------------------------------------------------------

    def read(self, ref: str, purpose: Purpose, act: Act) -> str:
        """The value that a reference stands for; that it was read is recorded.

        Raises:
            NotFound: nothing has the reference.
            Erased: the person was erased.
            ProcessingRestricted: the purpose is none that a restriction lets pass.
            Damaged: what is kept cannot be opened.
        """
        given = self.read_many([ref], purpose, act)
        if ref in given.refused:
            raise given.refused[ref]
        return given.values[ref]

    def read_many(self, refs: Iterable[str], purpose: Purpose, act: Act) -> Given:
        """The values of many references, and a record for each: two statements in all.

        One that is refused holds up no other.
        """
        wanted = list(dict.fromkeys(refs))
        values: dict[str, str] = {}
        refused: dict[str, Refusal] = {}
        with self.transaction():
            rows = self._rows(wanted)
            for row in rows:
                try:
                    self._pass(row.person, purpose, act)
                    values[row.ref] = self._value(row)
                except Refusal as why:
                    refused[row.ref] = why
            self._record(rows, purpose, act, refused)
        for ref in set(wanted) - {row.ref for row in rows}:
            refused[ref] = NotFound(f"The vault has nothing under {ref}: see vault list.")
        return Given(values, refused)

    def find(self, kind: Kind, value: str, purpose: Purpose, act: Act) -> list[Owner]:
        """Whose a telephone number or e-mail address is; several people may share it.

        Found by a keyed hash (HMAC-SHA256) of the digits, or of the address in lower case.
        What that gives away: the database alone shows which people share a number, and
        nothing of the number. Whoever also has a master key can try all numbers there are,
        also on an old copy of the table and for people erased since; docs/VAULT.md says
        what to do about that. Each match is recorded as a reading; a match whom a
        restriction protects from this purpose is recorded and left out.

        Raises:
            ValueUnusable: values of the kind cannot be looked up, or this is none.
        """
        kept = tidy(kind, value)
        if kind not in LOOKED_UP:
            raise ValueUnusable(f"Nobody is found by a {kind}: look up a PHONE or an EMAIL.")
        with self.transaction():
            rows = self._rows([], hashed(self._look_up_key(), kind, kept), kind)
            refused = self._refused(rows, purpose, act)
            self._record(rows, purpose, act, refused)
        return [Owner(row.person.person_id, row.ref) for row in rows if row.ref not in refused]

    def others_with(self, ref: str, purpose: Purpose, act: Act) -> list[Owner]:
        """Who else has the number or address that a reference stands for; none is opened.

        Nobody where nothing has the reference, or its value is none by which people are
        found. Each match is recorded as a reading, and left out where a restriction
        protects whom it finds from this purpose.
        """
        with self.transaction():
            self._look_up_key()  # until the end no other key makes what is compared here
            kept = self.conn.execute(
                "SELECT look_up, kind, person_id FROM vault.record WHERE ref = %s", (ref,)
            ).fetchone()
            if kept is None or kept[0] is None:
                return []
            look_up, kind, person_id = kept
            found = self._rows([], bytes(look_up), kind)
            rows = [row for row in found if row.person.person_id != person_id]
            refused = self._refused(rows, purpose, act)
            self._record(rows, purpose, act, refused)
        return [Owner(row.person.person_id, row.ref) for row in rows if row.ref not in refused]

    def _refused(self, rows: Sequence[_Row], purpose: Purpose, act: Act) -> dict[str, Refusal]:
        """Why rows may not be used for a purpose, by their references."""
        refused: dict[str, Refusal] = {}
        for row in rows:
            try:
                self._pass(row.person, purpose, act)
            except Refusal as why:
                refused[row.ref] = why
        return refused

    def _rows(self, refs: list[str], sought: bytes | None = None, kind: str = "") -> list[_Row]:
        rows = self.conn.execute(
            "SELECT r.ref, r.kind, r.sealed, p.person_id, p.wrapped_key, p.restricted_until,"
            " p.erase_from, p.jurisdiction, p.erased_at"
            " FROM vault.record AS r JOIN vault.person AS p USING (person_id)"
            " WHERE r.ref = ANY(%s) OR (r.look_up = %s AND r.kind = %s) ORDER BY r.ref",
            (refs, sought, str(kind)),
        ).fetchall()
        return [_Row(ref, kind, sealed, Person(*who)) for ref, kind, sealed, *who in rows]

    def _pass(self, person: Person, purpose: Purpose, act: Act) -> None:
        if person.erased_at is not None:
            raise Erased(f"This person was erased on {person.erased_at:%Y-%m-%d}.")
        on = act.business_on
        until = person.restricted_until
        held = person.erase_from is not None or (until is not None and on < until)
        if held and not self.policies().passes_restriction(purpose, on):
            ends = f"until {until}" if person.erase_from is None else "until they are erased"
            raise ProcessingRestricted(
                f"This person's data is restricted {ends}: it may not be read for {purpose}."
            )

    def _value(self, row: _Row) -> str:
        if row.sealed is None or row.person.wrapped_key is None:
            raise Damaged(f"The vault has lost what {row.ref} stands for: see docs/VAULT.md.")
        person_id = row.person.person_id
        try:
            key = self.data_key(person_id, row.person.wrapped_key)
            return opened(key, row.sealed, person_id, row.ref, row.kind)
        except Unreadable as why:
            _damaged(why)

    def _record(
        self, rows: Sequence[_Row], purpose: Purpose, act: Act, refused: Mapping[str, Refusal]
    ) -> None:
        codes = [refused[row.ref].code if row.ref in refused else None for row in rows]
        self.conn.execute(
            "INSERT INTO vault.access (person_id, ref, kind, refused, actor, purpose,"
            " business_on, recorded_at) SELECT *, %s, %s, %s::date, %s::timestamptz"
            " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])",
            (
                *(act.actor, purpose.value, act.business_on, act.recorded_at),
                [row.person.person_id for row in rows],
                [row.ref for row in rows],
                [row.kind for row in rows],
                codes,
            ),
        )

    # --- what is known without reading ------------------------------------------------

    def person(self, person_id: UUID, *, locked: bool = False) -> Person:
        """How a person stands with the vault; *locked* until the transaction ends.

        Raises:
            NotFound: nothing was ever kept for them.
        """
        with self.conn.cursor(row_factory=class_row(Person)) as cursor:
            found = cursor.execute(LOCKED if locked else PERSON, (person_id,)).fetchone()
        if found is None:
            raise NotFound("The vault keeps nothing for this person: see vault put.")
        return found

    def records(self, person_id: UUID) -> list[Record]:
        """The references kept for a person, oldest first."""
        with self.conn.cursor(row_factory=class_row(Record)) as cursor:
            return cursor.execute(
                "SELECT ref, kind, put_by, put_on, put_at, sealed IS NULL AS erased"
                " FROM vault.record WHERE person_id = %s ORDER BY put_at, ref",
                (person_id,),
            ).fetchall()

    def refs_of(self, people: Iterable[UUID], kind: Kind) -> dict[UUID, str]:
        """The newest reference of a kind for each of the people who have one."""
        rows = self.conn.execute(
            "SELECT DISTINCT ON (person_id) person_id, ref FROM vault.record"
            " WHERE person_id = ANY(%s) AND kind = %s AND sealed IS NOT NULL"
            " ORDER BY person_id, put_at DESC",
            (list(people), str(kind)),
        ).fetchall()
        return dict(rows)

    def accesses(self, person_id: UUID) -> list[Access]:
        """Who read what of a person, and why; oldest first."""
        with self.conn.cursor(row_factory=class_row(Access)) as cursor:
            return cursor.execute(
                "SELECT recorded_at, business_on, actor, purpose, ref, kind, refused"
                " FROM vault.access WHERE person_id = %s ORDER BY access_id",
                (person_id,),
            ).fetchall()

    def measures(self, person_id: UUID) -> list[Measure]:
        """What was decided about a person's data; oldest first."""
        with self.conn.cursor(row_factory=class_row(Measure)) as cursor:
            return cursor.execute(
                "SELECT recorded_at, business_on, kind, actor, requested_by, approved_by, reason,"
                " until, policy_version FROM vault.measure WHERE person_id = %s"
                " ORDER BY measure_id",
                (person_id,),
            ).fetchall()

    # --- keys -------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction of its own; never part of another.

        What another takes back would take back with it that a value was given out.
        """
        assert self.conn.info.transaction_status == TransactionStatus.IDLE
        with self.conn.transaction():
            yield

    @property
    def keys(self) -> MasterKeys:
        """The master keys as they were last read."""
        return self._keys

    def read_keys_again(self) -> MasterKeys:
        """The master keys as they are now."""
        self._keys = MasterKeys.of(read_keys(self._settings))
        return self._keys

    def unwrapped(self, wrapped: bytes, *about: str) -> Key:
        """A key that a master key wrapped; one that is not known is looked for again.

        Raises:
            Unreadable: it cannot be opened.
        """
        if key_id_of(wrapped) not in self._keys.known:
            self.read_keys_again()
        return self._keys.unwrap(wrapped, *about)

    def data_key(self, person_id: UUID, wrapped: bytes) -> Key:
        """A person's key.

        Raises:
            Unreadable: it cannot be opened.
        """
        return self.unwrapped(wrapped, "data key", str(person_id))

    def _look_up_key(self) -> Key:
        """The key of the look-up index; it stays the same until the transaction ends."""
        self.conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOOK_UP_LOCK,))
        query = "SELECT wrapped_key FROM vault.look_up_key"
        row = self.conn.execute(query).fetchone()
        if row is None:
            made = self._keys.wrap(look_up_key(self._keys.current), "look-up key")
            self.conn.execute(
                "INSERT INTO vault.look_up_key (wrapped_key) VALUES (%s) ON CONFLICT DO NOTHING",
                (made,),
            )
            row = self.conn.execute(query).fetchone()
        assert row is not None
        wrapped = bytes(row[0])
        if self._look_up is None or self._look_up[0] != wrapped:
            try:
                self._look_up = (wrapped, self.unwrapped(wrapped, "look-up key"))
            except Unreadable as why:
                _damaged(why)
        return self._look_up[1]


@contextmanager
def open_vault(
    database_url: str, settings: Settings, policies: Callable[[], Policies]
) -> Iterator[Vault]:
    """The vault in a database, entered in its own role.

    Raises:
        Trouble: there is no master key.
    """
    with psycopg.connect(as_role(database_url, VAULT), autocommit=True) as conn:
        yield Vault(conn, settings, policies)


def _ref(record_id: UUID) -> str:
    return short_ref("V", record_id)


def hashed(index: Key, kind: Kind, kept: str) -> bytes | None:
    """The hash by which a tidy value is found; None for a kind that is not looked up."""
    plain = looked_up_as(kind, kept)
    return None if plain is None else look_up(index, kind.value, plain)


def opened(key: Key, sealed: bytes, person_id: UUID, ref: str, kind: str) -> str:
    """A value as it was kept.

    Raises:
        Unreadable: it cannot be opened.
    """
    return key.open(sealed, "value", str(person_id), ref, kind).decode()


def _damaged(why: Unreadable) -> NoReturn:
    raise Damaged(f"The vault cannot be read here: {why} See docs/VAULT.md.") from None
