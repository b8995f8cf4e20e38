# docker build --tag headrace .    docs/install.md says how to run it, docs/decisions/image.md why it is as it is.

FROM debian:trixie-slim AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Debian's newest: an image is built again for its fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

COPY ops/docker/root ops/docker/prune ./
RUN ./root /image

# What it needs changes seldom, so these layers are kept when only the source has changed.
COPY pyproject.toml ./
RUN python3 -m venv pip \
    && python3 -m venv --without-pip /opt/headrace \
    && python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' >needs \
    && pip/bin/pip --python /opt/headrace/bin/python install --no-cache-dir --no-compile --requirement needs \
    && ./prune /opt/headrace
COPY README.md LICENSE ./
COPY src src
RUN pip/bin/pip --python /opt/headrace/bin/python install --no-cache-dir --no-compile --no-deps .

FROM scratch
COPY --from=build /image /
COPY --from=build /opt/headrace /opt/headrace
ENV PATH=/opt/headrace/bin:/usr/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    HEADRACE_DATA_DIR=/var/lib/headrace \
    HEADRACE_HOST=0.0.0.0
RUN ["headrace", "compile", "--target", "portable"]
# All of it can be loaded without what was left out, and is there as bytecode: nobody can write that later.
# hadolint ignore=DL3059
RUN ["python", "-c", "import pkgutil, headrace; [__import__(m.name) for m in pkgutil.walk_packages(headrace.__path__, 'headrace.') if m.name != 'headrace.__main__']"]

LABEL org.opencontainers.image.title="headrace" \
    org.opencontainers.image.description="A durable time-series server that OpenTSDB, Alibaba TSDB, KairosDB, Apollo and DataZone writers talk to unchanged" \
    org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
WORKDIR /var/lib/headrace
VOLUME ["/var/lib/headrace"]
EXPOSE 4242
STOPSIGNAL SIGTERM
# The first start of an old database reads its journal.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5m --retries=3 CMD ["headrace", "health"]
ENTRYPOINT ["headrace"]
CMD ["serve"]
