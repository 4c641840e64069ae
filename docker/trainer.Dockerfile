# Flows, training and evaluation; the repository is mounted or copied to /work.
#   docker build -f docker/trainer.Dockerfile -t edgeprint-trainer .
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
WORKDIR /work
COPY requirements requirements
COPY tools tools
COPY pyproject.toml README.md Makefile ./
COPY src src
COPY flows flows
RUN make setup
COPY dvc.yaml params.yaml ./
COPY .dvc .dvc
ENTRYPOINT [".venv/bin/edgeprint"]
CMD ["--help"]
