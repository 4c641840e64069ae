# Flows, training and evaluation; workspaces are mounted at /work/workspaces.
#   docker build -f docker/trainer.Dockerfile -t edgeprint-trainer .
FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends git make && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1000 --create-home edgeprint
WORKDIR /work
COPY requirements requirements
COPY tools tools
COPY pyproject.toml README.md Makefile ./
COPY src src
COPY flows flows
RUN make setup && install -d -o edgeprint workspaces
COPY dvc.yaml params.yaml prefect.yaml ./
COPY .dvc .dvc
USER 1000
ENTRYPOINT [".venv/bin/edgeprint"]
CMD ["--help"]
