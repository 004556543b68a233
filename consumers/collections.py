"""Keeps the collection queue up to date."""

from infra.runner import run
from projections import collections


def main() -> None:
    """Run until told to stop."""
    run(collections)


if __name__ == "__main__":
    main()
