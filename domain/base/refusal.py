"""How the domain says no."""


class Refusal(Exception):
    """A command that the rules do not allow; nothing was recorded.

    Each rule has a subclass of its own with a stable ``code`` that callers may
    rely on; the sentence is for people and may change.
    """

    code = "REFUSED"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refusal):
    """No stream of this kind has the id."""

    code = "NOT_FOUND"


class AlreadyThere(Refusal):
    """A stream with the id is there already, begun by another command."""

    code = "ALREADY_THERE"


class CommandReused(Refusal):
    """A command id came again with other content."""

    code = "COMMAND_REUSED"


class ContentionRefused(Refusal):
    """Other writers changed the stream at every try."""

    code = "CONTENTION"


class NotYet(Refusal):
    """What is told to have happened lies in the future."""

    code = "NOT_YET"


class AmountNotPositive(Refusal):
    """An amount was zero or negative."""

    code = "AMOUNT_NOT_POSITIVE"


class SamePerson(Refusal):
    """One person both asked for and approved what needs two."""

    code = "SAME_PERSON"


def positive(amount: int, what: str) -> None:
    """Pass when *amount* is above zero.

    Raises:
        AmountNotPositive: it is not.
    """
    if amount <= 0:
        raise AmountNotPositive(f"{what} must be above zero, not {amount}.")


def two_people(requested_by: str, approved_by: str, what: str) -> None:
    """Pass when two different, named people stand behind *what*.

    Raises:
        SamePerson: both names are the same, or one is missing.
    """
    if not requested_by.strip() or not approved_by.strip():
        raise SamePerson(f"{what} needs a requester and an approver, both named.")
    if requested_by.strip().casefold() == approved_by.strip().casefold():
        raise SamePerson(
            f"{what} needs two people: {approved_by} asked for it and cannot approve it."
        )
