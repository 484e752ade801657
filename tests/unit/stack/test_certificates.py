from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from cli.certs import app
from stack.certificates import Authority
from stack.errors import StackError

runner = CliRunner()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "ca")
    made.create()
    return made


def test_a_gateways_certificate_names_it_and_serves_nothing_else(authority: Authority) -> None:
    made = authority.issue_gateway("gw-1")
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=gw-1"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [one._name for one in usage] == ["clientAuth"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    ours = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    certificate.verify_directly_issued_by(ours)
    assert made.key.stat().st_mode & 0o077 == 0


def test_the_brokers_certificate_names_its_hosts(authority: Authority) -> None:
    made = authority.issue_server(["mqtt.example.org", "127.0.0.1"])
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.example.org"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_revoking_names_all_that_a_gateway_ever_had(authority: Authority) -> None:
    serials = set()
    for _ in range(2):
        made = authority.issue_gateway("gw-1")
        serials.add(x509.load_pem_x509_certificate(made.certificate.read_bytes()).serial_number)
    authority.issue_gateway("gw-2")
    assert authority.revoke("gw-1") == 2
    assert authority.revoke("gw-1") == 2
    assert authority.revoke("gw-3") == 0
    listed = x509.load_pem_x509_crl(authority.revoked.read_bytes())
    assert {one.serial_number for one in listed} == serials


def test_an_authority_is_made_once(authority: Authority) -> None:
    with pytest.raises(StackError, match="there already"):
        authority.create()


def test_without_one_it_says_what_would_help(tmp_path: Path) -> None:
    done = runner.invoke(app, ["gateway", "gw-1", "--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "jishi certs init" in done.output


def test_the_command(tmp_path: Path) -> None:
    folder = ["--folder", str(tmp_path / "ca")]
    before = runner.invoke(app, ["init", "mqtt.example.org", *folder])
    assert before.exit_code == 0, before.output
    text = (tmp_path / "ca/ca.pem").read_text()
    # Again: a new certificate for the broker, the same authority.
    assert runner.invoke(app, ["init", *folder]).exit_code == 0
    assert (tmp_path / "ca/ca.pem").read_text() == text
    assert runner.invoke(app, ["gateway", "gw-1", *folder]).exit_code == 0
    assert "1 revoked" in runner.invoke(app, ["revoke", "gw-1", *folder]).output
    assert runner.invoke(app, ["revoke", "gw-9", *folder]).exit_code == 1
    assert runner.invoke(app, ["gateway", "jishi.ingest", *folder]).exit_code == 1
