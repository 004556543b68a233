"""What must never stand in an event in clear: names, numbers and places of people."""

import re
from collections.abc import Iterator
from typing import Any

NAMES = re.compile(
    r"(^|_)("
    r"(first|last|family|given|full|maiden|middle)_?name|name|surname|phone|mobile|tel|fax|"
    r"e?mail|address|street|city|postcode|zip|passport|ssn|tax_(id|number)|id_(number|card)|"
    r"identity|birth|born|dob|age|gender|sex|iban|card|account(_(number|no))?|employer|salary|"
    r"income|photo|signature|fingerprint|latitude|longitude|ip|password|secret|free_text|note|"
    r"comment"
    r")($|_)"
)

ALLOWED = {("Offer", "name"): "the product's own name"}

VALUES = {
    "an e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    "a Chinese identity number": re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"),
    "a phone number": re.compile(r"(?<![\w-])(\+|00)?\d[\d ()-]{8,}\d(?![\w-])"),
    "a card or account number": re.compile(r"(?<![\w-])\d{12,19}(?![\w-])"),
    "an IBAN": re.compile(r"(?<!\w)[A-Z]{2}\d{2}[A-Z0-9]{11,30}(?!\w)"),
}

DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.+]+)?")
DECIMAL = re.compile(r"-?\d+\.\d+")


def fields_that_name_people(schema: Any, record: str = "") -> Iterator[str]:
    """The fields of a schema whose name speaks of a person, as ``Record.field``."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields_that_name_people(each, record)
    elif isinstance(schema, dict) and schema.get("type") == "record":
        for field in schema["fields"]:
            if NAMES.search(field["name"]) and (schema["name"], field["name"]) not in ALLOWED:
                yield f"{schema['name']}.{field['name']}"
            yield from fields_that_name_people(field["type"], schema["name"])
    elif isinstance(schema, dict):
        yield from fields_that_name_people(schema.get("items"), record)


def values_that_name_people(value: Any) -> Iterator[str]:
    """What in an event's text looks like a person's, in words."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from values_that_name_people(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from values_that_name_people(inner)
    elif isinstance(value, str) and not (DATE.fullmatch(value) or DECIMAL.fullmatch(value)):
        yield from (f"{what} in {value!r}" for what, form in VALUES.items() if form.search(value))
