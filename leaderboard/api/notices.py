"""The public API of webhooks and of what was sent to them. Everything here is the token's owner's own."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.actions.notify import redeliver
from leaderboard.actions.webhooks import URL_LIMIT, add_webhook, disable_webhook
from leaderboard.api import paging
from leaderboard.api.once import once
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.public import refuse_body
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of
from leaderboard.messages import message_id
from leaderboard.models import Delivery, Webhook
from leaderboard.queries import notices


class WebhookIn(Strict):
    url = serializers.CharField(max_length=URL_LIMIT, help_text="https, and on a public address")


class WebhookOut(serializers.ModelSerializer[Webhook]):
    class Meta:
        model = Webhook
        fields = ("id", "url", "created_at", "disabled_at")


class WebhookMade(WebhookOut):
    secret = serializers.SerializerMethodField(help_text="what messages are signed with; shown this once")

    class Meta:
        model = Webhook
        fields = (*WebhookOut.Meta.fields, "secret")

    def get_secret(self, _: Webhook) -> str:
        return str(self.context["secret"])


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    message = serializers.SerializerMethodField(help_text="the webhook-id header")
    url = serializers.CharField(source="webhook.url", default=None, allow_null=True)
    next_at = serializers.DateTimeField(default=None, allow_null=True, help_text="when it is tried next")

    class Meta:
        model = Delivery
        fields = (
            "id", "submission", "webhook", "url", "email", "message", "state", "tries", "last_status", "last_error",
            "created_at", "next_at", "ended_at",
        )  # fmt: skip

    def get_message(self, delivery: Delivery) -> str:
        return message_id(delivery.key)


class Webhooks(ListView):
    """Your webhooks; POST adds one."""

    shape = WebhookOut
    parameters = paging.PARAMETERS

    @extend_schema(responses={200: page_of(WebhookOut)})
    def get(self, request: Request) -> Response:
        """Your webhooks, newest first."""
        return self.listed(request, notices.webhooks(token_of(request).owner))

    @extend_schema(request=WebhookIn, responses={201: WebhookMade})
    @once
    def post(self, request: Request) -> Response:
        """Get a signed message at the end of each of your submissions. The reply alone holds the secret."""
        owner = token_of(request).owner
        body = WebhookIn(data=request.data)
        body.is_valid(raise_exception=True)
        webhook, secret = add_webhook(owner=owner, url=body.validated_data["url"])
        reply = WebhookMade(webhook, context={"secret": secret}).data
        return Response(reply, status=201, headers={"Cache-Control": "no-store"})


class WebhookDetail(PublicView):
    """One webhook."""

    shape = WebhookOut

    @extend_schema(responses={200: WebhookOut})
    def get(self, request: Request, pk: int) -> Response:
        """One of your webhooks."""
        return Response(WebhookOut(notices.webhook(token_of(request).owner, pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Disable one of your webhooks; what waits for it is given up."""
        disable_webhook(webhook=pk, owner=token_of(request).owner)
        return Response(status=204)


class Deliveries(ListView):
    """What was sent to your webhooks and by e-mail, newest first; state=dead: what could not be delivered."""

    shape = DeliveryOut
    parameters = (OpenApiParameter("state", str, enum=Delivery.State.values), *paging.PARAMETERS)

    @extend_schema(responses={200: page_of(DeliveryOut)})
    def get(self, request: Request) -> Response:
        """Messages about your submissions."""
        owner = token_of(request).owner
        return self.listed(request, notices.deliveries(owner, request.query_params.get("state", "")))


class DeliveryAgain(PublicView):
    """A dead delivery."""

    @extend_schema(request=None, responses={200: DeliveryOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Try a dead delivery again."""
        owner = token_of(request).owner
        refuse_body(request)
        redeliver(delivery=pk, owner=owner)
        return Response(DeliveryOut(notices.deliveries(owner).get(pk=pk)).data)
