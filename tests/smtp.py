"""A mail server on this machine that keeps what it is sent, and refuses what a test wants
refused.
"""

import email
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast


@dataclass
class MailServer:
    """What was received, and what is answered: `refused` by recipient, `answers` by command.

    An answer of `hang up` closes the connection instead.
    """

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    after_mail: str = "250 Taken"

    def subjects(self) -> list[str]:
        """Subjects of what was received, in order."""
        return [str(message["Subject"]) for message in self.received]


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    state: MailServer


class _Session(StreamRequestHandler):
    def handle(self) -> None:
        self.state = cast(_Server, self.server).state
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            if not self._answer(line.partition(" ")[0].upper(), line):
                return

    def _answer(self, command: str, line: str) -> bool:
        answer = self.state.answers.get(command, "")
        if command == "RCPT":
            address = line.partition("<")[2].partition(">")[0]
            answer = answer or self.state.refused.get(address, "250 OK")
            if answer.startswith("2"):
                self.state.recipients.append(address)
        if answer == "hang up":
            return False
        if command == "DATA" and not answer:
            return self._take()
        self._say(answer or ("221 Bye" if command == "QUIT" else "250 OK"))
        return command != "QUIT"

    def _take(self) -> bool:
        self._say("354 Go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self.state.after_mail == "hang up":
            return False
        if self.state.after_mail.startswith("2"):
            found = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            self.state.received.append(found)
        self._say(self.state.after_mail)
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A running server to which the settings send every mail."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.state = state = MailServer(port=server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        settings.EMAIL_BACKEND = "core.outbox.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", state.port
        settings.EMAIL_TIMEOUT = 5
        try:
            yield state
        finally:
            server.shutdown()
            thread.join(5)
