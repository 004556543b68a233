"""Avro bytes straight from records and back, by functions made from a schema.

Python's ``dataclass`` writes ``__init__`` as text and compiles it; the same is done
here for the Avro encoding of one schema. A library that reads the schema anew for each
event, through a dict per record, takes two to three times as long. The bytes are the
same, as the contract's tests check against such a library.

What this can name is what ``infra.contract`` writes: records, lists, optional values,
text, integers, booleans and the logical types of days, instants, ids and rates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, SafeUUID

from fastavro.read import LOGICAL_READERS
from fastavro.write import LOGICAL_WRITERS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1).toordinal()
MICROSECOND = timedelta(microseconds=1)
MOST = 2**63
SMALL = [(number >> 1) ^ -(number & 1) for number in range(128)]
"""The numbers of one byte, by that byte."""

Writer = Callable[[Mapping[str, Any], bytearray], None]
"""Adds the bytes of a record, given by its fields, to those that are there."""
Reader = Callable[[bytes, int], tuple[dict[str, Any], int]]
"""The fields of the record that begins at a place, and where it ends."""


class NotFitting(ValueError):
    """A value is none that the schema can hold, or bytes are none that it explains."""


def writer(schema: Mapping[str, Any], renamed: Mapping[str, str]) -> Writer:
    """A function that writes records of *schema*; *renamed*: its fields that we call otherwise."""
    code = _Code({"long": _put_long, "day": _day_bytes, "decimal": _decimal_bytes, "no": _refuse})
    code.add("def made(fields, out):")
    code.add("    put = out.append")
    for field in schema["fields"]:
        name = renamed.get(field["name"], field["name"])
        _write(code, field["type"], f"fields[{name!r}]", 1)
    function: Writer = code.made()
    return function


def reader(
    schema: Mapping[str, Any], kinds: Mapping[str, type], renamed: Mapping[str, str]
) -> Reader:
    """A function that reads records of *schema*; *kinds*: the classes of records inside it."""
    code = _Code({"long": _long, "small": SMALL, "uuid": _uuid, "decimal": _decimal, "no": _refuse})
    code.used["kinds"] = kinds
    code.add("def made(data, at):")
    names = {
        renamed.get(field["name"], field["name"]): _read(code, field["type"], 1)
        for field in schema["fields"]
    }
    code.add(f"    return {_dict(names)}, at")
    function: Reader = code.made()
    return function


class _Code:
    """The text of a function, and what it uses by name."""

    def __init__(self, used: dict[str, Any]) -> None:
        self.used = used | {
            "EPOCH": EPOCH,
            "FIRST_DAY": FIRST_DAY,
            "MICROSECOND": MICROSECOND,
            "BOOLEANS": (False, True),
            "date": date.fromordinal,
            "timedelta": timedelta,
            "new": object.__new__,
            "set": object.__setattr__,
        }
        self.lines: list[str] = []
        self.named: dict[str, Any] = {}
        self._count = 0

    def add(self, *lines: str) -> None:
        self.lines += lines

    def name(self) -> str:
        """A variable that nothing else uses."""
        self._count += 1
        return f"v{self._count}"

    def schema(self, said: Any) -> Any:
        """What *said* names, when it is a record's name; else itself."""
        if isinstance(said, dict) and said["type"] == "record":
            self.named[said["name"]] = said
        return self.named.get(said, said) if isinstance(said, str) else said

    def made(self) -> Any:
        exec("\n".join(self.lines), self.used)  # noqa: S102 - made of published schemas only
        return self.used["made"]


def _kind(schema: Any) -> str:
    if isinstance(schema, list):
        return "optional"
    if isinstance(schema, dict):
        return str(schema.get("logicalType", schema["type"]))
    return str(schema)


def _dict(names: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {value}" for name, value in names.items()) + "}"


# --- writing --------------------------------------------------------------------------


def _write(  # noqa: C901 - a case for each type
    code: _Code, said: Any, value: str, depth: int
) -> None:
    """Lines that write the value of an expression."""
    schema, pad, v = code.schema(said), "    " * depth, code.name()
    small = (f"{pad}if 0 <= {v} < 64: put({v} << 1)", f"{pad}else: long({v}, out)")
    sized = (f"{pad}long(len({v}), out)", f"{pad}out += {v}")
    match _kind(schema):
        case "long":
            code.add(f"{pad}{v} = {value}", f"{pad}if {v}.__class__ is not int: no({v})", *small)
        case "string":
            code.add(f"{pad}{v} = {value}.encode()", *sized)
        case "uuid":
            code.add(f"{pad}{v} = str({value}).encode()", *sized)
        case "decimal":
            code.add(f"{pad}{v} = decimal({value}, {schema!r})", *sized)
        case "date":
            code.add(f"{pad}out += day({value})")
        case "timestamp-micros":
            code.add(f"{pad}long(({value} - EPOCH) // MICROSECOND, out)")
        case "boolean":
            code.add(
                f"{pad}{v} = {value}",
                f"{pad}if {v}.__class__ is not bool: no({v})",
                f"{pad}put({v})",
            )
        case "optional":
            code.add(f"{pad}{v} = {value}", f"{pad}if {v} is None: put(0)", f"{pad}else:")
            code.add(f"{pad}    put(2)")
            _write(code, schema[1], v, depth + 1)
        case "array":
            item = code.name()
            code.add(f"{pad}{v} = {value}", f"{pad}if {v}:", f"{pad}    long(len({v}), out)")
            code.add(f"{pad}    for {item} in {v}:")
            _write(code, schema["items"], item, depth + 2)
            code.add(f"{pad}put(0)")
        case "record":
            code.add(f"{pad}{v} = {value}.__dict__")
            for field in schema["fields"]:
                _write(code, field["type"], f"{v}[{field['name']!r}]", depth)
        case other:
            raise NotFitting(f"no way to write {other}")


def _put_long(number: int, out: bytearray) -> None:
    """Adds a zig-zag number of seven bits a byte, the lowest first."""
    if not -MOST <= number < MOST:
        _refuse(number)
    rest = number << 1 if number >= 0 else ~(number << 1)
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)


@lru_cache(maxsize=8_192)
def _day_bytes(day: date) -> bytes:
    out = bytearray()
    _put_long(day.toordinal() - FIRST_DAY, out)
    return bytes(out)


def _decimal_bytes(value: Any, schema: dict[str, Any]) -> bytes:
    made: Any = LOGICAL_WRITERS["bytes-decimal"](value, schema)
    if not isinstance(made, bytes):
        _refuse(value)
    return bytes(made)


def _refuse(value: Any) -> None:
    raise NotFitting(f"{value!r} is none of what the schema says")


# --- reading --------------------------------------------------------------------------


def _read(code: _Code, said: Any, depth: int) -> str:  # noqa: C901 - a case for each type
    """Lines that read a value at ``at`` and move on; the variable that then holds it."""
    schema, pad, v = code.schema(said), "    " * depth, code.name()
    number = (
        f"{pad}n = data[at]",
        f"{pad}at += 1",
        f"{pad}if n < 128: n = small[n]",
        f"{pad}else: n, at = long(data, at, n)",
    )
    sized = (*number, f"{pad}end = at + n")
    match _kind(schema):
        case "long":
            code.add(*number, f"{pad}{v} = n")
        case "string":
            code.add(*sized, f"{pad}{v} = data[at:end].decode()", f"{pad}at = end")
        case "uuid":
            code.add(*sized, f"{pad}{v} = uuid(data[at:end])", f"{pad}at = end")
        case "decimal":
            code.add(*sized, f"{pad}{v} = decimal(data[at:end], {schema!r})", f"{pad}at = end")
        case "date":
            code.add(*number, f"{pad}{v} = date(n + FIRST_DAY)")
        case "timestamp-micros":
            code.add(*number, f"{pad}{v} = EPOCH + timedelta(0, 0, n)")
        case "boolean":
            code.add(f"{pad}{v} = BOOLEANS[data[at]]", f"{pad}at += 1")
        case "optional":
            code.add(f"{pad}n = data[at]", f"{pad}at += 1", f"{pad}if n == 2:")
            inside = _read(code, schema[1], depth + 1)
            code.add(f"{pad}    {v} = {inside}")
            code.add(f"{pad}elif n == 0: {v} = None", f"{pad}else: no(n)")
        case "array":
            code.add(f"{pad}{v} = []", *number, f"{pad}while n:", f"{pad}    if n < 0: no(n)")
            code.add(f"{pad}    for _ in range(n):")
            inside = _read(code, schema["items"], depth + 2)
            code.add(f"{pad}        {v}.append({inside})")
            code.add(*(f"    {line}" for line in number))
        case "record":
            names = {field["name"]: _read(code, field["type"], depth) for field in schema["fields"]}
            code.add(f"{pad}{v} = new(kinds[{schema['name']!r}])")
            code.add(f"{pad}set({v}, '__dict__', {_dict(names)})")
        case other:
            raise NotFitting(f"no way to read {other}")
    return v


def _long(data: bytes, at: int, first: int) -> tuple[int, int]:
    """The number that goes on at a place after its *first* byte, and where it ends."""
    number, shift = first & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        if byte < 0x80:
            number |= byte << shift
            return (number >> 1) ^ -(number & 1), at
        number |= (byte & 0x7F) << shift
        shift += 7


def _uuid(text: bytes) -> UUID:
    """As UUID makes it from text, but in a third of the time."""
    if len(text) != 36:
        _refuse(text)
    made = object.__new__(UUID)
    object.__setattr__(made, "int", int(text.replace(b"-", b""), 16))
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def _decimal(data: bytes, schema: dict[str, Any]) -> Any:
    return LOGICAL_READERS["bytes-decimal"](data, schema, None)
