"""Every route of the site."""

from django.contrib.auth import views as auth
from django.urls import path

from leaderboard.api import board as api_board
from leaderboard.api import bulk, catalogue, exchange, facets, public, results, schema, worker, workers
from leaderboard.api import claims as api_claims
from leaderboard.api import compare as api_compare
from leaderboard.api import endpoints as api_endpoints
from leaderboard.api import gap as api_gap
from leaderboard.api import models as api_models
from leaderboard.api import notices as api_notices
from leaderboard.api import suites as api_suites
from leaderboard.api import tco as api_tco
from leaderboard.api import workloads as api_workloads
from leaderboard.pages import (
    board,
    claims,
    compare,
    contact,
    downloads,
    drift,
    embed,
    gap,
    models,
    notices,
    queue,
    samples,
    status,
    submissions,
    submit,
    submit_endpoint,
    suites,
    tasks,
    tco,
)

urlpatterns = [
    # Pages
    path("", board.board, name="board"),
    path("board.csv", downloads.download, {"kind": "csv"}, name="board-csv"),
    path("board.json", downloads.download, {"kind": "json"}, name="board-json"),
    path("board.parquet", downloads.download, {"kind": "parquet"}, name="board-parquet"),
    path("embed", embed.embed, name="board-embed"),
    path("badge/<str:slug>/<str:name>.svg", embed.badge, name="badge-alone"),
    path("badge/<str:slug>/<str:organisation>/<str:name>.svg", embed.badge, name="badge"),
    path("submit", submit.submit, name="submit"),
    path("submit/endpoint", submit_endpoint.submit_endpoint, name="submit-endpoint"),
    path("queue", queue.queue, name="queue"),
    path("status", status.status, name="status"),
    path("submissions/<int:pk>", submissions.submission, name="submission"),
    path("submissions/<int:pk>/samples/<path:task>", samples.samples, name="samples"),
    path("submissions/<int:pk>/cancel", submissions.cancel, name="cancel"),
    path("submissions/<int:pk>/retry", submissions.retry, name="retry"),
    path("submissions/<int:pk>/resume", submissions.resume, name="resume"),
    path("models/", models.models, name="models"),
    path("models/history.csv", models.history, name="model-history"),
    path("models/scores.csv", models.scores, name="model-scores"),
    path("models/<str:name>", models.model, name="model-alone"),
    path("models/<str:organisation>/<str:name>", models.model, name="model"),
    path("suites/", suites.suites, name="suites"),
    path("suites/<str:suite>/<str:version>", suites.suite, name="suite"),
    path("suites/<str:suite>/<str:version>/scores.csv", suites.scores, name="suite-scores"),
    path("suites/<str:suite>/<str:version>/sizes.csv", suites.sizes, name="suite-sizes"),
    path("tasks/<path:task>/items.csv", tasks.items, name="task-items"),
    path("tasks/<path:task>", tasks.task, name="task"),
    path("endpoints/<int:pk>/drift", drift.drift, name="drift"),
    path("endpoints/<int:pk>/drift.csv", drift.drift_csv, name="drift-csv"),
    path("compare", compare.compare, name="compare"),
    path("compare.csv", compare.compare_csv, name="compare-csv"),
    path("diff/<str:first>/<str:second>", compare.diff, name="diff"),
    path("gap", gap.gap_page, name="gap"),
    path("gap.csv", gap.gap_csv, name="gap-csv"),
    path("claims", claims.claims, name="claims"),
    path("tco", tco.tco, name="tco"),
    path("tco.csv", tco.tco_csv, name="tco-csv"),
    path("settings/notices", notices.notices, name="notices"),
    path("settings/notices/mail", notices.choose, name="notices-mail"),
    path("settings/notices/webhooks/<int:pk>/disable", notices.disable, name="webhook-disable"),
    path("settings/notices/deliveries/<int:pk>/again", notices.again, name="delivery-again"),
    path(".well-known/security.txt", contact.security_txt, name="security-txt"),
    path("login", auth.LoginView.as_view(template_name="login.html", redirect_authenticated_user=True), name="login"),
    path("logout", auth.LogoutView.as_view(), name="logout"),
    # Public API
    path("api/v1/submissions/", public.SubmissionList.as_view(), name="api-submissions"),
    path("api/v1/submissions/bulk/", bulk.Bulk.as_view(), name="api-bulk"),
    path("api/v1/submissions/<int:pk>/", public.SubmissionDetail.as_view(), name="api-submission"),
    path("api/v1/submissions/<int:pk>/cancel/", public.SubmissionCancel.as_view(), name="api-cancel"),
    path("api/v1/submissions/<int:pk>/retry/", public.SubmissionRetry.as_view(), name="api-retry"),
    path("api/v1/submissions/<int:pk>/resume/", public.SubmissionResume.as_view(), name="api-resume"),
    path("api/v1/quota/", public.Quota.as_view(), name="api-quota"),
    path("api/v1/submissions/<int:pk>/samples/", public.SubmissionSamples.as_view(), name="api-samples"),
    path("api/v1/submissions/<int:pk>/items/", results.Items.as_view(), name="api-items"),
    path("api/v1/submissions/<int:pk>/lm-eval.zip", exchange.LmEvalFiles.as_view(), name="api-lm-eval"),
    path("api/v1/submissions/<int:pk>/report.json", exchange.Report.as_view(), name="api-report"),
    path("api/v1/submissions/<int:pk>/eval-results.yaml", exchange.EvalResults.as_view(), name="api-eval-results"),
    path("api/v1/results/", results.Results.as_view(), name="api-results"),
    path("api/v1/leaderboard/", api_board.Leaderboard.as_view(), name="api-leaderboard"),
    path("api/v1/leaderboard/facets/", facets.Facets.as_view(), name="api-facets"),
    path("api/v1/compare/", api_compare.Compare.as_view(), name="api-compare"),
    path("api/v1/diff/<str:first>/<str:second>/", api_compare.Diff.as_view(), name="api-diff"),
    path("api/v1/workloads/", api_workloads.Workloads.as_view(), name="api-workloads"),
    path("api/v1/workloads/<int:pk>/", api_workloads.WorkloadDetail.as_view(), name="api-workload"),
    path("api/v1/claims/", api_claims.Claims.as_view(), name="api-claims"),
    path("api/v1/gap/", api_gap.TheGap.as_view(), name="api-gap"),
    path("api/v1/tco/", api_tco.TotalCost.as_view(), name="api-tco"),
    path("api/v1/models/", catalogue.Models.as_view(), name="api-models"),
    path("api/v1/models/<path:name>/", api_models.ModelDetail.as_view(), name="api-model"),
    path("api/v1/revisions/", catalogue.Revisions.as_view(), name="api-revisions"),
    path("api/v1/changelog/", catalogue.Changelog.as_view(), name="api-changelog"),
    path("api/v1/workers/", workers.Workers.as_view(), name="api-workers"),
    path("api/v1/suites/", catalogue.Suites.as_view(), name="api-suites"),
    path("api/v1/suites/<str:slug>/", api_suites.Suite.as_view(), name="api-suite"),
    path("api/v1/suites/<str:slug>/sizes/", api_suites.Sizes.as_view(), name="api-sizes"),
    path("api/v1/tasks/", api_suites.Tasks.as_view(), name="api-tasks"),
    path("api/v1/tasks/<path:task>/", api_suites.Task.as_view(), name="api-task"),
    path("api/v1/endpoints/<int:pk>/drift/", api_endpoints.EndpointDrift.as_view(), name="api-drift"),
    path("api/v1/reliability/", api_endpoints.Reliability.as_view(), name="api-reliability"),
    path("api/v1/webhooks/", api_notices.Webhooks.as_view(), name="api-webhooks"),
    path("api/v1/webhooks/<int:pk>/", api_notices.WebhookDetail.as_view(), name="api-webhook"),
    path("api/v1/deliveries/", api_notices.Deliveries.as_view(), name="api-deliveries"),
    path("api/v1/deliveries/<int:pk>/redeliver/", api_notices.DeliveryAgain.as_view(), name="api-redeliver"),
    path("api/v1/status/", public.Status.as_view(), name="api-status"),
    path("api/schema/", schema.Schema.as_view(), name="api-schema"),
    path("api/docs", schema.Docs.as_view(), name="api-docs"),
    # Worker API: the contract's version is part of the path
    path("api/worker/v1/claims/", worker.claim, name="worker-claim"),
    path("api/worker/v1/hello/", worker.hello, name="worker-hello"),
    path("api/worker/v1/bundles/<str:digest>/", worker.bundle, name="worker-bundle"),
    path("api/worker/v1/jobs/<int:job>/heartbeat/", worker.heartbeat, name="worker-heartbeat"),
    path(
        "api/worker/v1/jobs/<int:job>/attempts/<int:attempt>/chunks/<int:sequence>/",
        worker.chunk,
        name="worker-chunk",
    ),
    path("api/worker/v1/jobs/<int:job>/results/", worker.results, name="worker-results"),
    path("api/worker/v1/jobs/<int:job>/preflight/", worker.preflight, name="worker-preflight"),
    path("api/worker/v1/jobs/<int:job>/failure/", worker.failure, name="worker-failure"),
]

handler400, handler403 = "leaderboard.pages.errors.bad_request", "leaderboard.pages.errors.forbidden"
handler404, handler500 = "leaderboard.pages.errors.not_found", "leaderboard.pages.errors.broken"
