"""What may stand in a query: the names that its route declares, each as often as it says.

What is misspelt would else be passed over, and a question about one district answered for all.
The routes say what they take and nothing here repeats it: `only_declared` runs before each.
"""

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, TypeVar, get_origin

from fastapi import Query, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from pydantic import Field

from api.errors import FieldError, invalid
from api.tables import PARAMETER, offers_csv

T = TypeVar("T")

PREFIX = "/v1"
#: Values of one filter; each costs a comparison an instrument.
VALUES_MAX = 100
#: Wrong names that an answer tells; nobody misspells more.
TOLD = 10

#: What a filter says of itself unless it says more.
ANY_OF = "several times: whichever of the values fits"
#: A filter: what fits any of the values that it is given. Everything else is given once.
AnyOf = Annotated[
    tuple[T, ...],
    Field(max_length=VALUES_MAX),
    Query(description=ANY_OF),
]


def declared(route: APIRoute) -> Mapping[str, bool]:
    """What a route takes in its query: by name, whether several times."""
    found = {
        str(one.alias): get_origin(one.field_info.annotation) is tuple
        for one in get_flat_params(route.dependant)
        if isinstance(one.field_info, QueryParameter)
    }
    if offers_csv(route.responses):
        found[PARAMETER] = False
    return found


async def only_declared(request: Request) -> None:
    """Refuses what its route does not know, and twice what it takes once.

    Raises:
        Problem: 422; names each such parameter, and the one that was probably meant.
    """
    route = request.scope.get("route")
    if not (request.query_params and isinstance(route, APIRoute) and route.path.startswith(PREFIX)):
        return
    known = declared(route)
    times = Counter(name for name, _ in request.query_params.multi_items())
    wrong = (
        FieldError(
            field=f"query.{name[:100]}", value=request.query_params[name], rule=_rule(name, known)
        )
        for name, count in times.items()
        if name not in known or (count > 1 and not known[name])
    )
    if errors := tuple(islice(wrong, TOLD)):
        raise invalid(*errors)


def _rule(name: str, known: Mapping[str, bool]) -> str:
    if name in known:
        return "no filter, so it is given once"
    if not known:
        return "no such parameter: this address takes none"
    near = get_close_matches(name[:100].lower(), known, n=1)
    meant = f"; did you mean `{near[0]}`?" if near else "."
    return f"no such parameter{meant} This address takes {', '.join(sorted(known))}"
