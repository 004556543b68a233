"""Keeps the reminder list up to date."""

from infra.runner import run
from projections import reminders


def main() -> None:
    """Run until told to stop."""
    run(reminders)


if __name__ == "__main__":
    main()
