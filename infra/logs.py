"""Structured logs: JSON in a file or pipe, readable text in a terminal.

Bind what a line is about with ``structlog.contextvars.bind_contextvars``
(``correlation_id``, ``stream``, ``event_id``); every line logged in that
context then says so. No personal data: ids only.
"""

import logging
import sys
from typing import TextIO

import structlog
import structlog.tracebacks

from infra.settings import Settings


def configure(settings: Settings, process: str) -> None:
    """Every line from now on goes to standard error and names *process*."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    in_terminal = sys.stderr.isatty()
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if in_terminal
        else [
            # Without local variables, which may hold personal data.
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)

    # Libraries log through the standard module; their lines take the same form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


def logger(module: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines name *module*; may be made before ``configure``."""
    made: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=module)
    return made


def to_file(file: TextIO, **about: object) -> structlog.typing.FilteringBoundLogger:
    """A logger of its own that writes JSON to *file*, every line saying *about*."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind(**about)
    return made
