# ci-ops itself, for runners and laptops without Python:
#   docker run --rm --volume "$PWD:/workspace" ci-ops verify --url https://shop.example.com

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY actions/locks actions/locks
RUN python -m venv --without-pip /opt/ci-ops \
    && python -m pip --python /opt/ci-ops/bin/python install --no-cache-dir --no-deps --require-hashes \
        -r actions/locks/core.txt -r actions/locks/github.txt
COPY pyproject.toml README.md LICENSE ./
COPY ci_ops ci_ops
COPY templates templates
RUN python -m pip --python /opt/ci-ops/bin/python install --no-cache-dir '.[cli,github]'

FROM python:3.13-slim-bookworm
# git is what readiness asks about the state of a checkout; the workspace belongs to the user of the host
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system safe.directory /workspace \
    && useradd --create-home --uid 10001 ci-ops
COPY --from=build /opt/ci-ops /opt/ci-ops
USER 10001:10001
WORKDIR /workspace
ENTRYPOINT ["/opt/ci-ops/bin/ci-ops"]
CMD ["--help"]
