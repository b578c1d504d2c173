# syntax=docker/dockerfile:1

# One image per service: docker build --build-arg SERVICE=orders .
# The router's includes the storefront: docker build --build-arg SERVICE=router --target router .
# An image contains a static binary and root certificates; the router's also the supergraph and the storefront.
FROM golang:1.26 AS build
WORKDIR /src
COPY pkg pkg
COPY subgraphs subgraphs
COPY expiration expiration
COPY router router
COPY tools/go.mod tools/go.sum tools/
COPY tools/boxofficectl tools/boxofficectl
COPY tools/internal/consistency tools/internal/consistency
COPY schema/supergraph.graphql schema/
ARG SERVICE
ENV CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    mkdir -p /out/schema && \
    case "$SERVICE" in \
        auth|tickets|orders|payments|stripesim) module=subgraphs package=./$SERVICE ;; \
        expiration)          module=expiration package=. ;; \
        router)              module=router package=. && cp schema/supergraph.graphql /out/schema/ ;; \
        boxofficectl)        module=tools package=./boxofficectl ;; \
        *) echo "SERVICE is '$SERVICE', want auth, tickets, orders, payments, stripesim, expiration, router or boxofficectl" >&2; exit 1 ;; \
    esac && \
    go -C "$module" build -trimpath -ldflags=-s -o /out/service "$package"

FROM --platform=$BUILDPLATFORM node:22-slim AS storefront
WORKDIR /src
COPY storefront .
RUN --mount=type=cache,target=/root/.npm npm ci && npm run build -- --outDir /out/storefront/pages

FROM scratch AS image
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s CMD ["/service", "healthcheck"]
ENTRYPOINT ["/service"]

FROM image AS router
COPY --from=storefront /out/ /

FROM image
