"""The media server: encrypted blobs over TLS on the loopback interface.

Paths as whatsmeow ``upload.go`` and ``download.go`` use them: ``POST /mms/<type>/<token>`` with the blob, where the
token is the base64url of its SHA-256, and ``GET <direct_path>``. Clients accept only TLS, so the server has a
self-signed certificate for 127.0.0.1 that clients must be told to trust.
"""

import base64
import binascii
import datetime as dt
import hashlib
import ipaddress
import os
import re
import ssl
import tempfile
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from prosa_simulator.network.hub import Hub

MAX_UPLOAD: Final = 2 * 1024**3
"""The largest upload in bytes, as WhatsApp's for documents."""
_NAME: Final = re.compile(r"[0-9a-f]{64}\Z")


class MediaStore:
    """Encrypted blobs in a folder, named by their SHA-256."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self._hub = hub
        self._folder = folder

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes of the media server."""
        return [
            web.post("/mms/{kind}/{token}", self._upload),
            web.delete("/mms/{kind}/{token}", self._delete),
            web.get("/v/{name}", self._download),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        fault = self._hub.faults.take("media", None)
        if fault is not None:
            return web.Response(status=fault.number)
        digest = hashlib.sha256()
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix="upload-")
        try:
            # Written in this loop: a local disk, in pieces of 256 KiB.
            with os.fdopen(handle, "wb") as file:
                async for chunk in request.content.iter_chunked(1 << 18):
                    digest.update(chunk)
                    file.write(chunk)
            if digest.digest() != _token(request.match_info["token"]):
                return web.json_response({"error": "the token is not the SHA-256 of the body"}, status=400)
            self._keep(name, digest.hexdigest())
        finally:
            self._discard(name)
        path = f"/v/{digest.hexdigest()}?ccb=1"
        return web.json_response({"url": f"https://{self._hub.media_host}{path}", "direct_path": path})

    def _keep(self, uploaded: str, name: str) -> None:
        Path(uploaded).replace(self._folder / name)

    @staticmethod
    def _discard(uploaded: str) -> None:
        Path(uploaded).unlink(missing_ok=True)

    async def _delete(self, request: web.Request) -> web.Response:
        (self._folder / _token(request.match_info["token"]).hex()).unlink(missing_ok=True)
        return web.Response()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self._hub.faults.take("media", None)
        if fault is not None:
            return web.Response(status=fault.number)
        name = request.match_info["name"]
        if not _NAME.match(name) or not (self._folder / name).is_file():
            return web.Response(status=404)
        return web.FileResponse(self._folder / name, headers={"Content-Type": "application/octet-stream"})


def tls_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server context and the certificate's PEM file, made in the folder when it is not there yet."""
    certificate, key = folder / "media-ca.pem", folder / "media-key.pem"
    if not certificate.exists() or not key.exists():
        _make_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def _token(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _make_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Prosa simulator media")])
    now = dt.datetime.now(dt.UTC)
    names = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
        x509.DNSName("localhost"),
    ]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )
    key.touch(mode=0o600)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(built.public_bytes(Encoding.PEM))
