FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json rolldown.config.ts ./
COPY src ./src
RUN npm run types && npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The compiler is an optional peer of valibot, which npm keeps for that.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/typescript node_modules/@typescript

FROM node:24-slim
LABEL org.opencontainers.image.title="Validator Ejector" \
      org.opencontainers.image.description="Exits Lido validators when, and only when, the protocol asks for it on chain" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
# Messages at /messages too, for environments that say so. State for whichever user runs this.
RUN mkdir -p messages /data && chmod 1777 /data && ln -s /app/messages /messages
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
USER node
EXPOSE 8989
# Nothing to ask where the server or its health is switched off.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "const { HTTP_PORT, RUN_HEALTH_CHECK } = process.env; const port = HTTP_PORT?.trim().toLowerCase() || '8989'; if (/^(0+|false)$/.test(port) || /^false$/i.test(RUN_HEALTH_CHECK?.trim() ?? '')) process.exit(0); fetch('http://127.0.0.1:' + port + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# docker compose run --rm ejector check
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["run"]
