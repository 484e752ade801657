"""The running service brings a closed period to a folder by itself: nobody calls the sender."""

import time
from pathlib import Path

import httpx

from cli.up import Service
from reports.signing import read_signer
from reports.verification import verify


def test_a_closed_period_arrives_in_its_folder(service: Service, deliveries: Path) -> None:
    headers = {"Authorization": f"Bearer {service.admin_key}"}
    ids = {"institution_id": "delivered-inst", "gateway_id": "delivered-gw"}
    with httpx.Client(base_url=service.api_url, headers=headers, timeout=60) as admin:
        for path, body in (
            ("institutions/delivered-inst", {"name": "Institute"}),
            ("gateways/delivered-gw", {"institution_id": "delivered-inst"}),
            ("instruments/delivered-sem", {"name": "SEM", **ids}),
            (
                "deliveries/delivered",
                {
                    "kind": "folder",
                    "url": "archive",
                    "profile": "university-share",
                    "every": "10s",
                    "institution": "delivered-inst",
                },
            ),
        ):
            answer = admin.put(f"/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
        window = {"from": "2026-01-01", "to": "2026-02-01", "tz": "Asia/Shanghai"}
        made = admin.post("/v1/periods", json={"institution_id": "delivered-inst", **window})
        assert made.status_code == 201, made.text
        period = made.json()["period_id"]
        closed = admin.post(f"/v1/periods/{period}/close")
        assert closed.is_success, closed.text
        folder = deliveries / "delivered-inst" / "archive" / f"period-{period}"
        patience = time.monotonic() + 60
        while not (state := admin.get("/v1/deliveries/delivered").json())["periods"] or (
            state["waiting"] and time.monotonic() < patience
        ):
            assert time.monotonic() < patience, state
            time.sleep(0.1)
    assert (state["state"], state["waiting"], state["given_up"]) == ("works", 0, 0), state
    names = {one.name for one in folder.iterdir()}
    assert {"records-1.csv", "university-share-1.csv", "manifest-1.json"} <= names
    key = read_signer(service.stack.folder / "signing_key").public
    findings = verify(folder, [key])
    assert findings
    assert not [one for one in findings if one.fault is not None]
