"""Changes to SQL: rows folded in memory, and written with as few statements as can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from projections import Change, Put, Table

COPY_FROM_ROWS = 50
"""From so many rows on, COPY into a temporary table beats one statement a row."""
JSONB = 3802


@dataclass(slots=True)
class Row:
    """What is to become of one row: columns set, and amounts added to others."""

    puts: dict[str, Any]
    adds: dict[str, int]


class Fold:
    """Changes folded per row: the last Put wins per column, Adds sum."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables: dict[str, tuple[tuple[str, ...], dict[tuple[Any, ...], Row]]] = {
            table.name: (table.key, {}) for table in tables
        }

    def take(self, changes: Iterable[Change]) -> None:
        """Add *changes* in the order in which they happened."""
        for change in changes:
            names, rows = self.tables[change.table]
            given = change.key
            key = tuple([given[name] for name in names])
            row = rows.get(key)
            if row is None:
                row = rows[key] = Row({}, {})
            if isinstance(change, Put):
                row.puts.update(change.values)
                if row.adds:
                    for name in change.values:
                        row.adds.pop(name, None)
            else:
                for name, amount in change.amounts.items():
                    if name in row.puts:
                        row.puts[name] = (row.puts[name] or 0) + amount
                    else:
                        row.adds[name] = row.adds.get(name, 0) + amount


class Writer:
    """Writes folded rows into the tables of one schema."""

    def __init__(
        self, connection: psycopg.Connection, schema: str, tables: Sequence[Table]
    ) -> None:
        self.connection = connection
        self._schema = schema
        self._tables = tables
        self._types: dict[str, dict[str, int]] = {}
        self._statements: dict[tuple[Any, ...], _Upsert] = {}

    def fold(self) -> Fold:
        """An empty fold for these tables."""
        return Fold(self._tables)

    def write(self, fold: Fold, *, copy: bool) -> None:
        """The rows say what *fold* says; with *copy*, at most once a transaction."""
        for table, (_, rows) in fold.tables.items():
            groups: dict[tuple[frozenset[str], frozenset[str]], list[tuple[Any, ...]]] = {}
            seen: dict[tuple[tuple[str, ...], tuple[str, ...]], Any] = {}
            for key, row in rows.items():
                shape = (tuple(row.puts), tuple(row.adds))
                known = seen.get(shape)
                if known is None:
                    same = (frozenset(shape[0]), frozenset(shape[1]))
                    upsert = self._upsert(table, *same)
                    known = seen[shape] = (upsert, groups.setdefault(same, []))
                upsert, values = known
                values.append(
                    (
                        *key,
                        *[row.puts[name] for name in upsert.puts],
                        *[row.adds[name] for name in upsert.adds],
                    )
                )
            for same, values in groups.items():
                self._upsert(table, *same).write(self.connection, values, copy=copy)

    def _upsert(self, table: str, puts: frozenset[str], adds: frozenset[str]) -> _Upsert:
        name = (table, puts, adds)
        found = self._statements.get(name)
        if found is None:
            key = next(each.key for each in self._tables if each.name == table)
            found = self._statements[name] = _Upsert(
                sql.Identifier(self._schema, table),
                f"rows_{self._schema}_{len(self._statements)}"[-63:],
                self._types_of(table),
                key,
                puts=tuple(sorted(puts)),
                adds=tuple(sorted(adds)),
            )
        return found

    def _types_of(self, table: str) -> dict[str, int]:
        if table not in self._types:
            rows = self.connection.execute(
                "SELECT attname, atttypid::bigint FROM pg_attribute"
                " WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))"
                " AND attnum > 0 AND NOT attisdropped",
                (self._schema, table),
            )
            self._types[table] = dict(rows.fetchall())
        return self._types[table]


class _Upsert:
    """Writes rows that set the same columns of one table."""

    def __init__(
        self,
        table: sql.Identifier,
        beside: str,
        types: Mapping[str, int],
        key: tuple[str, ...],
        *,
        puts: tuple[str, ...],
        adds: tuple[str, ...],
    ) -> None:
        self.puts, self.adds = puts, adds
        names = (*key, *puts, *adds)
        self._types = [types[name] for name in names]
        self._json = [at for at, kind in enumerate(self._types) if kind == JSONB]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        keys = sql.SQL(", ").join(map(sql.Identifier, key))
        sets = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in puts]
        sets += [
            sql.SQL("{0} = coalesce(old.{0}, 0) + EXCLUDED.{0}").format(sql.Identifier(name))
            for name in adds
        ]
        update = (
            sql.SQL("DO UPDATE SET ") + sql.SQL(", ").join(sets) if sets else sql.SQL("DO NOTHING")
        )
        into = sql.SQL("INSERT INTO {} AS old ({}) ").format(table, columns)
        conflict = sql.SQL(" ON CONFLICT ({}) ").format(keys) + update
        holders = sql.SQL(", ").join([sql.Placeholder()] * len(names))
        temporary = sql.Identifier("pg_temp", beside)
        self._one_by_one = into + sql.SQL("VALUES ({})").format(holders) + conflict
        self._prepare = sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS"
            " AS SELECT {} FROM {} WITH NO DATA"
        ).format(sql.Identifier(beside), columns, table)
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(temporary, columns)
        # In the order of the key, so that two processes never wait for each other.
        self._take_over = (
            into
            + sql.SQL("SELECT {} FROM {} ORDER BY {}").format(columns, temporary, keys)
            + conflict
        )

    def write(
        self, connection: psycopg.Connection, rows: list[tuple[Any, ...]], *, copy: bool
    ) -> None:
        """The rows are in the table."""
        if self._json:
            rows = [self._with_json(row) for row in rows]
        with connection.cursor(binary=True) as cursor:
            if not copy or len(rows) < COPY_FROM_ROWS:
                keyed = len(self._types) - len(self.puts) - len(self.adds)
                rows.sort(key=lambda row: row[:keyed])
                cursor.executemany(self._one_by_one, rows)
                return
            cursor.execute(self._prepare)
            with cursor.copy(self._copy) as into:
                into.set_types(self._types)
                for row in rows:
                    into.write_row(row)
            cursor.execute(self._take_over)

    def _with_json(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for at in self._json:
            if values[at] is not None:
                values[at] = Jsonb(values[at])
        return tuple(values)
