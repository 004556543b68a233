"""The event catalogue says what the schemas say."""

from infra.contract import CATALOGUE, catalogue


def test_the_event_catalogue_is_written_from_the_schemas_as_they_are() -> None:
    assert CATALOGUE.read_text() == catalogue(), "run python -m infra.contract"
