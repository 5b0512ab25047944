# Fleetwatt: agent, collector and simulator in one image; the command chooses.
#
#   docker build -t fleetwatt .
#   docker run --rm fleetwatt collector --help
#
# BASE may be any image with node, npm and glibc. Where its node is 20, SQLite is compiled here.
ARG BASE=docker.io/library/node:24-bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
	&& apt-get install -y --no-install-recommends python3 make g++ \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The official image keeps node's headers here.
ENV npm_package_config_node_gyp_nodedir=/usr/local
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run --silent build && npm prune --omit=dev

FROM ${BASE}
ENV NODE_ENV=production
WORKDIR /opt/fleetwatt
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# Owned by the user that runs, so that a new volume is too.
RUN mkdir -p /data /secrets && chown node:node /data /secrets && chmod 700 /secrets
USER node
VOLUME /data
EXPOSE 9480 9481 9482
# The collector's port; an agent says its own, 9482, where it is run.
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
	CMD ["node", "-e", "fetch('http://127.0.0.1:9480/-/healthy').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/fleetwatt/dist/cli.js"]
CMD ["--help"]
