"""A self-signed certificate for `HTTPS=1`: browsers give a phone its camera over https only."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aioice.ice import get_host_addresses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GOOD_FOR = timedelta(days=365)
RENEWED_BEFORE = timedelta(days=7)


def self_signed(folder: Path, now: datetime | None = None) -> tuple[Path, Path]:
    """Paths of the private key and the certificate, both PEM: made anew when one runs out or an address is new."""
    now = now or datetime.now(UTC)
    key_path, certificate_path = folder / "https-key.pem", folder / "https-certificate.pem"
    names = _names()
    if not (key_path.exists() and certificate_path.exists() and _is_good(certificate_path, names, now)):
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        key_path.touch(mode=0o600)
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        certificate_path.write_bytes(_make(key, names, now).public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path


def _names() -> list[x509.GeneralName]:
    addresses = ["127.0.0.1", "::1", *get_host_addresses(use_ipv4=True, use_ipv6=True)]
    hosts = sorted({"localhost", socket.gethostname()})
    return [*map(x509.DNSName, hosts), *(x509.IPAddress(ip_address(address)) for address in sorted(set(addresses)))]


def _make(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Anteroom")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + GOOD_FOR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _is_good(path: Path, names: list[x509.GeneralName], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return certificate.not_valid_after_utc - now > RENEWED_BEFORE and set(names) <= set(known)
