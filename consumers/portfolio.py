"""Keeps the portfolio figures up to date."""

from infra.runner import run
from projections import portfolio


def main() -> None:
    """Run until told to stop."""
    run(portfolio)


if __name__ == "__main__":
    main()
