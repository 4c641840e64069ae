"""How files of the repository come to this Pi: over HTTP with an end to all patience, or from a folder.

    Web(file_s=60, all_s=600)        # a FetcherInterface of python-tuf
    Folder()

TUF bounds how much a server may send, but not how slowly: one that trickles a byte now and then, in the
body or already in the headers, would hold an update for ever. Each file has a deadline, and so has the update
as a whole; at either the socket is cut, wherever the reader stands. One connection is kept open
over all files.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from tuf.api.exceptions import DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

FILE_S = 60.0  # for one file: 200 kB at the speed of an old modem
ALL_S = 600.0  # for one look at the repository with all that it brings
SILENCE_S = 15.0  # without a byte
CHUNK_BYTES = 65_536


class Folder(FetcherInterface):
    """Reads a repository that is a folder on this machine, with a web server's answers."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            return iter([Path(url).read_bytes()])
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{url} does not exist", 404) from error


class Web(FetcherInterface):
    """Reads over HTTP and HTTPS, through the proxies of the environment; counts requests and bytes."""

    def __init__(self, *, file_s: float = FILE_S, all_s: float = ALL_S, silence_s: float = SILENCE_S) -> None:
        self._file_s, self._silence_s = file_s, silence_s
        self._end_s = time.monotonic() + all_s
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._pools: dict[tuple[str, str], urllib3.PoolManager] = {}  # by scheme and host
        self.requests = 0
        self.received = 0  # bytes of bodies

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Metadata, which is small: in memory, where the base class would write a file of a Pi's card."""
        data = bytearray()
        for chunk in self.fetch(url):
            data += chunk
            if len(data) > max_length:
                raise DownloadLengthMismatchError(f"{url} sends more than {max_length:,} bytes")
        return bytes(data)

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.requests += 1
        patience_s = min(self._file_s, self._end_s - time.monotonic())
        if patience_s <= 0:
            raise SlowRetrievalError(f"the time for all files was over before {url}")
        return self._chunks(url, patience_s)

    def _chunks(self, url: str, patience_s: float) -> Iterator[bytes]:
        over = threading.Event()
        timer = threading.Timer(patience_s, self._cut, [over])
        timer.daemon = True
        timer.start()
        try:
            response = self._pool(url).request(
                "GET",
                url,
                preload_content=False,
                retries=urllib3.Retry(2, redirect=3, backoff_factor=0),
                headers={"Accept-Encoding": "identity", "User-Agent": "edgeprint"},
                timeout=urllib3.Timeout(min(self._silence_s, patience_s)),
            )
            with contextlib.closing(response):
                if response.status >= 400:
                    raise DownloadHTTPError(f"{url} gives HTTP status {response.status}", response.status)
                for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                    self.received += len(chunk)
                    yield chunk
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            if over.is_set() or _is_timeout(error):
                raise SlowRetrievalError(f"{url} did not come in {patience_s:.0f} s") from error
            raise
        finally:
            timer.cancel()
        if over.is_set():
            raise SlowRetrievalError(f"{url} did not come in {patience_s:.0f} s")

    def _cut(self, over: threading.Event) -> None:
        """From a timer: let whoever waits for these sockets find them at their end."""
        over.set()
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _pool(self, url: str) -> urllib3.PoolManager:
        scheme, host = urlsplit(url)[:2]
        if (scheme, host) not in self._pools:
            proxy = None if proxy_bypass(host) else getproxies().get(scheme)
            pool = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
            pool.pool_classes_by_scheme = _pools_that_tell(self._sockets)
            self._pools[scheme, host] = pool
        return self._pools[scheme, host]


def _pools_that_tell(sockets: weakref.WeakSet[socket.socket]) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools whose sockets are known, so that they can be cut from outside."""

    class Http(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class Https(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = Https

    return {"http": HttpPool, "https": HttpsPool}


def _is_timeout(error: urllib3.exceptions.HTTPError) -> bool:
    cause = getattr(error, "reason", None) or error
    refused = isinstance(cause, urllib3.exceptions.NewConnectionError)  # a timeout too, to urllib3
    return isinstance(cause, urllib3.exceptions.TimeoutError) and not refused
