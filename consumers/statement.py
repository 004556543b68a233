"""Keeps the statements up to date."""

from infra.runner import run
from projections import statement


def main() -> None:
    """Run until told to stop."""
    run(statement)


if __name__ == "__main__":
    main()
