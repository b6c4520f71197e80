"""Who a bearer token belongs to.

Every call of the API asks, so that the query is put together once: Django takes a millisecond for it. Nothing else is
remembered: a token that was revoked, or whose user was shut out, is wrong at once.
"""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import JSONField, Model

from leaderboard.models import ApiToken, Owner, User

Row = TypeVar("Row", bound=Model)


def api_token(digest: str) -> tuple[ApiToken, bool] | None:
    """The token with this digest, its user and owner, and whether its time is over, by the database's clock; None for
    one that is unknown or revoked, or whose user is not active. 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(statement(), [digest])
        found = cursor.fetchone()
    if found is None:
        return None
    values = iter(found)
    token = row_of(ApiToken, values)
    token.user, token.owner = row_of(User, values), row_of(Owner, values)
    return token, bool(next(values))


@cache
def statement() -> str:
    """The query, with the columns of the three tables as the models name them."""
    tables = {"token": ApiToken, "person": User, "owner": Owner}
    columns = [f'{name}."{column}"' for name, model in tables.items() for column in columns_of(model)]
    token, person, owner = (f'"{model._meta.db_table}" AS {name}' for name, model in tables.items())
    return (  # only names of our own tables and columns are put in
        f"SELECT {', '.join(columns)}, token.expires_at <= statement_timestamp() FROM {token} "  # noqa: S608
        f"JOIN {person} ON person.id = token.user_id AND person.is_active JOIN {owner} ON owner.id = token.owner_id "
        "WHERE token.digest = %s AND token.revoked_at IS NULL"
    )


def columns_of(model: type[Model]) -> list[str]:
    return [str(field.column) for field in model._meta.concrete_fields]


def row_of(model: type[Row], values: Iterable[Any]) -> Row:
    """A row from the next values, as many as it has columns."""
    fields = model._meta.concrete_fields
    read = [as_read(field, value) for field, value in zip(fields, values, strict=False)]
    return model.from_db("default", [field.attname for field in fields], read)


def as_read(field: object, value: Any) -> Any:
    """A column's value as the model has it: a cursor leaves JSON as text."""
    return json.loads(value, cls=field.decoder) if isinstance(field, JSONField) else value
