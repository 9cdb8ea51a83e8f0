# A release pins both images by digest (.ci/base-images).
ARG BUN_IMAGE=docker.io/oven/bun:1.4.5
ARG DEBIAN_IMAGE=docker.io/library/debian:12-slim

FROM ${BUN_IMAGE} AS bun

# Not on Bun's own image: which Debian that one has is not ours to say, and the core must not be linked with a newer
# glibc than the one it will run on.
FROM ${DEBIAN_IMAGE} AS build
# What is compiled into the executable is seen here alone: packages of npm, and Debian's libraries linked in.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
# Where a proxy re-signs TLS: the path of its CA certificate, mounted into the build.
ARG NODE_EXTRA_CA_CERTS
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates libsasl2-modules-gssapi-mit
COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun
WORKDIR /sidepost
# What changes rarely and takes minutes comes first: packages, librdkafka, the core.
COPY package.json bun.lock bunfig.toml ./
COPY src/native src/native
RUN bun run setup && bun src/native/image-root.ts /image-root
COPY tsconfig.json ./
COPY src src
RUN bun run build
# The executable unpacks the core into the temporary folder when it finds none there of its own user. With it in the
# image a start writes nothing, so the root filesystem may be read-only.
RUN mkdir --mode=1777 /unpacked \
  && TMPDIR=/unpacked setpriv --reuid=65532 --regid=65532 --clear-groups dist/sidepost help \
  && mkdir /spool

# Made of Debian's packages, without a shell or a package manager: see src/native/image-root.ts.
FROM scratch
ARG DEBIAN_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sidepost" \
      org.opencontainers.image.description="A Kafka sidecar: post events to localhost in any language, and know where each one is" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${DEBIAN_IMAGE}"
COPY --from=build /image-root/ /
COPY --from=build --chown=65532:65532 /unpacked/.bun-* /tmp/
# The owner that a new volume for SPOOL_DIR takes over.
COPY --from=build --chown=65532:65532 /spool /var/lib/sidepost
COPY --from=build /sidepost/dist/sidepost /usr/local/bin/
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/usr/local/bin/sidepost", "ready"]
ENTRYPOINT ["/usr/local/bin/sidepost"]
