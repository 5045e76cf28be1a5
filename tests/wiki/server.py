"""PHP's own web server (https://www.php.net/manual/en/features.commandline.webserver.php) with a wiki."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.wiki.installation import Installation

_ROUTER = Path(__file__).with_name("router.php")
_SECONDS = 30


class Server:
    """Serves a wiki at its address; it can be stopped and started again there."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._port = urlsplit(installation.url).port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What PHP has to say about requests."""
        return self._installation.folder / "log"

    def start(self) -> None:
        """Start, and return once connections are taken."""
        told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["php", "-S", f"127.0.0.1:{self._port}", "-t", self._installation.web, _ROUTER],
                env=self._installation.environment | {"PHP_CLI_SERVER_WORKERS": "2"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(self._process, told)

    def stop(self) -> None:
        """Stop, with all processes; nothing happens where it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        # Told alone, the parent would wait for its workers forever (SIGINT) or leave them behind (SIGTERM).
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _wait(self, process: subprocess.Popen[bytes], told: int) -> None:
        """Wait for what PHP says; that the port answers would be no proof that it is this server's."""
        end = time.monotonic() + _SECONDS
        while (said := self.log.read_bytes()[told:]).count(b"started") == 0:
            if time.monotonic() > end or process.poll() is not None:
                self.stop()
                raise RuntimeError(f"The wiki's server did not start:\n{said.decode(errors='replace')}")
            time.sleep(0.02)
