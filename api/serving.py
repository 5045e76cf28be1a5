"""Runs the service until it is asked to stop, in as many processes as are wanted."""

import logging.config
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import Thread
from types import FrameType

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from api import logs, metrics
from api.connections import Connection
from api.keeper import keeping
from api.service import PARENT, WORKERS
from commons.settings import Settings

_SECONDS_TO_FINISH = 20
"""How long requests that run may go on when the service is asked to stop."""

_SECONDS_OF_SILENCE = 60
"""After which a worker counts as hung; one that starts is silent for as long as its imports take."""


def serve(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, and then finish what runs; a worker that dies is replaced.

    Raises SystemExit, with a code other than 0 where the service cannot be started, for the reason logged.
    """
    os.environ[WORKERS], os.environ[PARENT] = str(workers), str(os.getpid())
    configuration = logs.configuration()
    logging.config.dictConfig(configuration)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=configuration,
        http=Connection,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        ws="none",
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        timeout_worker_healthcheck=_SECONDS_OF_SILENCE,
    )
    with keeping(settings):
        if workers == 1:
            _alone(config)
        else:
            with _interrupts_to_itself(), metrics.shared():
                _Workers(config, [config.bind_socket()]).run()


def _alone(config: uvicorn.Config) -> None:
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        sys.exit(1)


class _Workers(Multiprocess):
    """Uvicorn's worker processes."""

    def terminate_all(self) -> None:
        """Ask all to finish; who comes now is refused at once, rather than kept waiting by this socket."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


@contextmanager
def _interrupts_to_itself() -> Iterator[None]:
    """Have Ctrl-C, which goes to all processes of a terminal, end this one alone, which ends the others."""
    resource_tracker.ensure_running()  # starting it later would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    Thread(target=_pass_on, name="interrupts", daemon=True).start()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pass_on() -> None:
    signal.sigwait({signal.SIGINT})
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
