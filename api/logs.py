"""How events are logged: a line each, as JSON or, where somebody looks on, in words."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from api.requests import request_id


class JsonFormatter(logging.Formatter):
    """An event as a JSON object in one line, a trace included."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the event with its time in UTC and, if one is being answered, the id of the request."""
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "request": request_id(),
            "message": record.getMessage(),
            "trace": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in event.items() if value is not None})


class WordsFormatter(logging.Formatter):
    """An event as people read it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write level and message and, if one is being answered, the id of the request."""
        request = request_id()
        return f"{record.levelname}: {f'[{request}] ' if request else ''}{super().format(record)}"


def configuration() -> dict[str, Any]:
    """The configuration for ``logging.config.dictConfig``, of uvicorn's and the worker processes' lines too.

    Nothing in it logs who asks, or what is asked.
    """
    formatter = WordsFormatter if sys.stderr.isatty() else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {"alembic": {"level": "WARNING"}},
    }
