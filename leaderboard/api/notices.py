"""The public API of webhooks and of what was sent to them. Everything here is the token's owner's own."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard.actions.notify import redeliver
from leaderboard.actions.webhooks import URL_LIMIT, add_webhook, disable_webhook
from leaderboard.api.public import Pages, refuse_body, token_of
from leaderboard.api.shapes import ErrorOut
from leaderboard.api.strict import Strict
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


class Webhooks(generics.ListAPIView[Webhook]):
    """Your webhooks; POST adds one."""

    serializer_class = WebhookOut
    pagination_class = Pages

    def get_queryset(self) -> Any:
        return notices.webhooks(token_of(self.request).owner)

    @extend_schema(
        request=WebhookIn,
        responses={201: WebhookMade, 400: ErrorOut, 401: ErrorOut, 409: ErrorOut},
    )
    def post(self, request: Request) -> Response:
        """Get a signed message at the end of each of your submissions. The reply alone holds the secret."""
        owner = token_of(request).owner
        body = WebhookIn(data=request.data)
        body.is_valid(raise_exception=True)
        webhook, secret = add_webhook(owner=owner, url=body.validated_data["url"])
        reply = WebhookMade(webhook, context={"secret": secret}).data
        return Response(reply, status=201, headers={"Cache-Control": "no-store"})


class WebhookDetail(APIView):
    """One webhook."""

    @extend_schema(responses={204: None, 401: ErrorOut, 404: ErrorOut})
    def delete(self, request: Request, pk: int) -> Response:
        """Disable one of your webhooks; what waits for it is given up."""
        disable_webhook(webhook=pk, owner=token_of(request).owner)
        return Response(status=204)


class Deliveries(generics.ListAPIView[Delivery]):
    """What was sent to your webhooks and by e-mail, newest first; state=dead: what could not be delivered."""

    serializer_class = DeliveryOut
    pagination_class = Pages

    @extend_schema(
        parameters=[OpenApiParameter("state", str, enum=Delivery.State.values)],
        responses={200: DeliveryOut(many=True), 400: ErrorOut, 401: ErrorOut},
    )
    def get(self, request: Request, *arguments: Any, **named: Any) -> Response:
        return super().get(request, *arguments, **named)

    def get_queryset(self) -> Any:
        return notices.deliveries(token_of(self.request).owner, self.request.query_params.get("state", ""))


class DeliveryAgain(APIView):
    """A dead delivery."""

    @extend_schema(
        request=None, responses={200: DeliveryOut, 400: ErrorOut, 401: ErrorOut, 404: ErrorOut, 409: ErrorOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Try a dead delivery again."""
        owner = token_of(request).owner
        refuse_body(request)
        redeliver(delivery=pk, owner=owner)
        return Response(DeliveryOut(notices.deliveries(owner).get(pk=pk)).data)
