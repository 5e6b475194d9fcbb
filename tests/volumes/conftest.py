"""Stores on the loopback: a web server of a folder and an S3 server, with faults, and Google's."""

import http.server
import json
import os
import threading
import time
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class Faults(list):
    """What shall go wrong with the next requests whose path ends with ``only``, one by one."""

    only = ""
    seen = ()

    def next(self, path):
        self.seen = (*self.seen, path)
        return self.pop(0) if self and path.endswith(self.only) else None


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, faults, **named):
        self.faults = faults
        super().__init__(*args, **named)

    def log_message(self, *_):
        pass

    def do_GET(self):
        fault = self.faults.next(self.path)
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault == "reset":
            self.connection.close()
        elif fault == "truncate":
            self.send_response(200)
            self.send_header("Content-Length", str(os.path.getsize(self.translate_path(self.path))))
            self.end_headers()
            self.wfile.write(b"\x01\x02\x03")
            self.close_connection = True
        else:
            time.sleep(float(fault.partition(" ")[2]) if fault else 0)
            with suppress(BrokenPipeError, ConnectionResetError):
                super().do_GET()


class WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A function that serves a folder, and answers its URL and the list of faults to come."""
    servers = []

    def serve(folder):
        faults = Faults()
        handler = partial(Handler, directory=str(folder), faults=faults)
        server = WebServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", faults

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def s3_server():
    """The URL of an S3 server, and the list of status codes that it is to fail with."""
    pytest.importorskip("moto.server")
    pytest.importorskip("boto3")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            pass

    faults, app = Faults(), DomainDispatcherApplication(create_backend_app)

    def faulty(environ, start_response):
        fault = faults.next(environ["PATH_INFO"])
        if not fault:
            return app(environ, start_response)
        start_response(f"{fault} Fault", [("Content-Length", "0")])
        return [b""]

    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", faults
    server.shutdown()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The S3 server, with a bucket ``sections`` and the credentials to use it."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    url, faults = s3_server
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
    client.create_bucket(Bucket="sections")
    yield f"s3://{url}/sections", faults, client
    for each in client.list_objects_v2(Bucket="sections").get("Contents", []):
        client.delete_object(Bucket="sections", Key=each["Key"])
    client.delete_bucket(Bucket="sections")
    faults.clear()


@pytest.fixture(autouse=True)
def _short_retries(monkeypatch):
    """Retry fewer times than for people, and sooner."""
    from metroem_core import stores

    short = {"max_retries": 3, "initial_delay": "10ms", "max_delay": "50ms"}
    monkeypatch.setattr(stores, "RETRIES", short)
    stores.context.cache_clear()
    yield
    stores.context.cache_clear()


class Bucket(http.server.BaseHTTPRequestHandler):
    """The few requests of Google's JSON interface that read and write objects."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = urlsplit(self.path).path.removeprefix("/storage/v1/b/sections/o/")
        body = self.server.objects.get(unquote(path))
        if body is None:
            self.answer(404)
        else:
            self.answer(200, body, x_goog_generation="1")

    def do_POST(self):
        (name,) = parse_qs(urlsplit(self.path).query)["name"]
        self.server.objects[name] = self.rfile.read(int(self.headers["Content-Length"]))
        made = {"name": name, "generation": "1", "size": str(len(self.server.objects[name]))}
        self.answer(200, json.dumps(made).encode(), Content_Type="application/json")


@pytest.fixture(scope="session")
def gcs():
    """The objects in the bucket ``gs://sections`` of a server that is taken for Google's.

    The server is one for all tests, since TensorStore asks only once where it is.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.objects = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TENSORSTORE_GCS_HTTP_URL", f"http://127.0.0.1:{server.server_port}")
        patched.setenv("GOOGLE_AUTH_TOKEN_FOR_TESTING", "anyone")
        yield server.objects
    server.shutdown()
