"""The compose file, as far as it can be judged without containers."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.main import app
from cli.roles import ROLES
from store.sealing import Sealer

FOLDER = Path(__file__).parents[3] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Who comes into the database as whom.
LOGINS = {
    "migrate": "jishi",
    "ingest-1": "jishi_write",
    "ingest-2": "jishi_write",
    "api": "jishi_api",
    "broker-sync": "jishi_broker",
    "booking-feeds": "jishi_api",
    "deliveries": "jishi_api",
    "federation-publish": "jishi_api",
    "follower-migrate": "jishi",
    "follower": "jishi_api",
    "follower-api": "jishi_api",
}
#: Who migrates.
OWNERS = {"migrate", "follower-migrate"}

#: Who seals and opens the secrets of addresses: all with the same keys, or nobody is told anything.
SEALING = {"ingest-1", "ingest-2", "api", "deliveries", "follower", "follower-api"}

PORTLESS = {"broker-sync", "booking-feeds", "deliveries", "federation-publish", "follower"}

#: What faces the outside: the broker's TLS listeners, and the proxy.
OUTSIDE = {"broker": ["8883:8883", "8884:8884"], "proxy": ["80:80", "443:443"]}


#: What a site makes for itself: certificates, and whom a follower follows.
OWN = {"./certs:/certs:ro", "./federation:/federation:ro"}


def database_of(name: str) -> str:
    """A follower has a database of its own."""
    return "jishi_follower" if name.startswith("follower") else "jishi"


def script(service: dict[str, Any]) -> str:
    """What a service's shell runs, compose's own doubling undone."""
    words = [*service.get("entrypoint", ()), *service.get("command", ())]
    return str(words[-1]).replace("$$", "$") if words[:2] == ["sh", "-c"] else ""


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
    assert set(service.get("depends_on", ())) <= SERVICES.keys()
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        if volume in OWN:
            continue
        if source.startswith("."):
            assert (FOLDER / source).exists(), f"{name}: {source} is not there"
        elif source == "/":
            # Whoever watches the host's disks sees them, and can change nothing.
            assert (name, volume) == ("node", "/:/host:ro,rslave")
        else:
            assert source in COMPOSE["volumes"]
    # An image of today is not tomorrow's by surprise; ours is built here.
    image = service["image"]
    assert "build" in service or re.fullmatch(r"[\w/.-]+:v?\d[\w.-]*", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_but_tls_is_open_beyond_this_machine(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        if port not in OUTSIDE.get(name, ()):
            assert port.startswith("127.0.0.1:"), f"{name} opens {port}"


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_bounded_and_says_when_it_is_well(name: str) -> None:
    service = SERVICES[name]
    if service.get("restart", "no") == "no" or "monitoring" in service.get("profiles", ()):
        return
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert "mem_limit" in service or name == "database", "the database takes what there is"
    portless = name in PORTLESS
    assert "healthcheck" in service or portless, "nobody comes to these, but for metrics"


@pytest.mark.parametrize("name", ["ingest-1", "ingest-2"])
def test_workers_have_their_own_share_session_and_account(name: str) -> None:
    number = name[-1]
    user = "jishi.ingest" if number == "1" else f"jishi.ingest.{number}"
    said = SERVICES[name]["environment"]
    assert said["JISHI_WORKER"] == name
    assert said["JISHI_INGEST_WORKER"] == f"{number}/2"
    assert said["JISHI_MQTT_CLIENT_ID"] == user
    assert f"mqtt://{user}:" in script(SERVICES[name])
    assert f"\nuser {user}\n" in (FOLDER / "mosquitto/acl").read_text("utf-8")


def test_the_database_takes_the_shipped_settings() -> None:
    """The command's own words, run with the shipped file: each setting becomes one argument."""
    text = script(SERVICES["database"]).replace(
        "/etc/jishi.conf", str(FOLDER / "postgresql/jishi.conf")
    )
    text = text.replace("exec docker-entrypoint.sh", "printf '%s\\n'")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    postgres, *words = done.stdout.splitlines()
    assert postgres == "postgres"
    given = dict(word.split("=") for word in words[1::2])
    assert set(words[::2]) == {"-c"}
    lines = (FOLDER / "postgresql/jishi.conf").read_text("utf-8").splitlines()
    wanted = dict(line.split(" = ") for line in lines if line and not line.startswith("#"))
    assert given == {name: value.strip("'") for name, value in wanted.items()}


@pytest.mark.parametrize("name", LOGINS)
def test_each_part_comes_as_its_own_role(name: str) -> None:
    text = script(SERVICES[name])
    form = r'JISHI_DATABASE_URL="postgresql://(\w+):\$\(cat /run/secrets/(\w+)\)@database/(\w+)"'
    ((user, secret, named),) = re.findall(form, text)
    assert named == database_of(name)
    assert user == LOGINS[name]
    assert secret == ("database" if user == "jishi" else user)


def configuration(service: dict[str, Any]) -> str:
    """What a program's own configuration says, where its folder is handed in whole."""
    program = service["image"].split(":")[0].rpartition("/")[2]
    files = sorted((FOLDER / program).rglob("*.yml")) if (FOLDER / program).exists() else []
    return "".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_are_for_who_reads_them(name: str) -> None:
    service = SERVICES[name]
    given = set(service.get("secrets", ()))
    read = set(re.findall(r"/run/secrets/(\w+)", str(service) + configuration(service)))
    if "jishi roles" in script(service):
        read |= set(ROLES)
    assert given == read
    assert ("database" in given) == (name in {"database", *OWNERS})


def test_secrets_stay_out_of_the_repository() -> None:
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "deploy/secrets/" in (FOLDER.parent / ".gitignore").read_text("utf-8").split()
    # Nothing that looks like one stands in the file itself.
    assert not re.search(r"(?i)password['\"]?\s*[:=]\s*\w", (FOLDER / "compose.yaml").read_text())


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_scripts_are_ones_that_a_shell_reads(name: str) -> None:
    text = script(SERVICES[name])
    done = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for command in re.findall(r"(?:^|exec |; |&& )jishi ([a-z-]+)", text):
        assert command in known


@pytest.mark.parametrize("name", [name for name in SERVICES if "x-jishi" in COMPOSE])
def test_our_own_parts_can_do_little(name: str) -> None:
    service = SERVICES[name]
    if service["image"].startswith("jishi:"):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(
    "name", [name for name in SERVICES if "exec jishi" in script(SERVICES[name])]
)
def test_what_a_service_runs_gets_its_secrets_and_knows_its_words(
    name: str, tmp_path: Path
) -> None:
    """The shell's own line, with secrets that end in a newline; what `jishi` would get is told."""
    (tmp_path / "secrets").mkdir()
    for secret in SERVICES[name]["secrets"]:
        (tmp_path / "secrets" / secret).write_text(f"word-of-{secret}\n")
    told = tmp_path / "jishi"
    variables = ("JISHI_DATABASE_URL", "JISHI_MQTT_URL", "JISHI_WEBHOOK_KEYS")
    words = " ".join(f'"${variable}"' for variable in variables)
    told.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" {words}\n')
    told.chmod(0o755)
    text = script(SERVICES[name]).replace("/run/secrets", str(tmp_path / "secrets"))
    done = subprocess.run(
        ["sh", "-c", text],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.split("\n")[:-1]
    runs = [lines[place : place + 4] for place in range(0, len(lines), 4)]
    user = LOGINS[name]
    secret = "database" if user == "jishi" else user
    for given, database, broker, keys in runs:
        assert database == f"postgresql://{user}:word-of-{secret}@database/{database_of(name)}"
        worker = SERVICES[name].get("environment", {}).get("JISHI_MQTT_CLIENT_ID")
        assert broker == (f"mqtt://{worker}:word-of-mqtt_ingest@broker:1883" if worker else "")
        assert keys == ("word-of-webhook_keys" if name in SEALING else "")
        command, *options = given.split()
        known = {
            option
            for parameter in typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
            for option in parameter.opts
        }
        assert {option for option in options if option.startswith("--")} <= known
    assert len(runs) == (2 if name in OWNERS else 1)


@pytest.mark.parametrize("page", ["compose.yaml", "../docs/deploy.md"])
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_keys_that_seal_are_made_as_it_is_said(page: str) -> None:
    (words,) = set(re.findall(r"openssl rand -base64 .*? '-_'", (FOLDER / page).read_text("utf-8")))
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=True)
    sealer = Sealer(done.stdout.rstrip("\n"))
    assert sealer.open(sealer.seal("word")) == "word"
