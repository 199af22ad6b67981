# The command line, with worker, gateway, codec server and simulator, in one image: `worker` unless told otherwise.

FROM node:20.20.2-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
RUN npm run build \
  && mkdir state

FROM node:20.20.2-bookworm AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Temporal's core ships a native library for five platforms, some 40 MB each: only this machine's is of use.
# The part that runs workers is an optional peer of the package; its versions are those of the lock file.
RUN npm ci --omit=dev \
  && npm install --save-prod --omit=dev "@temporalio/worker@$(node -p "require('./package.json').peerDependencies['@temporalio/worker']")" \
  && case "$(uname -m)" in x86_64) keep=x86_64-unknown-linux-gnu ;; aarch64) keep=aarch64-unknown-linux-gnu ;; *) exit 1 ;; esac \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$keep" -exec rm -r {} + \
  && rm -r node_modules/@temporalio/core-bridge/sdk-core

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production \
  RUNCOMFY_STATE_DIR=/var/lib/runcomfy-temporal
# The slim image has no root certificates, and Temporal's core reads the system's.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=1000:1000 /app/state /var/lib/runcomfy-temporal
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY bin bin
# The user `node` of the base image, as a number: Kubernetes' runAsNonRoot cannot look a name up.
USER 1000:1000
ENTRYPOINT ["node", "bin/runcomfy-temporal"]
CMD ["worker"]
