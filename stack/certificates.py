"""A development authority: certificates for the broker and for gateways, and what it revoked.

For a city's own use and for tests; whoever has an authority of their own uses that. A
gateway's certificate has the gateway's id as its common name, which the broker takes for the
user name. The authority's folder is for its owner alone; `jishi certs` is its command.
"""

import ipaddress
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.account import write_private
from stack.errors import StackError
from stack.passwords import check_gateway

AUTHORITY_DAYS = 3_650
SERVER_DAYS = 397  # the longest that clients commonly accept
GATEWAY_DAYS = 397
#: A list that is past its time has every gateway refused, so it lasts as long as we do.
LIST_DAYS = 3_650
#: Clocks of gateways are wrong by this much without anyone's noticing.
BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate with its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """What a broker needs: its own certificate, whom it believes, whom no longer."""

    authority: Path
    server: Certificate
    revoked: Path


class Authority:
    """An authority whose key, certificates and list of revoked ones lie in one folder."""

    def __init__(self, folder: Path) -> None:
        """Describe it; `create` makes it."""
        self._folder = folder.absolute()

    @property
    def certificate(self) -> Path:
        """Its own certificate: what clients are given to believe in."""
        return self._folder / "ca.pem"

    @property
    def revoked(self) -> Path:
        """The list of revoked certificates."""
        return self._folder / "revoked.pem"

    @property
    def files(self) -> TlsFiles:
        """What the broker needs."""
        return TlsFiles(
            authority=self.certificate, server=self._pair("server"), revoked=self.revoked
        )

    def exists(self) -> bool:
        """Whether it was made."""
        return self.certificate.exists()

    def create(self, name: str = "Jishi development authority") -> None:
        """Make key and certificate, and an empty list.

        Raises:
            StackError: There is one already; all its certificates would be void.
        """
        if self.exists():
            raise StackError(
                f"{self.certificate} is there already", remedy="choose another folder, or keep it"
            )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        now = datetime.now(UTC)
        certificate = (
            _builder(subject, subject, key.public_key(), now, timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        write_private(self._folder / "ca.key", _key_text(key))
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        self._write_list([])

    def issue_server(self, hosts: Sequence[str], *, days: float = SERVER_DAYS) -> Certificate:
        """The broker's certificate.

        Args:
            hosts: Names and addresses under which clients reach it; at least one.
            days: How long it holds.
        """
        if not hosts:
            raise ValueError("hosts must not be empty: clients compare the name")
        names: list[x509.GeneralName] = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        return self._issue(
            "server",
            hosts[0],
            days,
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName(names),
        )

    def issue_gateway(self, gateway_id: str, *, days: float = GATEWAY_DAYS) -> Certificate:
        """A gateway's certificate, its id the common name; an earlier one holds on.

        Args:
            gateway_id: The gateway.
            days: How long it holds; below 0 it is past already, for tests.

        Raises:
            ValueError: It is no gateway's id: names of our own accounts are never signed.
        """
        check_gateway(gateway_id)
        return self._issue(
            f"gateways/{gateway_id}", gateway_id, days, ExtendedKeyUsageOID.CLIENT_AUTH, None
        )

    def revoke(self, gateway_id: str) -> int:
        """Put all certificates of a gateway on the list; how many are there now.

        The broker knows once it has read the list anew.
        """
        check_gateway(gateway_id)
        issued = self._issued()
        serials = [int(serial) for serial, name in issued.items() if name == gateway_id]
        before = {one.serial_number for one in self._read_list()}
        self._write_list([*before, *(serial for serial in serials if serial not in before)])
        return len(serials)

    def _pair(self, name: str) -> Certificate:
        return Certificate(
            certificate=self._folder / f"{name}.pem", key=self._folder / f"{name}.key"
        )

    def _issue(
        self,
        file: str,
        name: str,
        days: float,
        purpose: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
    ) -> Certificate:
        authority, signing = self._load()
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        # One that is past is past from its first moment on.
        start = datetime.now(UTC) + min(timedelta(), timedelta(days=days) - timedelta(days=1))
        length = timedelta(days=days) if days > 0 else timedelta(days=1)
        builder = (
            _builder(subject, authority.subject, key.public_key(), start, length)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
                critical=False,
            )
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(signing, hashes.SHA256())
        made = self._pair(file)
        made.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(made.key, _key_text(key))
        _write(made.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        issued = self._issued() | {str(certificate.serial_number): name}
        write_private(self._folder / "issued.json", json.dumps(issued, indent=1))
        return made

    def _load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            key = serialization.load_pem_private_key((self._folder / "ca.key").read_bytes(), None)
        except FileNotFoundError as error:
            raise StackError(
                f"there is no authority in {self._folder}", remedy="make one: jishi certs init"
            ) from error
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return certificate, key

    def _issued(self) -> dict[str, str]:
        """Names by serial number."""
        try:
            found: dict[str, str] = json.loads((self._folder / "issued.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _read_list(self) -> list[x509.RevokedCertificate]:
        return list(x509.load_pem_x509_crl(self.revoked.read_bytes()))

    def _write_list(self, serials: Sequence[int]) -> None:
        authority, key = self._load()
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.subject)
            .last_update(now - BACKDATED)
            .next_update(now + timedelta(days=LIST_DAYS))
            # Of two lists the one with the greater number is the newer.
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1_000)), critical=False)
        )
        for serial in serials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(now - BACKDATED)
                .build()
            )
        made = builder.sign(key, hashes.SHA256())
        _write(self.revoked, made.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    start: datetime,
    length: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - BACKDATED)
        .not_valid_after(start + length)
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def _write(path: Path, data: bytes) -> None:
    """All at once, so that no reader finds half of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)
