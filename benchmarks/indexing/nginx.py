"""A static server of files and their copies: nginx, with settings and a folder of its own.

See https://nginx.org/en/docs/http/ngx_http_core_module.html.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.mariadb import free_port

_SECONDS = 30
_SETTINGS = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    types {{ image/jpeg jpg; }}
    open_file_cache max=1000 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^(.+/)Copy\\d+of(.+)$ {{ alias {web}$1$2; }}
    }}
}}
"""


class Served(NamedTuple):
    """Where the files are, and the process that serves them."""

    url: str
    pid: int


@contextmanager
def serving(web: Path, folder: Path) -> Iterator[Served]:
    """Serve ``web/images/Photo.jpg`` as ``/images/Copy1ofPhoto.jpg`` and so on, by one process."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    port = free_port()
    folder.mkdir()
    settings = folder / "nginx.conf"
    settings.write_text(_SETTINGS.format(folder=folder, port=port, web=web))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-p", folder, "-c", settings, "-e", "stderr"], stderr=log)  # noqa: S603
    try:
        _wait(process, port, folder / "log")
        yield Served(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"nginx did not start:\n{log.read_text(errors='replace')}")
