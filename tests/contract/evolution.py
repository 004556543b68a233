"""What a newer schema may change of an older one: nothing but adding."""

from typing import Any


def faults(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Everything in *new* that would lose or change what *old* wrote; empty when sound.

    A field may be added, nullable and null by default, at any depth. Nothing may go,
    change its type, its logical type or its scale.
    """
    return list(_record(old, new, _named(old), _named(new)))


def _record(old: Any, new: Any, of_old: Any, of_new: Any) -> list[str]:
    where, found = old["name"], []
    if new["name"] != where:
        return [f"{where} is called {new['name']} now"]
    fields = {field["name"]: field for field in new["fields"]}
    for field in old["fields"]:
        name = f"{where}.{field['name']}"
        if field["name"] not in fields:
            found.append(f"{name} is gone")
        else:
            found += _type(name, field["type"], fields[field["name"]]["type"], of_old, of_new)
    before = {field["name"] for field in old["fields"]}
    for field in new["fields"]:
        if field["name"] not in before:
            nullable = isinstance(field["type"], list) and field["type"][:1] == ["null"]
            if not nullable or field.get("default", "none") is not None:
                found.append(f"{where}.{field['name']} is new and has no default of null")
    return found


def _type(name: str, old: Any, new: Any, of_old: Any, of_new: Any) -> list[str]:
    if isinstance(old, str):
        old = of_old.get(old, old)
    if isinstance(new, str):
        new = of_new.get(new, new)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return [fault for a, b in pairs for fault in _type(name, a, b, of_old, of_new)]
    if isinstance(old, dict) and isinstance(new, dict) and old["type"] == new["type"]:
        if old["type"] == "record":
            return _record(old, new, of_old, of_new)
        if old["type"] == "array":
            return _type(f"{name}[]", old["items"], new["items"], of_old, of_new)
    return [] if old == new else [f"{name} was {old} and is {new}"]


def _named(schema: Any) -> dict[str, Any]:
    """Every record inside *schema*, by its name."""
    if isinstance(schema, list):
        inner = [_named(each) for each in schema]
    elif isinstance(schema, dict) and schema.get("type") == "record":
        inner = [{schema["name"]: schema}, *(_named(field["type"]) for field in schema["fields"])]
    elif isinstance(schema, dict):
        inner = [_named(schema.get("items"))]
    else:
        inner = []
    return {name: record for each in inner for name, record in each.items()}
