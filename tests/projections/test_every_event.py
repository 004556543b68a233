"""Every view accounts for every event of its topics: shown or ignored, never both."""

from types import ModuleType

import pytest

from domain.catalogue import STREAMS, event_types
from projections import collections, contacts, portfolio, reminders, statement, summary, tracker

VIEWS = (collections, contacts, portfolio, reminders, statement, summary, tracker)


def named(view: ModuleType) -> str:
    return str(view.NAME)


def events_of(view: ModuleType) -> dict[str, type]:
    prefixes = tuple(f"{stream.TOPIC}." for stream in STREAMS if stream.KAFKA_TOPIC in view.TOPICS)
    return {topic: event for topic, event in event_types().items() if topic.startswith(prefixes)}


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_every_event_is_shown_or_ignored_and_never_both(view: ModuleType) -> None:
    nothing = view.changes.dispatch(object)

    shown = {
        topic
        for topic, event in events_of(view).items()
        if view.changes.dispatch(event) is not nothing
    }

    assert shown | view.IGNORED == set(events_of(view))
    assert not shown & view.IGNORED


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_a_view_has_tables_of_its_own(view: ModuleType) -> None:
    for table in view.TABLES:
        assert table.name.startswith(f"{view.NAME}_")
        assert set(table.key) <= set(table.columns)
        assert {column for index in table.indexes for column in index} <= set(table.columns)
