# Evergreen and everything it runs on: Airflow, MLflow, Great Expectations. One image for all services.
# `make image` builds it, and tells how large it is.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

FROM ${BASE_IMAGE} AS packages

ARG UV_VERSION=0.13.9
ENV VIRTUAL_ENV=/opt/venv \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_SYSTEM_CERTS=1
COPY requirements.txt config/slim.sh /tmp/
RUN pip install --no-cache-dir uv=="$UV_VERSION" \
    && python -m venv --without-pip "$VIRTUAL_ENV" \
    && uv pip install --quiet --no-cache --require-hashes -r /tmp/requirements.txt \
    && sh /tmp/slim.sh "$VIRTUAL_ENV"/lib/python3.*/site-packages

# Our code, compiled (no process of a container may do that for the next), and what makes it known: the
# command `evergreen`, the plugin of Airflow, where the code lies.
FROM ${BASE_IMAGE} AS code

ARG UV_VERSION=0.13.9
ENV VIRTUAL_ENV=/opt/venv \
    UV_SYSTEM_CERTS=1
RUN pip install --no-cache-dir uv=="$UV_VERSION" && python -m venv --without-pip "$VIRTUAL_ENV"
WORKDIR /opt/evergreen
COPY pyproject.toml README.md LICENSE ./
COPY include include
RUN python -m compileall -q --invalidation-mode checked-hash include \
    && uv pip install --quiet --no-cache --no-deps -e . \
    && mkdir /opt/ours \
    && cp -r --parents "$VIRTUAL_ENV"/bin/evergreen "$VIRTUAL_ENV"/lib/python3.*/site-packages/evergreen* \
       /opt/ours

FROM ${BASE_IMAGE}

ARG EVERGREEN_COMMIT=""
LABEL org.opencontainers.image.title="Evergreen" \
      org.opencontainers.image.description="Keeps tabular models fresh on Apache Airflow, and tells why." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$EVERGREEN_COMMIT" \
      org.opencontainers.image.licenses="Apache-2.0"

# What LightGBM asks of the system; scikit-learn and XGBoost bring their own.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# All state is in one volume; it takes over the owner of this folder. The probes of Airflow's chart are
# commands of /entrypoint, which the images of Airflow have.
RUN useradd --uid 50000 --user-group --no-create-home --home-dir /var/lib/evergreen evergreen \
    && install -d -o evergreen -g evergreen -m 0750 /var/lib/evergreen \
    && ln -s /usr/bin/env /entrypoint

# The packages first: they change more seldom than the code.
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /opt/ours /
WORKDIR /opt/evergreen
COPY pyproject.toml README.md LICENSE ./
COPY --from=code /opt/evergreen/include include
COPY config config
COPY dags dags
COPY plugins plugins
COPY expectations expectations

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH \
    EVERGREEN_HOME=/var/lib/evergreen \
    EVERGREEN_COMMIT=$EVERGREEN_COMMIT
VOLUME /var/lib/evergreen
USER 50000:50000

CMD ["airflow", "version"]
