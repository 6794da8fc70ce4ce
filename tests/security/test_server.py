"""The real server: TLS of our time alone, one way to tell where a request ends, and nothing that pages do not need."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.server import free_port

pytestmark = pytest.mark.slow
PROGRAM = Path(sys.executable).with_name("tanpuhui")
HOST = "127.0.0.1"


@dataclass
class Served:
    """A server that runs with TLS."""

    port: int
    certificate: Path
    log: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(
            f"https://{HOST}:{self.port}{path}", verify=self.context(), timeout=20, trust_env=False
        )

    def say(self, content: bytes) -> bytes:
        """Send bytes as they are, and read what comes until the other side has nothing more to say."""
        with (
            socket.create_connection((HOST, self.port), timeout=5) as plain,
            self.context().wrap_socket(plain, server_hostname=HOST) as stream,
        ):
            answer = b""
            # Whoever refuses may hang up before everything was said.
            with suppress(TimeoutError, ConnectionError, ssl.SSLError):
                stream.sendall(content)
                stream.settimeout(2)
                while block := stream.recv(65_536):
                    answer += block
        return answer


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine's own address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, secret


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation of its own, served over TLS as an operator would."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o711)
    certificate, key = make_certificate(folder)
    ours = ("TANPUHUI_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    port, log = free_port(), folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(port), "--certificate", certificate, "--key", key],
            env={**environment, "TANPUHUI_HOME": str(folder / "home")},
            stdout=stream,
            stderr=stream,
        )
    found = Served(port, certificate, log)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.TransportError):
            if found.get("/healthz").status_code == 200:
                break
        time.sleep(0.2)
    try:
        assert process.poll() is None, log.read_text()[-2000:]
        yield found
    finally:
        process.terminate()
        process.wait(60)


def shaken(served: Served, **limits: ssl.TLSVersion) -> tuple[str, str]:
    """The version and cipher that both sides agree on."""
    context = served.context()
    for name, version in limits.items():
        setattr(context, name, version)
    with (
        socket.create_connection((HOST, served.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as stream,
    ):
        cipher = stream.cipher()
        assert cipher
        return str(stream.version()), cipher[0]


def test_the_newest_tls_is_preferred(served: Served) -> None:
    assert shaken(served)[0] == "TLSv1.3"


def test_tls_1_2_has_forward_secrecy_and_authenticated_ciphers_alone(served: Served) -> None:
    version, cipher = shaken(served, maximum_version=ssl.TLSVersion.TLSv1_2)

    assert version == "TLSv1.2"
    assert cipher.startswith("ECDHE-")
    assert "GCM" in cipher or "CHACHA20" in cipher
    context = served.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with (
        pytest.raises(ssl.SSLError),
        socket.create_connection((HOST, served.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=HOST),
    ):
        pass


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_tls_is_refused(served: Served, version: ssl.TLSVersion) -> None:
    context = served.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version

    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        socket.create_connection((HOST, served.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=HOST),
    ):
        pass


def test_there_is_no_way_in_without_encryption(served: Served) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{HOST}:{served.port}/", timeout=5, trust_env=False)


HOST_LINE = b"Host: 127.0.0.1\r\n"
#: Requests that two servers in a row could cut in different places.
FORM, PAGE = b"POST /language/ HTTP/1.1\r\n" + HOST_LINE, b"GET / HTTP/1.1\r\n" + HOST_LINE
AMBIGUOUS = {
    "two lengths": FORM + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx",
    "a length that is no number": FORM + b"Content-Length: +5\r\n\r\nxxxxx",
    "an unknown coding": FORM + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding after chunks": FORM + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": PAGE + b"Content-Length : 5\r\n\r\nxxxxx",
    "a zero byte in a header": PAGE + b"X-A: a\x00b\r\n\r\n",
}


@pytest.mark.parametrize("content", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_whose_end_is_not_clear_is_refused(served: Served, content: bytes) -> None:
    answer = served.say(content)

    assert answer == b"" or b" 400 " in answer.split(b"\r\n", 1)[0]
    assert served.get("/healthz").status_code == 200


def test_a_chunk_that_is_no_number_ends_the_connection(served: Served) -> None:
    answer = served.say(FORM + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n" + PAGE + b"\r\n")

    assert answer.count(b"HTTP/1.1 ") <= 1


def test_of_a_length_and_chunks_the_chunks_count_and_nothing_is_smuggled(served: Served) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HOST_LINE + b"\r\n"
    body = b"0\r\n\r\n"
    answer = served.say(
        b"POST /language/ HTTP/1.1\r\n"
        + HOST_LINE
        + b"Content-Length: "
        + str(len(body + smuggled)).encode()
        + b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + body
        + smuggled
    )

    assert answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"TRACK"])
def test_methods_of_debugging_are_refused(served: Served, method: bytes) -> None:
    answer = served.say(
        method + b" / HTTP/1.1\r\n" + HOST_LINE + b"X-Mine: secret\r\nConnection: close\r\n\r\n"
    )

    assert answer == b"" or b" 4" in answer.split(b"\r\n", 1)[0]
    assert b"X-Mine" not in answer


def test_a_header_without_end_is_refused(served: Served) -> None:
    answer = served.say(b"GET / HTTP/1.1\r\n" + HOST_LINE + b"X-Long: " + b"x" * 900_000 + b"\r\n\r\n")

    assert answer == b"" or b" 4" in answer.split(b"\r\n", 1)[0]
    assert served.get("/healthz").status_code == 200


def test_bytes_that_are_no_text_in_an_address_are_refused(served: Served) -> None:
    for path in (b"/\xff\xfe", b"/%00", b"/?a=%00", b"/resident/%c0%ae%c0%ae/"):
        answer = served.say(b"GET " + path + b" HTTP/1.1\r\n" + HOST_LINE + b"Connection: close\r\n\r\n")

        assert answer == b"" or b" 4" in answer.split(b"\r\n", 1)[0], path


def test_a_websocket_is_not_spoken(served: Served) -> None:
    answer = served.say(
        b"GET / HTTP/1.1\r\n"
        + HOST_LINE
        + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    )

    assert b" 101 " not in answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/shared/",
        "/static/../keys/django",
        "/static/%2e%2e/keys/django",
        "/keys/django",
        "/.git/HEAD",
    ],
)
def test_no_folder_is_listed_and_no_file_besides_pages_is_given(served: Served, path: str) -> None:
    answer = served.say(f"GET {path} HTTP/1.1\r\n".encode() + HOST_LINE + b"Connection: close\r\n\r\n")

    assert b" 40" in answer.split(b"\r\n", 1)[0]


def test_the_log_of_the_real_server_holds_no_address(served: Served) -> None:
    served.get("/nothing/P-4711?email=ming@example.org")

    assert "P-4711" not in served.log.read_text()
    assert "@" not in served.log.read_text()


@pytest.mark.parametrize(
    "given",
    [("--certificate", "/nowhere/x.pem", "--key", "/nowhere/y.pem"), ("--key", "/nowhere/y.pem")],
)
def test_tls_without_its_files_is_refused_before_anything_starts(
    given: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [PROGRAM, "serve", *given],
        env={"PATH": "/usr/bin:/bin", "TANPUHUI_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "serve.no_certificate" in done.stderr + done.stdout
    assert not list(tmp_path.iterdir())
