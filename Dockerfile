# Built once with everything, run with what production needs, as an ordinary user.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without scripts: the one of ours would build before there are sources, and none of the dependencies' is needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 WECONNECT_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
COPY drizzle ./drizzle
COPY examples ./examples
COPY interface ./interface
RUN install --directory --mode=700 --owner=node --group=node /data /data/files
USER node
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
# A separate worker answers where WECONNECT_WORKER_PORT says, and must be given one to be called healthy.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${Number(process.env.WECONNECT_WORKER_PORT) || process.env.PORT}/healthz`).then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# API and worker in one process, on the embedded database; `dist/server.js` and `dist/worker.js` are the halves.
CMD ["node", "dist/main.js"]
