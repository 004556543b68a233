"""What went wrong outside, in a sentence for the person who has to act."""


class Trouble(Exception):
    """The message is one sentence that says what to do."""
