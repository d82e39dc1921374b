# Both binaries, and nothing else that could run.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ENV CGO_ENABLED=0 GOCACHE=/var/cache/go-build
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/var/cache/go-build \
    go build -trimpath -ldflags "-s -w -X tenure/internal/version.Version=${VERSION}" -o /out/tenure-worker ./worker && \
    go build -trimpath -ldflags "-s -w -X tenure/internal/version.Version=${VERSION}" -o /out/tenure ./starter && \
    mkdir /out/home

# scratch rather than distroless: distroless tags move, and all that we need of
# it are the certificate authorities.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/tenure-worker /out/tenure /usr/local/bin/
COPY --from=build /src/examples/catalog.yaml /usr/local/share/tenure/
# The working directory is writable: without TENURE_STORE the worker keeps its
# SQLite file below it.
COPY --from=build --chown=65532:65532 /out/home /var/lib/tenure
ENV PATH=/usr/local/bin HOME=/var/lib/tenure
WORKDIR /var/lib/tenure
USER 65532:65532
ENTRYPOINT ["tenure-worker"]
