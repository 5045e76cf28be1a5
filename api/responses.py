"""Refusals as answers of the service's plain URLs."""

from starlette.responses import JSONResponse

from api.errors import Refusal


def refused(refusal: Refusal) -> JSONResponse:
    """The message with its status, and when to ask again."""
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return JSONResponse({"error": str(refusal)}, refusal.status, headers)
