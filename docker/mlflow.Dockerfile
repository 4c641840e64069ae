# The tracking server and model registry; its settings are mlflow/server.env.
#   docker build -f docker/mlflow.Dockerfile -t edgeprint-mlflow .
FROM python:3.11-slim-bookworm
COPY requirements/mlflow.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/mlflow.txt \
    && useradd --system --uid 1000 --create-home mlflow && install -d -o mlflow /var/lib/mlflow
USER mlflow
EXPOSE 5000
CMD ["mlflow", "server"]
