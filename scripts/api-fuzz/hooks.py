"""What Schemathesis cannot know from the OpenAPI document of Fairline.

Each exclusion names what it excludes and why; no check is off.
"""

import atexit
import collections
import json
import os

import schemathesis
from hypothesis import strategies

# Operations of one booking. To whoever may not open it, it does not exist, and nobody without a token may open any:
# they get 404 where Schemathesis wants 401. `nothing_opens_without_a_token` below asks for more than what is let pass.
OF_ONE_BOOKING = "/api/bookings/{id}"

# Refusals of requests that are well formed: what a document cannot say, since it depends on what there is.
DEPEND_ON_WHAT_THERE_IS = {
    "OFFER_TYPE_REQUIRED",  # the event has several types, and none was named
    "OFFER_NOT_OPEN",  # the sale opens later
    "OFFER_INVALID",  # two terms of an offer contradict one another, or are those of another kind
    "IDEMPOTENCY_KEY_REUSED",  # the key came with another body before
}
# The same of VALIDATION_FAILED: one date against another. JSON schema compares no two fields.
COMPARE_TWO_DATES = (
    "must be later than checkIn",
    "nights after checkIn",
    "must not be before the first night",
    "nights after the first",
)

seen = collections.Counter()
# Of bookings that were made in this run.
tokens = {}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path, operations in raw_schema["paths"].items():
        if path.startswith(OF_ONE_BOOKING):
            for operation in operations.values():
                operation["security"].append({})
        # Walks begin with what is made: a list leads nowhere else, and would be taken first.
        for response in operations.get("get", {}).get("responses", {}).values() if "{" not in path else ():
            response.pop("links", None)
    # An answer has the fields that are described and no other. Clients are told to expect more one day; this run is not.
    closed = raw_schema["components"]["schemas"]
    for name, schema in closed.items():
        if name != "ProblemDto":
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    kind = type(failure).__name__
    if kind == "UseAfterFree":
        # Who leaves a line deletes a place in it: the booking stays, and says so.
        return not is_over(case, response)
    return kind != "RejectedPositiveData" or is_wrong_refusal(response)


def is_over(case, response):
    return case.operation.path == OF_ONE_BOOKING and body_of(response).get("state") in ("cancelled", "refunded")


def is_wrong_refusal(response):
    problem = body_of(response)
    code = problem.get("code")
    if code == "VALIDATION_FAILED":
        errors = problem.get("errors", [])
        return not errors or not all(error["message"].endswith(COMPARE_TWO_DATES) for error in errors)
    return code not in DEPEND_ON_WHAT_THERE_IS


@schemathesis.check
def nothing_opens_without_a_token(ctx, response, case):
    """Stands in for `ignored_auth` where 404 is the answer to strangers."""
    path = case.operation.path
    if not path.startswith(OF_ONE_BOOKING) or "Authorization" in response.request.headers:
        return
    assert response.status_code >= 400, f"{case.operation.label} let in somebody without a token"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Who has no other token opens a booking with its own, as every client does."""
    if os.environ["FAIRLINE_FUZZ_CALLER"] in ("stranger", "guest") and case.operation.path.startswith(OF_ONE_BOOKING):
        token = tokens.get((case.path_parameters or {}).get("id"))
        if token is not None:
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context, case, response):
    seen[f"{case.operation.label} {response.status_code}"] += 1
    if response.status_code == 202 and case.operation.path == "/api/bookings":
        accepted = json.loads(response.content)
        tokens[accepted["bookingId"]] = accepted["token"]


@atexit.register
def tell():
    with open(os.environ["FAIRLINE_FUZZ_SEEN"], "w") as file:
        json.dump(seen, file)


def body_of(response):
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/Lima"]))
