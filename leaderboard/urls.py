"""Every route of the site."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.github import views as github
from allauth.socialaccount.providers.openid_connect import views as openid
from django.contrib.auth import views as auth
from django.urls import path, register_converter

from leaderboard.api import bakeoffs as api_bakeoffs
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
    accounts,
    bakeoffs,
    board,
    changelog,
    claims,
    compare,
    contact,
    downloads,
    drift,
    embed,
    gap,
    method,
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
    workload_drafts,
    workload_upload,
    workloads,
)

register_converter(accounts.Word, "word")
page, configured = accounts.page, accounts.configured

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
    path("items/<path:task>/<str:item>", samples.item, name="item"),
    path("submissions/<int:pk>/cancel", submissions.cancel, name="cancel"),
    path("submissions/<int:pk>/retry", submissions.retry, name="retry"),
    path("submissions/<int:pk>/dispute", submissions.dispute, name="dispute"),
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
    path("changelog", changelog.changelog, name="changelog"),
    path("claims", claims.claims, name="claims"),
    path("method", method.method, name="method"),
    path("tco", tco.tco, name="tco"),
    path("tco.csv", tco.tco_csv, name="tco-csv"),
    path("workloads/<int:workload>/bakeoffs/new", bakeoffs.new, name="bakeoff-new"),
    path("workloads/<int:workload>/bakeoffs/<int:pk>/", bakeoffs.bakeoff, name="bakeoff"),
    path("workloads/<int:workload>/bakeoffs/<int:pk>/items", bakeoffs.items, name="bakeoff-items"),
    path("workloads/<int:workload>/bakeoffs/<int:pk>/switch", bakeoffs.can_switch, name="bakeoff-switch"),
    path(
        "workloads/<int:workload>/bakeoffs/<int:pk>/report.csv", bakeoffs.as_file, {"kind": "csv"}, name="bakeoff-csv"
    ),
    path(
        "workloads/<int:workload>/bakeoffs/<int:pk>/report.json",
        bakeoffs.as_file,
        {"kind": "json"},
        name="bakeoff-json",
    ),
    path("workloads/<int:workload>/bakeoffs/<int:pk>/cancel", bakeoffs.cancel, name="bakeoff-cancel"),
    path(
        "workloads/<int:workload>/bakeoffs/<int:pk>/runs/<int:submission>/resume",
        bakeoffs.resume,
        name="bakeoff-resume",
    ),
    path("workloads/<int:workload>/bakeoffs/<int:pk>/share", bakeoffs.share, name="bakeoff-share"),
    path(
        "workloads/<int:workload>/bakeoffs/<int:pk>/shares/<int:share>/revoke", bakeoffs.revoke, name="bakeoff-revoke"
    ),
    path("shared/<str:token>", bakeoffs.shared, name="shared-bakeoff"),
    path("workloads/", workloads.workloads, name="workloads"),
    path("workloads/new", workload_upload.new, name="workload-new"),
    path("workloads/drafts/<int:pk>", workload_drafts.draft, name="workload-draft"),
    path("workloads/drafts/<int:pk>/scoring", workload_drafts.scoring, name="workload-draft-scoring"),
    path("workloads/drafts/<int:pk>/discard", workload_drafts.discard, name="workload-draft-discard"),
    path("workloads/<int:pk>", workloads.workload, name="workload"),
    path("workloads/<int:pk>/items", workloads.items, name="workload-items"),
    path("workloads/<int:pk>/scoring", workloads.scoring, name="workload-scoring"),
    path("workloads/<int:pk>/delete", workloads.delete, name="workload-delete"),
    path("settings/notices", notices.notices, name="notices"),
    path("settings/notices/mail", notices.choose, name="notices-mail"),
    path("settings/notices/webhooks/<int:pk>/disable", notices.disable, name="webhook-disable"),
    path("settings/notices/deliveries/<int:pk>/again", notices.again, name="delivery-again"),
    path(".well-known/security.txt", contact.security_txt, name="security-txt"),
    # Accounts: allauth's views under its names, so that its own links lead here
    path("login", page(account.login), name="account_login"),
    path("logout", auth.LogoutView.as_view(), name="account_logout"),
    path("signup", page(account.signup), name="account_signup"),
    path("login/inactive", page(account.account_inactive), name="account_inactive"),
    path("login/verify", page(account.email_verification_sent), name="account_email_verification_sent"),
    path("login/verify/<str:key>", page(account.confirm_email), name="account_confirm_email"),
    path("login/password", page(account.password_reset), name="account_reset_password"),
    path("login/password/sent", page(account.password_reset_done), name="account_reset_password_done"),
    path(
        "login/password/changed",
        page(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path(
        "login/password/<word:uidb36>-<str:key>",
        page(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("login/again", page(account.reauthenticate), name="account_reauthenticate"),
    path("login/code", page(mfa.authenticate), name="mfa_authenticate"),
    path("login/again/code", page(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("login/elsewhere/cancelled", page(social.login_cancelled), name="socialaccount_login_cancelled"),
    path("login/elsewhere/failed", page(social.login_error), name="socialaccount_login_error"),
    path("login/elsewhere/signup", page(social.signup), name="socialaccount_signup"),
    path("login/github", configured("github", github.oauth2_login), name="github_login"),
    path("login/github/back", configured("github", github.oauth2_callback), name="github_callback"),
    path(
        "login/with/<str:provider_id>",
        configured("openid_connect", openid.login),
        name="openid_connect_login",
    ),
    path(
        "login/with/<str:provider_id>/back",
        configured("openid_connect", openid.callback),
        name="openid_connect_callback",
    ),
    path("settings/email", page(account.email), name="account_email"),
    path("settings/password", page(account.password_change), name="account_change_password"),
    path("settings/password/first", page(account.password_set), name="account_set_password"),
    path("settings/elsewhere", page(social.connections), name="socialaccount_connections"),
    path("settings/second-factor", page(mfa.index), name="mfa_index"),
    path("settings/second-factor/app", page(totp.activate_totp), name="mfa_activate_totp"),
    path("settings/second-factor/app/remove", page(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("settings/second-factor/codes", page(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("settings/second-factor/codes/new", page(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("settings/second-factor/codes.txt", page(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("settings/account", accounts.account, name="account"),
    path("settings/sessions", accounts.sessions, name="sessions"),
    path("settings/sessions/end", accounts.end, name="sessions-end"),
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
    path("api/v1/bakeoffs/", api_bakeoffs.Bakeoffs.as_view(), name="api-bakeoffs"),
    path("api/v1/bakeoffs/<int:pk>/", api_bakeoffs.BakeoffReport.as_view(), name="api-bakeoff"),
    path("api/v1/bakeoffs/<int:pk>/items/", api_bakeoffs.BakeoffItems.as_view(), name="api-bakeoff-items"),
    path("api/v1/bakeoffs/<int:pk>/switch/", api_bakeoffs.BakeoffSwitch.as_view(), name="api-bakeoff-switch"),
    path("api/v1/bakeoffs/<int:pk>/cancel/", api_bakeoffs.BakeoffCancel.as_view(), name="api-bakeoff-cancel"),
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
    path("api/worker/v1/jobs/<int:job>/parts/", worker.parts, name="worker-parts"),
    path(
        "api/worker/v1/jobs/<int:job>/attempts/<int:attempt>/parts/<int:sequence>/",
        worker.part,
        name="worker-part",
    ),
    path("api/worker/v1/jobs/<int:job>/results/", worker.results, name="worker-results"),
    path("api/worker/v1/jobs/<int:job>/preflight/", worker.preflight, name="worker-preflight"),
    path("api/worker/v1/jobs/<int:job>/failure/", worker.failure, name="worker-failure"),
]

handler400, handler403 = "leaderboard.pages.errors.bad_request", "leaderboard.pages.errors.forbidden"
handler404, handler500 = "leaderboard.pages.errors.not_found", "leaderboard.pages.errors.broken"
