# The agent of a Raspberry Pi: numpy, LiteRT and tuf, nothing of the trainer.
#   docker buildx build --platform linux/arm64 -f docker/edge.Dockerfile -t edgeprint-edge .
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/edge.txt requirements/
RUN python -m venv /opt/edgeprint \
    && /opt/edgeprint/bin/pip install --no-cache-dir --require-hashes -r requirements/edge.txt
COPY pyproject.toml README.md ./
COPY src src
RUN /opt/edgeprint/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --user-group --uid 1000 --create-home edgeprint \
    && install --directory --owner edgeprint --group edgeprint /var/lib/edgeprint
COPY --from=build /opt/edgeprint /opt/edgeprint
USER edgeprint
VOLUME /var/lib/edgeprint
ENTRYPOINT ["/opt/edgeprint/bin/edgeprint"]
CMD ["agent", "--help"]
