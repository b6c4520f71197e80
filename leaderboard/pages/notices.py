"""`/settings/notices`: who is told when a submission ends, and what did not arrive."""

from typing import Any

from django import forms
from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from leaderboard.actions.accounts import choose_mail
from leaderboard.actions.errors import Refused
from leaderboard.actions.notify import redeliver
from leaderboard.actions.webhooks import MOST, URL_LIMIT, add_webhook, disable_webhook
from leaderboard.models import Delivery
from leaderboard.pages.errors import readable
from leaderboard.pages.private import reader_of
from leaderboard.pages.submit import owner_of, user_of
from leaderboard.queries import notices as queries

SHOWN = 50


class WebhookForm(forms.Form):
    """What `POST /api/v1/webhooks/` takes."""

    url = forms.CharField(
        max_length=URL_LIMIT,
        label="Address",
        help_text="It starts with https:// and is reached from the internet.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """The page; POST adds a webhook and shows its secret, on this reply alone and so without a redirection."""
    if request.method != "POST":
        return shown(request, WebhookForm())
    form = WebhookForm(request.POST)
    status = 400
    if form.is_valid():
        try:
            webhook, secret = add_webhook(owner=owner_of(request), url=form.cleaned_data["url"])
        except Refused as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
            status = error.status
        else:
            return shown(request, WebhookForm(), made=webhook, secret=secret)
    return shown(request, form, status=status)


def shown(request: HttpRequest, form: WebhookForm, status: int = 200, **more: Any) -> HttpResponse:
    """The page with `form` on it."""
    owner = reader_of(request)
    all_of_them = queries.deliveries(owner)
    context = {
        "form": form,
        "webhooks": list(queries.active_webhooks(owner)),
        "most": MOST,
        "dead": list(all_of_them.filter(state=Delivery.State.DEAD)[:SHOWN]),
        "others": list(all_of_them.exclude(state=Delivery.State.DEAD)[:SHOWN]),
        "sends_mail": site.SENDS_MAIL,
        "waits": site.NOTICE_WAITS,
        "seconds": site.NOTICE_SECONDS,
        **more,
    }
    return render(request, "notices/page.html", context, status=status)


@login_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """The e-mail toggle."""
    choose_mail(user=user_of(request), wanted=request.POST.get("mail") == "on")
    messages.success(request, "Saved.")
    return redirect("notices")


@login_required
@require_POST
@readable
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    """A webhook's button."""
    disable_webhook(webhook=pk, owner=owner_of(request))
    messages.success(request, "The webhook is disabled.")
    return redirect("notices")


@login_required
@require_POST
@readable
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """A dead delivery's button."""
    redeliver(delivery=pk, owner=owner_of(request))
    messages.success(request, "It is being sent again.")
    return redirect("notices")
