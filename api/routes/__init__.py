"""Routes, one module a subject; each has a ``router`` and is named in `ROUTERS`.

A route parses, calls a query, hands rows to `models/` and returns values with units in their
names. It says whose key it wants with `api.auth.require`; a test walks all of them.
"""

from fastapi import APIRouter

from api.routes import (
    alerts,
    audit,
    available,
    bookings,
    calendars,
    cockpit,
    credentials,
    dead_letters,
    evidence,
    figures,
    groups,
    imports,
    index,
    instruments,
    keys,
    maintenance,
    mappings,
    operations,
    planned,
    power_rules,
    reconciliation,
    registry,
    self_reports,
    session,
    sign_ins,
    stream,
    unmapped,
    webhooks,
)

#: All routers, in the order in which the OpenAPI document shows them.
ROUTERS: tuple[APIRouter, ...] = (
    index.router,
    instruments.router,
    stream.router,
    figures.router,
    groups.router,
    evidence.router,
    available.router,
    planned.router,
    bookings.router,
    reconciliation.router,
    self_reports.router,
    registry.router,
    credentials.router,
    unmapped.router,
    imports.router,
    maintenance.router,
    mappings.router,
    power_rules.router,
    calendars.router,
    dead_letters.router,
    alerts.router,
    webhooks.router,
    audit.router,
    keys.router,
    sign_ins.router,
    operations.router,
    session.router,
    cockpit.router,
)
