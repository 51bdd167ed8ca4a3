# The image of logpipe: one static program on an empty base, run by a numeric user, with nothing else to keep up to date.
#
#   make image                        with docker, podman or buildah, whatever is there
#   docker buildx build --platform linux/amd64,linux/arm64 .
#
# Go compiles for the other processors itself, so no emulation is needed. The release puts in programs that were built before
# (BINARY=prebuilt): then the stage "build" is never touched, and the stage "image", which is all that is shipped, is the same.

# A tag can be moved. A build that must be the same tomorrow gives the digest that it trusts:
#   --build-arg GO_IMAGE=docker.io/library/golang@sha256:…
# Nothing of this image but the compiler's output and the CA bundle gets into what is shipped.
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
ARG BINARY=build

# The program from its source.
FROM --platform=${BUILDPLATFORM} ${GO_IMAGE} AS build
WORKDIR /src
ENV GOMODCACHE=/cache/modules GOCACHE=/cache/build
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN --mount=type=cache,target=/cache \
    GOOS="$TARGETOS" GOARCH="$TARGETARCH" deploy/image/compile /files/usr/bin/logpipe "$VERSION" && \
    mkdir -p /files/etc/ssl/certs && cp -L /etc/ssl/certs/ca-certificates.crt /files/etc/ssl/certs/

# The program from the build context: <os>/<arch>/logpipe, and the machine's CA bundle beside it.
FROM scratch AS prebuilt
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/logpipe /files/usr/bin/logpipe
COPY ca-certificates.crt /files/etc/ssl/certs/ca-certificates.crt

FROM ${BINARY} AS files

# What is shipped.
FROM scratch AS image
COPY deploy/image/passwd deploy/image/group /etc/
COPY --from=files /files /
# A new volume that is mounted here takes the folder's owner over, so that the user can write.
COPY --chown=65532:65532 deploy/image/state /var/lib/logpipe

# A number, so that Kubernetes can see by itself that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /var/lib/logpipe

# pipeline.hcl asks for it. Mount a volume there: the container's own layer ends with the container, and logpipe warns of it.
ENV FALLBACK_PATH=/var/lib/logpipe/failed.ndjson

# The process gets SIGTERM itself, as there is no shell, and drains. Give it longer than drain_timeout: docker run --stop-timeout 45.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/logpipe"]
CMD ["/etc/logpipe"]

# Asks /livez on 127.0.0.1:9600. OCI images have no such field: podman needs --format docker for it, Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/logpipe", "health"]

ARG VERSION=dev
ARG REVISION=
LABEL org.opencontainers.image.title="logpipe" \
      org.opencontainers.image.description="Moves logs from RabbitMQ to S3 in batches, and loses none" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/logpipe/logpipe" \
      org.opencontainers.image.documentation="https://github.com/logpipe/logpipe/blob/main/README.md" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
