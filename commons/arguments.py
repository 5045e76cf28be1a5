"""Types of arguments that both programs take on the command line."""

import argparse
from collections.abc import Callable

from commons.settings import is_web_address


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number from ``least`` to ``most`` (None: any); argparse is told what is wrong with others."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least or (most is not None and value > most):
            limits = f"{least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{value} is out of range: give {limits}")
        return value

    return number


def web_address(text: str) -> str:
    """An address of HTTP or HTTPS."""
    if not is_web_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no web address such as https://example.org/stream")
    return text
