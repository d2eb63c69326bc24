"""A client as a stranger would write one: stock protoc, stock grpcio, and nothing of Fairline's but its contract.

Arguments: host:port, the folder of the generated modules, an event. Prints what it learnt as JSON.
"""

import json
import sys

target, folder, event = sys.argv[1:]
sys.path.insert(0, folder)

import grpc  # noqa: E402
from fairline.v1 import booking_pb2, booking_pb2_grpc, booking_worker_pb2, booking_worker_pb2_grpc  # noqa: E402

DEADLINE = 30


def request(user, **units):
    tickets = booking_pb2.TicketUnits(event_id=event, **units)
    return booking_pb2.JoinRequest(
        user_id=user, units=booking_pb2.Units(tickets=tickets), payment_method="pm_ok"
    )


with grpc.insecure_channel(target) as channel:
    bookings = booking_pb2_grpc.BookingServiceStub(channel)
    worker = booking_worker_pb2_grpc.BookingWorkerServiceStub(channel)

    message = booking_pb2.ReserveBookingRequest(request=request("py-1"), idempotency_key="py")
    mine = bookings.ReserveBooking(message, timeout=DEADLINE).acceptance
    again = bookings.ReserveBooking(message, timeout=DEADLINE).acceptance
    token = (("authorization", f"Bearer {mine.token}"),)
    watch = booking_pb2.WatchBookingRequest(booking_id=mine.booking_id)
    states = [
        booking_pb2.BookingState.Name(told.booking.state)
        for told in bookings.WatchBooking(watch, timeout=DEADLINE, metadata=token)
    ]
    read = booking_pb2.GetBookingRequest(booking_id=mine.booking_id)
    booking = bookings.GetBooking(read, timeout=DEADLINE, metadata=token).booking

    batch = booking_worker_pb2.EnqueueBookingsRequest(
        requests=[
            booking_worker_pb2.EnqueueBookingRequest(request=request("py-2")),
            booking_worker_pb2.EnqueueBookingRequest(request=request("py-3", quantity=0)),
        ]
    )
    outcomes = [
        result.WhichOneof("outcome")
        for result in worker.EnqueueBookings(batch, timeout=DEADLINE).results
    ]
    try:
        bookings.GetBooking(read, timeout=DEADLINE)
        refused = None
    except grpc.RpcError as error:
        codes = [value for name, value in error.trailing_metadata() if name == "fairline-code"]
        refused = [error.code().name, *codes]

print(
    json.dumps(
        {
            "seq": mine.seq,
            "same": again == mine,
            "states": states,
            "tickets": len(booking.ticket_codes),
            "price": [booking.price.amount_minor, booking.price.currency],
            "has_deadline": booking.HasField("deadline"),
            "outcomes": outcomes,
            "refused": refused,
        }
    )
)
