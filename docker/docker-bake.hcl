# All images:  docker buildx bake -f docker/docker-bake.hcl            (from the root of the repository)
# One:         TAG=1.4.0 docker buildx bake -f docker/docker-bake.hcl edge-arm64
# `make images` builds the agent's and writes down what they are; docs/containers.md.
variable "REGISTRY" { default = "" } # with its slash: registry.example/edgeprint/
variable "TAG" { default = "dev" }
variable "BASE" { default = "python:3.11-slim-bookworm" } # may name a digest too: ...@sha256:...

group "default" { targets = ["edge", "trainer", "mlflow"] }
group "servers" { targets = ["trainer", "mlflow"] }

# Both processors under one name needs a builder of the driver docker-container or the containerd image store, and
# --push; edge-amd64 and edge-arm64 go with every engine.
target "edge" {
  dockerfile = "docker/edge.Dockerfile"
  args       = { BASE = BASE }
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${REGISTRY}edgeprint-edge:${TAG}"]
}

target "edge-amd64" {
  inherits  = ["edge"]
  platforms = ["linux/amd64"]
  tags      = ["${REGISTRY}edgeprint-edge:${TAG}-amd64"]
}

target "edge-arm64" {
  inherits  = ["edge"]
  platforms = ["linux/arm64"]
  tags      = ["${REGISTRY}edgeprint-edge:${TAG}-arm64"]
}

target "trainer" {
  dockerfile = "docker/trainer.Dockerfile"
  tags       = ["${REGISTRY}edgeprint-trainer:${TAG}"]
}

target "mlflow" {
  dockerfile = "docker/mlflow.Dockerfile"
  tags       = ["${REGISTRY}edgeprint-mlflow:${TAG}"]
}
