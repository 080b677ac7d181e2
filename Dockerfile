# One image for both roles: `api` (default) and `worker`, and for the jobs (`migrate`, `rotate-keys`).
# Debian, because the native module of the Temporal SDK needs glibc. Pinned: a build today and one next month are the same.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# Builds with everything that building takes.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY workflows ./workflows
COPY activities ./activities
COPY worker ./worker
COPY api ./api
RUN npm run build

# The packages that run. The optional ones are the embedded PostgreSQL and the binaries of bundlers: nothing of them is
# needed where both servers are elsewhere and everything is built. Of the SDK's native modules this machine's one stays.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
       ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Baton" \
      org.opencontainers.image.description="Durable human handoff for AI agents" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 BATON_WORKER_PORT=8081
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# The user `node` of the base image, by number, so that Kubernetes can see that it is not root. Nothing is written.
USER 1000:1000
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "dist/worker/health.js"]
ENTRYPOINT ["node", "dist/worker/main.js"]
CMD ["api"]
