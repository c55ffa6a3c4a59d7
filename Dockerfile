# The command line of pds-blobstore, built from this folder: docker build --tag pds-blobstore .
# `npm run check:package -- image` follows these steps without docker.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund
RUN npm run build
RUN mkdir /packed && npm pack --ignore-scripts --pack-destination /packed

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /packed /packed
RUN npm install --ignore-scripts --no-audit --no-fund /packed/*.tgz @aws-sdk/client-s3@3 pg@8
ENV NODE_ENV=production PATH=/app/node_modules/.bin:$PATH
USER node
WORKDIR /data
ENTRYPOINT ["pds-blobstore"]
CMD ["--help"]
