"""What went wrong outside, in a sentence for the person who has to act."""


class Trouble(Exception):  # noqa: N818 - it is told to people, by this name
    """The message is one sentence that says what to do."""
