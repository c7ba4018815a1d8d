# awsync without root and without a compiler: docs/container.md says how to run it.
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/awsync
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY awsync awsync
RUN pip --python /opt/awsync/bin/python install --compile -c constraints.txt .

FROM python:${PYTHON}
# The base brings its library uncompiled, and on a read-only root each start would compile it again.
RUN python -m compileall -q -x /site-packages/ /usr/local/lib/python3.*
COPY --from=build /opt/awsync /opt/awsync
RUN install -d /etc/awsync && install -d -m 700 -o 10001 -g 10001 /var/lib/awsync
ENV PATH=/opt/awsync/bin:$PATH \
    HOME=/var/lib/awsync \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AWSYNC_STATE_DIR=/var/lib/awsync \
    AWSYNC_METRICS_LISTEN=127.0.0.1:9877
USER 10001:10001
WORKDIR /etc/awsync
VOLUME /var/lib/awsync
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['AWSYNC_METRICS_LISTEN'].rpartition(':')[2] + '/-/healthy', timeout=4)"]
ENTRYPOINT ["awsync"]
CMD ["sync"]
