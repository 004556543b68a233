"""Holiday calendars, from the packages that keep them."""

from datetime import date
from functools import cache
from typing import Any

from domain.base.calendar import BusinessDays, HolidayCalendar
from domain.base.refusal import Refusal
from infra.rule_files import spelled

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


class CalendarYearUnknown(Refusal):
    """The package that keeps the holidays of a calendar does not know a year."""

    code = "CALENDAR_YEAR_UNKNOWN"


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


def calendar_entry(calendar: HolidayCalendar, year: int, source: str | None = None) -> str:
    """The statutory days of a year as an entry of policy, to be held against the notice.

    Without its *source* the entry is not sound: whoever read the notice names it there.

    Raises:
        CalendarYearUnknown: the package has no holiday of that year.
    """
    holidays, worked = _days_of(calendar, year)
    if not holidays:
        raise CalendarYearUnknown(
            f"The package that keeps the holidays of {calendar} knows none of {year}: update it "
            "once the notice is out, or write the entry by hand from the notice."
        )
    row: dict[str, Any] = {
        "version": f"{calendar}-{year}".lower(),
        "jurisdiction": str(calendar),
        "year": year,
        "holidays": holidays,
        "worked": worked,
        "from": date(year, 1, 1),
    }
    entry = spelled("day_calendar", row if source is None else {**row, "source": source})
    if source is None:
        entry += "# source = the notice that says so, by its name and date: hold it against this\n"
    return entry


def _days_of(calendar: HolidayCalendar, year: int) -> tuple[list[date], list[date]]:
    """The holidays of a year, and the weekend days that are worked for them."""
    if calendar == HolidayCalendar.CN:
        known = business_days(calendar)
        return (
            sorted(day for day in known.holidays if day.year == year),
            sorted(day for day in known.worked if day.year == year),
        )
    from holidays import country_holidays, financial_holidays  # noqa: PLC0415

    if calendar == HolidayCalendar.EU:
        found = financial_holidays("ECB", years=year)
    else:
        country, part = COUNTRIES[calendar]
        found = country_holidays(country, subdiv=part, years=year)
    return sorted(day for day in found if day.year == year), []
