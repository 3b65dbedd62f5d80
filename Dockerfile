# Evergreen and everything it runs on: Airflow, MLflow, Great Expectations. One image for all services.
FROM python:3.11.14-slim-bookworm

ARG UV_VERSION=0.13.9
ARG EVERGREEN_COMMIT=""

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VIRTUAL_ENV=/opt/venv \
    PATH=/opt/venv/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1

# The packages first: they change more seldom than the code.
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv "$VIRTUAL_ENV" \
    && pip install --no-cache-dir uv=="$UV_VERSION" \
    && uv pip install --no-cache --require-hashes -r /tmp/requirements.txt

WORKDIR /opt/evergreen
COPY pyproject.toml README.md LICENSE ./
COPY include include
RUN uv pip install --no-cache --no-deps -e .
COPY config config
COPY dags dags
COPY plugins plugins
COPY expectations expectations

# All state is in one volume; it takes over the owner of this folder.
RUN useradd --uid 50000 --user-group --no-create-home --home-dir /var/lib/evergreen evergreen \
    && install -d -o evergreen -g evergreen -m 0750 /var/lib/evergreen
ENV EVERGREEN_HOME=/var/lib/evergreen \
    EVERGREEN_COMMIT=$EVERGREEN_COMMIT
VOLUME /var/lib/evergreen
USER 50000:50000

CMD ["airflow", "version"]
