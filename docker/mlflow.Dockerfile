# The tracking server and model registry; its settings are mlflow/server.env and mlflow/roles.ini.
#   docker build -f docker/mlflow.Dockerfile -t edgeprint-mlflow .
FROM python:3.11-slim-bookworm
COPY requirements/mlflow.txt /requirements/
RUN pip install --no-cache-dir --require-hashes -r /requirements/mlflow.txt \
    && useradd --system --uid 1000 --create-home mlflow
USER 1000
EXPOSE 5000
CMD ["mlflow", "server", "--app-name", "basic-auth"]
