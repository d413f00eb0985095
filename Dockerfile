# nnquestion as a container. docs/deploy.md says how to run it; compose.yaml does.

FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/nnquestion \
    && /opt/nnquestion/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY data data/
COPY bot bot/
# What builds the package is pinned in the lock, too, and does not come along.
RUN /opt/nnquestion/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation . \
    && /opt/nnquestion/bin/pip uninstall --yes editables hatchling pathspec setuptools tomlkit trove-classifiers

FROM python:3.11-slim AS base
# Fonts for names that matplotlib's own cannot show: --build-arg FONTS="fonts-noto-core fonts-noto-cjk"
ARG FONTS=""
RUN if [ -n "$FONTS" ]; then \
        apt-get update && apt-get install --yes --no-install-recommends $FONTS && rm -rf /var/lib/apt/lists/*; \
    fi
# Some hosts start the Procfile's line without a shell; then `exec` has to be a program.
RUN useradd --system --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin nnquestion \
    && install --directory --owner nnquestion --group nnquestion --mode 0700 /data \
    && ln -s /usr/bin/env /usr/local/bin/exec
COPY --from=build /opt/nnquestion /opt/nnquestion
ENV PATH=/opt/nnquestion/bin:$PATH \
    HOME=/data \
    NNQUESTION_DATABASE=/data/nnquestion.db \
    NNQUESTION_WEB=0.0.0.0:8080
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
# http.client, since urllib would ask a proxy that the environment names.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=8); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["nnquestion", "run"]

# For hosts that mount a volume as root's and let nobody choose the user, such as Fly: it is handed over at the start.
FROM base AS hands-over
ENTRYPOINT ["sh", "-c", "chown nnquestion:nnquestion /data && exec setpriv --reuid=nnquestion --regid=nnquestion --init-groups --no-new-privs -- \"$@\"", "sh"]
CMD ["nnquestion", "run"]

FROM base
USER 10001:10001
