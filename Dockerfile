# One image; the command picks the part: `jishi ingest`, `jishi api`, `jishi migrate`, …
# What goes into it is what .dockerignore names, and what the run-time lock names.
FROM python:3.13-slim-bookworm AS build
WORKDIR /opt/jishi
COPY requirements-run.lock ./
COPY scripts/install scripts/
RUN PIP_NO_CACHE_DIR=1 sh scripts/install requirements-run.lock
RUN .venv/bin/python -m pip uninstall --quiet --yes pip
COPY . .
# Nobody may write there later: what Python would compile anew at each start is compiled now.
RUN .venv/bin/python -m compileall -q -j 0 -x '/\.venv/' .

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /opt/jishi --shell /usr/sbin/nologin jishi && install -d -o jishi /deliveries
COPY --from=build --chown=root:root /opt/jishi /opt/jishi
WORKDIR /opt/jishi
ENV PATH=/opt/jishi/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER jishi
EXPOSE 8080 9464
ENTRYPOINT ["jishi"]
CMD ["--help"]
