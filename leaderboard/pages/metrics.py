"""`/metrics`: the site's numbers in Prometheus' format, for whoever has the token that the operator set."""

import hmac
import os

from django.conf import settings as site
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from leaderboard.queries.metrics import Site


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What this site's web processes counted together, and what its database says now. 404 without the token."""
    wanted, given = f"Bearer {site.METRICS_TOKEN}", request.headers.get("Authorization", "")
    if not site.METRICS_TOKEN or not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Site())
    counted = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)
    text = generate_latest(counted) + generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
