# The image is built from the checkout: docker build -t portcullis .
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/portcullis
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY assets assets
COPY bin/portcullis bin/portcullis
USER 65532:65532
EXPOSE 6432 8432
STOPSIGNAL SIGTERM
# The program is the first process: signals reach it, and it ends its workers.
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve", "--config", "/etc/portcullis/portcullis.yaml"]
