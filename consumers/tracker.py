"""Keeps the application tracker up to date."""

from infra.runner import run
from projections import tracker


def main() -> None:
    """Run until told to stop."""
    run(tracker)


if __name__ == "__main__":
    main()
