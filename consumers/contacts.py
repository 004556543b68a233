"""Keeps the record of contacts up to date."""

from infra.runner import run
from projections import contacts


def main() -> None:
    """Run until told to stop."""
    run(contacts)


if __name__ == "__main__":
    main()
