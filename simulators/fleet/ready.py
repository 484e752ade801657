"""Where the service is: the ready-file of ``jishi up``, checked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What ``jishi up --ready-file`` wrote."""

    api_url: str
    admin_key: str
    host: str
    port: int
    username: str
    password: str
    database_url: str
    metrics_url: str = ""
    #: User name and password by gateway; all others use the account above.
    accounts: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> "Ready":
        """Read a ready-file.

        Raises:
            ValueError: it lacks something, or is none.
        """
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise ValueError(
                f"ready-file {path} does not exist; start the service with "
                f"`jishi up --ready-file {path}` and wait until it is written"
            ) from None
        except (OSError, ValueError) as error:
            raise ValueError(
                f"ready-file {path} must be the JSON object that `jishi up --ready-file` "
                f"writes: {error}"
            ) from error
        try:
            return cls.of(content)
        except ValueError as error:
            raise ValueError(
                f"ready-file {path}: {error}; let `jishi up --ready-file {path}` write it again"
            ) from error

    @classmethod
    def of(cls, content: Any) -> "Ready":
        """The content of a ready-file.

        Raises:
            ValueError: it lacks something.
        """
        if not isinstance(content, dict):
            raise ValueError(f"it must be a JSON object, and is {type(content).__name__}")
        mqtt = content.get("mqtt")
        if not isinstance(mqtt, dict):
            raise ValueError("it must have an object mqtt, with host, port, username, password")
        texts = [(content, "api_url"), (content, "admin_key")]
        texts += [(mqtt, name) for name in ("host", "username", "password")]
        for source, name in texts:
            if not isinstance(source.get(name), str):
                raise ValueError(f"{name} is {source.get(name)!r}; it must be a text")
        port = mqtt.get("port")
        if not isinstance(port, int) or not 0 < port < 65_536:
            raise ValueError(f"port of mqtt is {port!r}; it must be a number from 1 to 65535")
        return cls(
            api_url=content["api_url"],
            admin_key=content["admin_key"],
            host=mqtt["host"],
            port=port,
            username=mqtt["username"],
            password=mqtt["password"],
            database_url=str(content.get("database_url") or ""),
            metrics_url=str(content.get("metrics_url") or ""),
        )
