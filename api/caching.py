"""How long others may keep an answer: a good one until newer rows may be there, any other not at all.

``no-store`` is what every answer says that says nothing of its own (`api.middleware`).
"""

from api.schema import degraded
from api.service import Service


def lifetime(service: Service) -> dict[str, str]:
    """The header of a good answer: no longer than until the database is asked again."""
    return {"Cache-Control": f"public, max-age={int(service.poll_seconds)}"}


def unless_degraded(service: Service) -> dict[str, str]:
    """The same, or nothing while answers have to do without something."""
    return {} if degraded(service) else lifetime(service)
