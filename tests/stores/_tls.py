"""TLS before a server that has none: the servers from wheels were built without it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
from contextlib import suppress
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ASKS_FOR_TLS = struct.pack("!ii", 8, 80_877_103)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(encoding))
    paths[1].write_bytes(key.private_bytes(encoding, pem, serialization.NoEncryption()))
    return paths


class TlsFront:
    """Accepts TLS on a free port and passes what it reads to a server, and back."""

    def __init__(self, target: tuple[str, int], certificate: Path, key: Path) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            suppress(OSError),
            socket.create_connection(self._target) as server,
            self._wrapped(client) as wrapped,
        ):
            Thread(target=_copy, args=(server, wrapped), daemon=True).start()
            _copy(wrapped, server)
        client.close()

    def _wrapped(self, client: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(client, server_side=True)

    def close(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


class PostgresTlsFront(TlsFront):
    """Before a PostgreSQL server, whose clients ask for TLS in clear text first."""

    def _wrapped(self, client: socket.socket) -> ssl.SSLSocket:
        while client.recv(8, socket.MSG_WAITALL) != _ASKS_FOR_TLS:
            client.sendall(b"N")  # to GSSAPI
        client.sendall(b"S")
        return super()._wrapped(client)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            to.sendall(data)
    with suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)
