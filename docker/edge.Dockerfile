# The agent of a Raspberry Pi: numpy, LiteRT and tuf, nothing of the trainer. Every command runs on the builder's own
# processor, and the target's files are only copied: an arm64 image needs no emulation.
#   docker buildx build --platform linux/arm64 -f docker/edge.Dockerfile -t edgeprint-edge .
# Run it with --cap-drop ALL --cap-add NET_RAW --read-only; docker/edge.compose.yaml does.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS target

FROM --platform=$BUILDPLATFORM ${BASE} AS build
ARG TARGETARCH
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV SITE=/opt/edgeprint/lib/python3.11/site-packages \
    PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements/build.txt requirements/edge.txt requirements/
RUN case "$TARGETARCH" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; \
        *) echo "LiteRT has no wheel for $TARGETARCH: build for linux/amd64 or linux/arm64" >&2; exit 1 ;; esac; \
    pip install --no-compile --require-hashes --only-binary=:all: --target "/locked$SITE" -r requirements/edge.txt \
        --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
        --platform "manylinux2014_$machine" --platform "manylinux_2_17_$machine" \
        --platform "manylinux_2_27_$machine" --platform "manylinux_2_28_$machine"
# Left out: what LiteRT compiles models for accelerators with, what numpy builds extensions with, and tests.
# Bytecode makes the agent start three times faster, and cannot be written to a read-only root. Every file is dated
# alike, so that layers depend on what is in them, not on the day: a Pi pulls only those that changed.
WORKDIR /locked$SITE
RUN rm -rf bin ai_edge_litert/aot ai_edge_litert/tools ai_edge_litert/vendors ai_edge_litert/libLiteRtWebGpuAccelerator.so \
        numpy/distutils numpy/f2py numpy/_core/include numpy/_core/_simd.*.so numpy/random/lib \
        securesystemslib/_vendor/*/test_data; \
    find . -type d -name tests -prune -exec rm -rf {} +; \
    python -m compileall -q -s /locked -x pygments/lexers --invalidation-mode unchecked-hash /locked; \
    find /locked -exec touch -h -d @0 {} +
WORKDIR /build
COPY pyproject.toml README.md ./
COPY src src
RUN python -m venv tools; \
    tools/bin/pip install --require-hashes -r requirements/build.txt; \
    tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheel .; \
    pip install --no-compile --no-deps --target "/own$SITE" wheel/*.whl; \
    rm -rf "/own$SITE/bin"; \
    python -m compileall -q -s /own --invalidation-mode unchecked-hash /own; \
    find /own -exec touch -h -d @0 {} +
COPY --from=target / /target
COPY --from=target /usr/local/bin/python /target/opt/edgeprint/bin/python
COPY docker/edgeprint docker/healthy /target/opt/edgeprint/bin/
COPY docker/trim.sh ./
# The interpreter may open packet sockets: in Docker, a capability of the file is the one way to it for an ordinary
# user. The attribute is that of `setcap cap_net_raw+ep`; with NET_RAW dropped, the kernel does not start the file.
RUN sh trim.sh /target; \
    echo edgeprint:x:1000: >> /target/etc/group; \
    echo edgeprint:x:1000:1000::/var/lib/edgeprint:/usr/sbin/nologin >> /target/etc/passwd; \
    install -d -o 1000 -g 1000 /target/var/lib/edgeprint; \
    python -c 'import sys; print("home =", sys.base_prefix + "/bin")' > /target/opt/edgeprint/pyvenv.cfg; \
    find /target -xdev -exec touch -h -d @0 {} +
WORKDIR /target/opt/edgeprint/bin
RUN python -c 'import os; os.setxattr("python", "security.capability", bytes([1, 0, 0, 2, 0, 32]) + bytes(14))'

FROM scratch
COPY --from=build /target /
COPY --from=build /locked /
COPY --from=build /own /
ENV PATH=/opt/edgeprint/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 HEALTH_PORT=8080
USER 1000:1000
VOLUME /var/lib/edgeprint
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["healthy"]
ENTRYPOINT ["edgeprint"]
CMD ["agent", "--help"]
