"""A certificate for a classroom that others than this machine reach: one that is made here, signed by itself."""

import datetime
import ipaddress
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from llamastack_workshop.system import files
from llamastack_workshop.system.errors import WorkshopError

_DAYS = 90


def made(file: Path, address: str) -> Path:
    """Return `file` with a key and a certificate for `address`, made anew unless one for it is there and still good."""
    if not (file.exists() and _is_good(file, address)):
        with files.open_private(file) as opened:
            opened.write(_make(address))
    return file


def fingerprint(file: Path) -> str:
    """Return the SHA-256 of the certificate in `file`, as browsers show it.

    Raises WorkshopError if there is none, or no key beside it.
    """
    try:
        data = file.read_bytes()
        serialization.load_pem_private_key(data, None)
        found = x509.load_pem_x509_certificate(data)
    except (OSError, ValueError, TypeError) as error:
        raise WorkshopError(
            f"{file} is no certificate to serve: {error}",
            "Give --certificate a PEM file with the certificate, those that signed it, and the key without a password.",
        ) from None
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def _is_good(file: Path, address: str) -> bool:
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    # A week of teaching ahead.
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return _name(address) in list(names) and left > datetime.timedelta(days=7)


def _make(address: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"LlamaStack Workshop, {address}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    names = list(dict.fromkeys([_name(address), _name(socket.gethostname()), _name("localhost"), _name("127.0.0.1")]))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
