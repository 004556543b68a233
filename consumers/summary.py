"""Keeps the loan summaries up to date."""

from infra.runner import run
from projections import summary


def main() -> None:
    """Run until told to stop."""
    run(summary)


if __name__ == "__main__":
    main()
