"""The manifests as kustomize builds them; what a cluster does with them is not tried here."""

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
from reports.signing import read_signer
from store.sealing import Sealer
from tests.lacking import Part, lacking

FOLDER = Path(__file__).parents[3] / "deploy/kubernetes"


def build(folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of a folder."""
    tool = next((name for name in ("kubectl", "kustomize") if shutil.which(name)), None)
    if tool is None:
        lacking(Part.KUSTOMIZE)
    words = [tool, "kustomize" if tool == "kubectl" else "build", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return build(FOLDER)


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod templates by the name of what makes them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]
        for one in objects
        if "template" in one.get("spec", {})
    }


def test_every_pod_can_do_little_and_is_bounded(objects: list[dict[str, Any]]) -> None:
    assert pods(objects).keys() == {"jishi-migrate", "jishi-ingest", "jishi-api"}
    for template in pods(objects).values():
        can_do_little(template)
        assert [one["image"] for one in template["spec"]["containers"]] == ["jishi:0.1.0"]


def can_do_little(template: dict[str, Any]) -> None:
    spec = template["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]


def test_what_is_served_is_probed_spread_and_kept(objects: list[dict[str, Any]]) -> None:
    budgets = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for one in objects
        if one["kind"] == "PodDisruptionBudget"
    }
    for name in ("jishi-ingest", "jishi-api"):
        (container,) = pods(objects)[name]["spec"]["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert {"startupProbe", "readinessProbe"} <= container.keys()
        assert name in budgets


def test_nobody_comes_in_but_who_is_named(objects: list[dict[str, Any]]) -> None:
    policies = {
        one["metadata"]["name"]: one["spec"] for one in objects if one["kind"] == "NetworkPolicy"
    }
    everyone = policies.pop("jishi")
    assert "ingress" not in everyone
    for template in pods(objects).values():
        labels = template["metadata"]["labels"]
        assert everyone["podSelector"]["matchLabels"].items() <= labels.items()
    for name, spec in policies.items():
        assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        (container,) = pods(objects)[name]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        for rule in spec["ingress"]:
            assert rule["from"]
            assert {port["port"] for port in rule["ports"]} <= ports


def test_each_part_has_the_secrets_that_it_needs(objects: list[dict[str, Any]]) -> None:
    wanted = {
        "jishi-migrate": ("jishi", "owner"),
        "jishi-ingest": ("jishi_write", "jishi_write"),
        "jishi-api": ("jishi_api", "jishi_api"),
    }
    for name, (role, key) in wanted.items():
        environment = {
            one["name"]: one for one in pods(objects)[name]["spec"]["containers"][0]["env"]
        }
        form = f"postgresql://{role}:$(PASSWORD)@$(DATABASE)"
        assert environment["JISHI_DATABASE_URL"]["value"] == form
        reference = environment["PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "jishi-database", "key": key}
        sealing = environment.get("JISHI_WEBHOOK_KEYS", {}).get("valueFrom")
        keys = {"secretKeyRef": {"name": "jishi-webhooks", "key": "keys", "optional": True}}
        assert sealing == (keys if name in ("jishi-ingest", "jishi-api") else None)
    page = (FOLDER.parents[1] / "docs/deploy.md").read_text("utf-8")
    secrets = ("jishi-database", "jishi-mqtt", "jishi-webhooks", "jishi-signing")
    assert all(f"{key}" in page for key in (*ROLES, *secrets))


@pytest.mark.parametrize(("ordinal", "account"), [(0, "jishi.ingest"), (1, "jishi.ingest.2")])
def test_a_worker_is_told_by_its_place(
    objects: list[dict[str, Any]], ordinal: int, account: str
) -> None:
    """The container's own words, run by a shell that only says what jishi would get."""
    (container,) = pods(objects)["jishi-ingest"]["spec"]["containers"]
    (text,) = container["args"]
    assert "$(" not in text, "Kubernetes puts variables in there"
    text = text.replace("exec jishi ingest", "env")
    given = {
        "PATH": "/usr/bin:/bin",
        "HOSTNAME": f"jishi-ingest-{ordinal}",
        "WORKERS": "2",
        "MQTT_PASSWORD": "word",
        "BROKER": "mosquitto:1883",
    }
    done = subprocess.run(
        [*container["command"], text], env=given, capture_output=True, text=True, check=True
    )
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert said["JISHI_MQTT_URL"] == f"mqtt://{account}:word@mosquitto:1883"
    assert said["JISHI_MQTT_CLIENT_ID"] == account
    assert said["JISHI_WORKER"] == f"ingest-{ordinal + 1}"
    assert said["JISHI_INGEST_WORKER"] == f"{ordinal + 1}/2"


def test_accounts_are_handed_on_beside_a_broker(tmp_path: Path) -> None:
    """The component over a broker as its head describes it."""
    shutil.copytree(FOLDER / "broker-sync", tmp_path / "broker-sync")
    broker = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "mosquitto"},
        "spec": {"template": {"spec": {"containers": [{"name": "mosquitto", "image": "m"}]}}},
    }
    (tmp_path / "broker.yaml").write_text(yaml.safe_dump(broker))
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [broker.yaml]\ncomponents: [broker-sync]\n"
    )
    (built,) = build(tmp_path)
    spec = built["spec"]["template"]["spec"]
    assert spec["shareProcessNamespace"] is True
    containers = {one["name"]: one for one in spec["containers"]}
    assert containers.keys() == {"mosquitto", "broker-sync"}
    name, *options = containers["broker-sync"]["args"]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {re.sub("=.*", "", option) for option in options} <= known


@pytest.mark.parametrize(
    ("component", "words"),
    [("booking-feeds", ["booking-feeds"]), ("deliveries", ["reports", "deliver"])],
)
def test_components_run_beside_ours(tmp_path: Path, component: str, words: list[str]) -> None:
    """Each in an overlay, as its head says."""
    shutil.copytree(FOLDER, tmp_path / "deploy/kubernetes")
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [deploy/kubernetes]\ncomponents: [deploy/kubernetes/{component}]\n"
    )
    built = build(tmp_path)
    assert pods(built).keys() - pods(build(FOLDER)).keys() == {f"jishi-{component}"}
    template = pods(built)[f"jishi-{component}"]
    can_do_little(template)
    # Where the secrets are, and closed to whoever would come in.
    assert {one["metadata"]["namespace"] for one in built} == {"jishi"}
    assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "jishi"
    (container,) = template["spec"]["containers"]
    assert container["args"] == words
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    environment = {one["name"]: one for one in container["env"]}
    form = "postgresql://jishi_api:$(PASSWORD)@$(DATABASE)"
    assert environment["JISHI_DATABASE_URL"]["value"] == form
    reference = environment["PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "jishi-database", "key": "jishi_api"}


def test_a_follower_runs_beside_ours(tmp_path: Path) -> None:
    """Migrations, what asks the cities, and the API over it, each over the follower's database."""
    shutil.copytree(FOLDER, tmp_path / "deploy/kubernetes")
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [deploy/kubernetes]\ncomponents: [deploy/kubernetes/follower]\n"
    )
    built = build(tmp_path)
    assert {one["metadata"]["namespace"] for one in built} == {"jishi"}
    found = pods(built)
    ours = pods(build(FOLDER)).keys()
    assert found.keys() - ours == {f"jishi-follower{part}" for part in ("", "-migrate", "-api")}
    for name in found.keys() - ours:
        can_do_little(found[name])
        (container,) = found[name]["spec"]["containers"]
        environment = {one["name"]: one for one in container["env"]}
        where = environment["DATABASE"]["valueFrom"]["configMapKeyRef"]
        assert where == {"name": "jishi-follower", "key": "DATABASE"}
    (follow,) = found["jishi-follower"]["spec"]["containers"]
    command: Any = typer.main.get_command(app)
    for word in follow["args"]:
        command = command.commands[word]
    known = {one.envvar for one in command.params} | {"DATABASE", "PASSWORD", "WRITE_PASSWORD"}
    assert {one["name"] for one in follow["env"]} <= known | {"JISHI_WEBHOOK_KEYS"}
    assert follow["ports"] == [{"name": "metrics", "containerPort": 9467}]
    (api,) = found["jishi-follower-api"]["spec"]["containers"]
    assert {"name": "JISHI_FOLLOWER", "value": "true"} in api["env"]
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    open_to = {
        one["metadata"]["name"]: one["spec"]["podSelector"]["matchLabels"]
        for one in built
        if one["kind"] == "NetworkPolicy"
    }
    for name in ("jishi-follower", "jishi-follower-api"):
        assert open_to[name] == {"app.kubernetes.io/name": name}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_secrets_come_from_files(tmp_path: Path) -> None:
    """The page's own words, with a kubectl that only says what it was given."""
    page = (FOLDER.parents[1] / "docs/deploy.md").read_text("utf-8")
    block = re.findall(r"```sh\n(.*?)```", page.split("## Kubernetes")[1], re.S)[0]
    for name in ("owner", "mqtt_ingest"):
        (tmp_path / name).write_text(f"word-of-{name}\n")
    told = tmp_path / "kubectl"
    told.write_text('#!/bin/sh\necho "$*"\n')
    told.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", "-ec", block],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    given = dict(re.findall(r"generic (\S+) --from-file=(\S+)", done.stdout))
    assert given.keys() == {"jishi-database", "jishi-mqtt", "jishi-webhooks", "jishi-signing"}
    files = [tmp_path / given[name].split("=")[-1] for name in ("jishi-mqtt", "jishi-webhooks")]
    made = {path.name: path for path in (tmp_path / given["jishi-database"]).iterdir()}
    assert made.keys() == {"owner", *ROLES}
    for path in (*files, *made.values()):
        # A newline would stand in an address, and a word of the command line for all to read.
        assert re.fullmatch(r"\S+", path.read_text("utf-8"))
        assert path.read_text("utf-8") not in done.stdout
    assert {path.stat().st_mode & 0o077 for path in made.values()} == {0}
    Sealer(files[1].read_text("utf-8"))
    read_signer(tmp_path / given["jishi-signing"].split("=")[-1])
