"""Google's XML API before a server that speaks its JSON API: what our library asks for, and no more."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import httpx2

_PAGE = 1000


class GcsBridge:
    """Listens on a port of its own for as long as the block lasts."""

    def __init__(self, upstream: str) -> None:
        self._http = httpx2.Client(base_url=upstream, trust_env=False, timeout=30)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"http": self._http}))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "GcsBridge":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers would otherwise wait for one another.
    disable_nagle_algorithm = True
    http: httpx2.Client

    def handle(self) -> None:
        # A client that has read enough goes away in the middle of an answer.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""

    def do_PUT(self) -> None:
        bucket, name = self._names()
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        part = b"--part\r\nContent-Type: %s\r\n\r\n%s\r\n"
        body = part % (b"application/json", json.dumps({"name": name}).encode())
        body += part % (b"application/octet-stream", content) + b"--part--"
        asked = {"uploadType": "multipart"}
        if (generation := self.headers.get("x-goog-if-generation-match")) is not None:
            asked["ifGenerationMatch"] = generation
        found = self.http.post(
            f"/upload/storage/v1/b/{bucket}/o",
            params=asked,
            content=body,
            headers={"content-type": "multipart/related; boundary=part"},
        )
        told = found.json() if found.status_code == 200 else {}
        headers = {"etag": f'"{told.get("etag", "")}"', "x-goog-generation": told.get("generation", "")}
        self._answer(found.status_code, b"" if told else found.content, headers)

    def do_GET(self) -> None:
        bucket, name = self._names()
        if not name:
            self._list(bucket)
            return
        self._object(bucket, name, with_body=True)

    def do_HEAD(self) -> None:
        self._object(*self._names(), with_body=False)

    def _object(self, bucket: str, name: str, *, with_body: bool) -> None:
        found = self.http.get(f"/{bucket}/{quote(name)}")
        kept = ("etag", "last-modified", "x-goog-generation", "content-type")
        headers = {key: found.headers[key] for key in kept if key in found.headers}
        self._answer(found.status_code, found.content, headers, with_body=with_body)

    def do_DELETE(self) -> None:
        bucket, name = self._names()
        found = self.http.delete(f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}")
        self._answer(found.status_code, b"", {})

    def _list(self, bucket: str) -> None:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        wanted = {"prefix": asked.get("prefix", ""), "maxResults": str(min(_PAGE, int(asked.get("max-keys", _PAGE))))}
        if "continuation-token" in asked:
            wanted["pageToken"] = asked["continuation-token"]
        found = self.http.get(f"/storage/v1/b/{bucket}/o", params=wanted)
        if found.status_code != 200:
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>", {})
            return
        page = found.json()
        entries = "".join(
            f"<Contents><Key>{escape(entry['name'])}</Key><LastModified>{entry['updated']}</LastModified>"
            f"<ETag>{escape(entry['etag'])}</ETag><Size>{entry['size']}</Size></Contents>"
            for entry in page.get("items", ())
        )
        more = page.get("nextPageToken")
        token = f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""
        body = (
            f"<ListBucketResult>{entries}<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{token}</ListBucketResult>"
        )
        self._answer(200, body.encode(), {"content-type": "application/xml"})

    def _names(self) -> tuple[str, str]:
        bucket, _, name = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return bucket, name

    def _answer(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool = True) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            if name != "content-length" or status != 204:
                self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)
