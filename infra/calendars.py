"""Holiday calendars, from the packages that keep them."""

from functools import cache

from domain.base.calendar import BusinessDays, HolidayCalendar

YEARS = range(2001, 2036)
"""The years that holidays are asked for. China's are known as far as official notices go.
In years that are not known only weekends are closed: a deadline may then be stricter than
it turns out to be, and staff move it when the notice is there."""

SATURDAY_AND_SUNDAY = frozenset({5, 6})

COUNTRIES: dict[str, tuple[str, str | None]] = {
    HolidayCalendar.US: ("US", None),
    HolidayCalendar.UK: ("GB", "ENG"),
    HolidayCalendar.IN: ("IN", None),
    HolidayCalendar.JP: ("JP", None),
    HolidayCalendar.KW: ("KW", None),
}


@cache
def business_days(calendar: str) -> BusinessDays:
    """The business days of a calendar: a country's, or for the EU those of T2.

    Raises:
        ValueError: there is no such calendar.
    """
    name = HolidayCalendar(calendar)
    if name == HolidayCalendar.CN:
        # Slow to import, and only where a product names a calendar.
        from chinese_calendar import constants  # noqa: PLC0415

        return BusinessDays(
            name,
            SATURDAY_AND_SUNDAY,
            holidays=frozenset(constants.holidays),
            worked=frozenset(constants.workdays),
        )
    from holidays import country_holidays, financial_holidays  # noqa: PLC0415

    if name == HolidayCalendar.EU:
        found = financial_holidays("ECB", years=YEARS)
    else:
        country, part = COUNTRIES[name]
        found = country_holidays(country, subdiv=part, years=YEARS)
    return BusinessDays(name, frozenset(found.weekend), holidays=frozenset(found))
