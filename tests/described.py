"""The API as its own document describes it, made once for everyone who reads it."""

from typing import Any

from api.app import create_app
from api.settings import Settings

APP = create_app(Settings(database_url=""))
DOCUMENT: dict[str, Any] = APP.openapi()
