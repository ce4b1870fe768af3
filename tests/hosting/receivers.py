"""A business's own server, for tests: listens on loopback, keeps what it was sent, answers as it
is told.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson


@dataclass
class Taken:
    """One POST as it came, and when."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def value(self):
        return orjson.loads(self.body)["entry"][0]["changes"][0]["value"]


@dataclass
class Receiver:
    """Start it as a context manager; `url` is where it listens."""

    verify_token: str = "token"
    answer: Callable[[Taken], tuple[int, bytes]] = lambda taken: (200, b"ok")
    show: Callable[[Taken], tuple[int, bytes]] | None = (
        None  # what a GET gets, in place of the challenge
    )
    shown: list[Taken] = field(default_factory=list)
    pause: float = 0.0
    # What a test of many pages shows, one after another.
    pages: list[Any] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    challenges: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body):
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if outer.show is not None:
                    names = {name.lower(): value for name, value in self.headers.items()}
                    taken = Taken(self.path, names, b"", time.monotonic())
                    outer.shown.append(taken)
                    return self.reply(*outer.show(taken))
                asked = {
                    name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
                }
                outer.challenges.append(asked)
                fits = asked.get("hub.verify_token") == outer.verify_token
                return self.reply(
                    *((200, asked["hub.challenge"].encode()) if fits else (403, b"no"))
                )

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                taken = Taken(self.path, names, body, time.monotonic())
                outer.taken.append(taken)
                time.sleep(outer.pause)
                self.reply(*outer.answer(taken))

        class Server(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
