"""Who reads the numbers of one's bake-offs, in the public API."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.actions.bakeoff_readers import add_reader, remove_reader
from leaderboard.api import paging
from leaderboard.api.once import once
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of
from leaderboard.models import BakeoffReader
from leaderboard.queries import bakeoffs


class ReaderIn(Strict):
    username = serializers.CharField(max_length=150, help_text="the name of an account here")


class ReaderOut(serializers.ModelSerializer[BakeoffReader]):
    id = serializers.IntegerField(source="user_id", help_text="of the person")
    username = serializers.CharField(source="user.username")

    class Meta:
        model = BakeoffReader
        fields = ("id", "username", "created_at")


class BakeoffReaders(ListView):
    """The people who read one of your reports; POST lets another one."""

    shape = ReaderOut
    parameters = paging.PARAMETERS

    @extend_schema(responses={200: page_of(ReaderOut)})
    def get(self, request: Request, pk: int) -> Response:
        """Who reads the numbers of this bake-off, beside you."""
        course = bakeoffs.course(token_of(request).owner, pk)
        return self.listed(request, bakeoffs.readers(course.bakeoff))

    @extend_schema(request=ReaderIn, responses={201: ReaderOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Let somebody with an account read the numbers, without prompts and answers, until you take them off."""
        token = token_of(request)
        body = ReaderIn(data=request.data)
        body.is_valid(raise_exception=True)
        made = add_reader(owner=token.owner, by=token.user, bakeoff=pk, username=body.validated_data["username"])
        return Response(ReaderOut(made).data, status=201, headers={"Cache-Control": "no-store"})


class BakeoffReaderEnd(PublicView):
    """One of them."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int, person: int) -> Response:
        """Take somebody off: from now on they do not read it."""
        token = token_of(request)
        remove_reader(owner=token.owner, by=token.user, bakeoff=pk, person=person)
        return Response(status=204)
