# One image; the command picks the part: `jishi ingest`, `jishi api`, `jishi migrate`, …
FROM python:3.13-slim-bookworm AS build
WORKDIR /opt/jishi
RUN python -m venv .venv
COPY requirements.lock pyproject.toml ./
RUN .venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY . .
RUN sh scripts/install

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /opt/jishi --shell /usr/sbin/nologin jishi
COPY --from=build --chown=root:root /opt/jishi /opt/jishi
WORKDIR /opt/jishi
ENV PATH=/opt/jishi/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER jishi
EXPOSE 8080 9464
ENTRYPOINT ["jishi"]
CMD ["--help"]
