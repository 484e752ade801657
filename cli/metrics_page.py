"""`/metrics` of a command that runs on: where Prometheus asks it."""

from prometheus_client import CollectorRegistry, start_http_server

from cli.connection import fail


def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> str:
    """Answers from a thread of its own, to the end of the process; port 0 takes a free one.

    Returns:
        The address of the page.

    Raises:
        typer.Exit: It cannot listen there; why was said.
    """
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise fail(
            f"/metrics cannot listen on {host}:{port}: {error.strerror};"
            " choose another --metrics-port"
        ) from None
    return f"http://{host}:{server.server_port}/metrics"
