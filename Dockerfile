# docker build -t rogi . && docker run --rm -v "$PWD:/data" rogi validate inventory.gpkg
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE rogi_toolkit.py ./
COPY rogi rogi
COPY schemas schemas
COPY releases releases
ARG EXTRAS=attributes,figures
RUN python -m venv /opt/rogi && \
    /opt/rogi/bin/pip install --no-cache-dir --disable-pip-version-check ".[${EXTRAS}]"

FROM python:3.12-slim
LABEL org.opencontainers.image.title="rogi" \
      org.opencontainers.image.description="Toolkit for rock glacier inventories" \
      org.opencontainers.image.licenses="BSD-3-Clause"
RUN apt-get update && apt-get install -y --no-install-recommends libexpat1 && rm -rf /var/lib/apt/lists/* && \
    useradd --create-home --uid 1000 rogi && mkdir /data && chown rogi /data
COPY --from=build /opt/rogi /opt/rogi
ENV PATH=/opt/rogi/bin:$PATH ROGI_CACHE=/tmp/rogi NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER rogi
WORKDIR /data
ENTRYPOINT ["rogi"]
CMD ["--help"]
