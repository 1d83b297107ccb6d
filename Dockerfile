# docker build -t portcullis . (docs/deployment.md). Nothing is in the image but Node, the libraries that it loads, and
# Portcullis: no shell, no package manager.
#
# A tag can be moved: for a build that is the same tomorrow, put the digest behind it (image:tag@sha256:...), here or by
# --build-arg.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} NPM_CONFIG_UPDATE_NOTIFIER=false
WORKDIR /build
COPY package.json package-lock.json ./
# What packages would run when they are installed is not run.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc --project tsconfig.build.json
COPY tools/sbom.ts tools/sbom.ts
RUN node tools/sbom.ts > sbom.cdx.json
# The keyring is for people's own machines.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY assets assets
COPY deploy/image/portcullis deploy/image/passwd deploy/image/group ./
COPY deploy/image/collect.sh ./
RUN sh collect.sh /image

FROM scratch
ARG SOURCE_DATE_EPOCH=0
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Portcullis" \
      org.opencontainers.image.description="The single-sign-on gate for PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
ENV NODE_ENV=production PATH=/usr/local/bin
# Numeric, so that Kubernetes can tell that it is not root.
USER 65532:65532
WORKDIR /opt/portcullis
EXPOSE 6432 8432
# Drains; a second one ends at once.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/usr/local/bin/portcullis", "healthcheck", "--config", "/etc/portcullis/portcullis.yaml"]
# The program is the first process: signals reach it, and it ends its workers.
ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["serve", "--config", "/etc/portcullis/portcullis.yaml"]
