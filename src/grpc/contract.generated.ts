// Made by `npm run docs` from proto/fairline/v1. A test compares the two: change the source.
import type { INamespace } from 'protobufjs';

export const CONTRACT: INamespace = {
  "nested": {
    "fairline": {
      "nested": {
        "v1": {
          "nested": {
            "BookingService": {
              "methods": {
                "ReserveBooking": {
                  "requestType": "ReserveBookingRequest",
                  "responseType": "ReserveBookingResponse",
                  "comment": ""
                },
                "ConfirmBooking": {
                  "requestType": "ConfirmBookingRequest",
                  "responseType": "ConfirmBookingResponse",
                  "comment": ""
                },
                "GetBooking": {
                  "requestType": "GetBookingRequest",
                  "responseType": "GetBookingResponse",
                  "comment": ""
                },
                "WatchBooking": {
                  "requestType": "WatchBookingRequest",
                  "responseType": "WatchBookingResponse",
                  "responseStream": true,
                  "comment": ""
                }
              }
            },
            "ReserveBookingRequest": {
              "oneofs": {
                "_idempotencyKey": {
                  "oneof": [
                    "idempotencyKey"
                  ]
                }
              },
              "fields": {
                "request": {
                  "type": "JoinRequest",
                  "id": 1
                },
                "idempotencyKey": {
                  "type": "string",
                  "id": 2,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "ReserveBookingResponse": {
              "fields": {
                "acceptance": {
                  "type": "Acceptance",
                  "id": 1
                }
              }
            },
            "ConfirmBookingRequest": {
              "oneofs": {
                "_idempotencyKey": {
                  "oneof": [
                    "idempotencyKey"
                  ]
                }
              },
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "paymentMethod": {
                  "type": "string",
                  "id": 2
                },
                "idempotencyKey": {
                  "type": "string",
                  "id": 3,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "ConfirmBookingResponse": {
              "fields": {
                "booking": {
                  "type": "Booking",
                  "id": 1
                }
              }
            },
            "GetBookingRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                }
              }
            },
            "GetBookingResponse": {
              "fields": {
                "booking": {
                  "type": "Booking",
                  "id": 1
                }
              }
            },
            "WatchBookingRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                }
              }
            },
            "WatchBookingResponse": {
              "fields": {
                "booking": {
                  "type": "Booking",
                  "id": 1
                }
              }
            },
            "JoinRequest": {
              "oneofs": {
                "_email": {
                  "oneof": [
                    "email"
                  ]
                },
                "_paymentMethod": {
                  "oneof": [
                    "paymentMethod"
                  ]
                }
              },
              "fields": {
                "userId": {
                  "type": "string",
                  "id": 1
                },
                "units": {
                  "type": "Units",
                  "id": 2
                },
                "email": {
                  "type": "string",
                  "id": 3,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "paymentMethod": {
                  "type": "string",
                  "id": 4,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "Units": {
              "oneofs": {
                "kind": {
                  "oneof": [
                    "tickets",
                    "stay"
                  ]
                }
              },
              "fields": {
                "tickets": {
                  "type": "TicketUnits",
                  "id": 1
                },
                "stay": {
                  "type": "StayUnits",
                  "id": 2
                }
              }
            },
            "TicketUnits": {
              "oneofs": {
                "_ticketType": {
                  "oneof": [
                    "ticketType"
                  ]
                },
                "_quantity": {
                  "oneof": [
                    "quantity"
                  ]
                }
              },
              "fields": {
                "eventId": {
                  "type": "string",
                  "id": 1
                },
                "ticketType": {
                  "type": "string",
                  "id": 2,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "quantity": {
                  "type": "int32",
                  "id": 3,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "StayUnits": {
              "oneofs": {
                "_roomType": {
                  "oneof": [
                    "roomType"
                  ]
                },
                "_rooms": {
                  "oneof": [
                    "rooms"
                  ]
                }
              },
              "fields": {
                "hotelId": {
                  "type": "string",
                  "id": 1
                },
                "roomType": {
                  "type": "string",
                  "id": 2,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "checkIn": {
                  "type": "string",
                  "id": 3
                },
                "checkOut": {
                  "type": "string",
                  "id": 4
                },
                "rooms": {
                  "type": "int32",
                  "id": 5,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "Acceptance": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "jobId": {
                  "type": "string",
                  "id": 2
                },
                "offerId": {
                  "type": "string",
                  "id": 3
                },
                "seq": {
                  "type": "int64",
                  "id": 4
                },
                "state": {
                  "type": "BookingState",
                  "id": 5
                },
                "position": {
                  "type": "int64",
                  "id": 6
                },
                "estimatedWaitSeconds": {
                  "type": "int64",
                  "id": 7
                },
                "version": {
                  "type": "int64",
                  "id": 8
                },
                "token": {
                  "type": "string",
                  "id": 9
                },
                "links": {
                  "type": "BookingLinks",
                  "id": 10
                }
              }
            },
            "Booking": {
              "oneofs": {
                "_stay": {
                  "oneof": [
                    "stay"
                  ]
                },
                "_reason": {
                  "oneof": [
                    "reason"
                  ]
                },
                "_position": {
                  "oneof": [
                    "position"
                  ]
                },
                "_estimatedWaitSeconds": {
                  "oneof": [
                    "estimatedWaitSeconds"
                  ]
                },
                "_deadline": {
                  "oneof": [
                    "deadline"
                  ]
                }
              },
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "jobId": {
                  "type": "string",
                  "id": 2
                },
                "offerId": {
                  "type": "string",
                  "id": 3
                },
                "seq": {
                  "type": "int64",
                  "id": 4
                },
                "quantity": {
                  "type": "int32",
                  "id": 5
                },
                "stay": {
                  "type": "Stay",
                  "id": 6,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "state": {
                  "type": "BookingState",
                  "id": 7
                },
                "reason": {
                  "type": "string",
                  "id": 8,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "position": {
                  "type": "int64",
                  "id": 9,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "estimatedWaitSeconds": {
                  "type": "int64",
                  "id": 10,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "version": {
                  "type": "int64",
                  "id": 11
                },
                "progress": {
                  "type": "int32",
                  "id": 12
                },
                "deadline": {
                  "type": "google.protobuf.Timestamp",
                  "id": 13,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "price": {
                  "type": "Money",
                  "id": 14
                },
                "ticketCodes": {
                  "rule": "repeated",
                  "type": "string",
                  "id": 15
                },
                "acceptedAt": {
                  "type": "google.protobuf.Timestamp",
                  "id": 16
                },
                "serverTime": {
                  "type": "google.protobuf.Timestamp",
                  "id": 17
                },
                "links": {
                  "type": "BookingLinks",
                  "id": 18
                }
              }
            },
            "BookingState": {
              "values": {
                "BOOKING_STATE_UNSPECIFIED": 0,
                "BOOKING_STATE_WAITING": 1,
                "BOOKING_STATE_HELD": 2,
                "BOOKING_STATE_PAYING": 3,
                "BOOKING_STATE_PAID": 4,
                "BOOKING_STATE_CONFIRMED": 5,
                "BOOKING_STATE_EXPIRED": 6,
                "BOOKING_STATE_CANCELLED": 7,
                "BOOKING_STATE_SOLD_OUT": 8,
                "BOOKING_STATE_REFUNDED": 9
              }
            },
            "Stay": {
              "fields": {
                "checkIn": {
                  "type": "string",
                  "id": 1
                },
                "checkOut": {
                  "type": "string",
                  "id": 2
                },
                "begins": {
                  "type": "google.protobuf.Timestamp",
                  "id": 3
                }
              }
            },
            "Money": {
              "fields": {
                "amountMinor": {
                  "type": "int64",
                  "id": 1
                },
                "currency": {
                  "type": "string",
                  "id": 2
                }
              }
            },
            "BookingLinks": {
              "fields": {
                "self": {
                  "type": "string",
                  "id": 1
                },
                "payment": {
                  "type": "string",
                  "id": 2
                },
                "ticket": {
                  "type": "string",
                  "id": 3
                }
              }
            },
            "BookingWorkerService": {
              "methods": {
                "EnqueueBooking": {
                  "requestType": "EnqueueBookingRequest",
                  "responseType": "EnqueueBookingResponse",
                  "comment": ""
                },
                "EnqueueBookings": {
                  "requestType": "EnqueueBookingsRequest",
                  "responseType": "EnqueueBookingsResponse",
                  "comment": ""
                },
                "GetQueueStatus": {
                  "requestType": "GetQueueStatusRequest",
                  "responseType": "QueueStatusResponse",
                  "comment": ""
                },
                "DequeueAndProcess": {
                  "requestType": "DequeueRequest",
                  "responseType": "ProcessResult",
                  "comment": ""
                },
                "NotifyClient": {
                  "requestType": "NotifyRequest",
                  "responseType": "NotifyResponse",
                  "comment": ""
                }
              }
            },
            "EnqueueBookingRequest": {
              "oneofs": {
                "_idempotencyKey": {
                  "oneof": [
                    "idempotencyKey"
                  ]
                }
              },
              "fields": {
                "request": {
                  "type": "JoinRequest",
                  "id": 1
                },
                "idempotencyKey": {
                  "type": "string",
                  "id": 2,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "EnqueueBookingResponse": {
              "fields": {
                "acceptance": {
                  "type": "Acceptance",
                  "id": 1
                }
              }
            },
            "EnqueueBookingsRequest": {
              "fields": {
                "requests": {
                  "rule": "repeated",
                  "type": "EnqueueBookingRequest",
                  "id": 1
                }
              }
            },
            "EnqueueBookingsResponse": {
              "fields": {
                "results": {
                  "rule": "repeated",
                  "type": "EnqueueBookingResult",
                  "id": 1
                }
              }
            },
            "EnqueueBookingResult": {
              "oneofs": {
                "outcome": {
                  "oneof": [
                    "acceptance",
                    "problem"
                  ]
                }
              },
              "fields": {
                "acceptance": {
                  "type": "Acceptance",
                  "id": 1
                },
                "problem": {
                  "type": "Problem",
                  "id": 2
                }
              }
            },
            "GetQueueStatusRequest": {
              "oneofs": {
                "subject": {
                  "oneof": [
                    "bookingId",
                    "offerId"
                  ]
                }
              },
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "offerId": {
                  "type": "string",
                  "id": 2
                },
                "version": {
                  "type": "int64",
                  "id": 3
                }
              }
            },
            "QueueStatusResponse": {
              "oneofs": {
                "_booking": {
                  "oneof": [
                    "booking"
                  ]
                }
              },
              "fields": {
                "booking": {
                  "type": "Booking",
                  "id": 1,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "line": {
                  "type": "Line",
                  "id": 2
                }
              }
            },
            "Line": {
              "fields": {
                "offerId": {
                  "type": "string",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                },
                "waiting": {
                  "type": "int64",
                  "id": 3
                },
                "front": {
                  "type": "int64",
                  "id": 4
                },
                "last": {
                  "type": "int64",
                  "id": 5
                },
                "grantsPerMinute": {
                  "type": "double",
                  "id": 6
                },
                "stock": {
                  "type": "Stock",
                  "id": 7
                }
              }
            },
            "Stock": {
              "fields": {
                "capacity": {
                  "type": "int64",
                  "id": 1
                },
                "available": {
                  "type": "int64",
                  "id": 2
                },
                "held": {
                  "type": "int64",
                  "id": 3
                },
                "sold": {
                  "type": "int64",
                  "id": 4
                }
              }
            },
            "DequeueRequest": {
              "fields": {
                "offerId": {
                  "type": "string",
                  "id": 1
                },
                "max": {
                  "type": "int32",
                  "id": 2
                }
              }
            },
            "ProcessResult": {
              "fields": {
                "granted": {
                  "type": "int32",
                  "id": 1
                },
                "processed": {
                  "rule": "repeated",
                  "type": "ProcessedBooking",
                  "id": 2
                }
              }
            },
            "ProcessedBooking": {
              "oneofs": {
                "_problem": {
                  "oneof": [
                    "problem"
                  ]
                }
              },
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "state": {
                  "type": "BookingState",
                  "id": 3
                },
                "progress": {
                  "type": "int32",
                  "id": 4
                },
                "problem": {
                  "type": "Problem",
                  "id": 5,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "NotifyRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                }
              }
            },
            "NotifyResponse": {
              "fields": {
                "state": {
                  "type": "BookingState",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                }
              }
            },
            "Problem": {
              "oneofs": {
                "_detail": {
                  "oneof": [
                    "detail"
                  ]
                },
                "_retryAfter": {
                  "oneof": [
                    "retryAfter"
                  ]
                }
              },
              "fields": {
                "code": {
                  "type": "string",
                  "id": 1
                },
                "title": {
                  "type": "string",
                  "id": 2
                },
                "detail": {
                  "type": "string",
                  "id": 3,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "fields": {
                  "rule": "repeated",
                  "type": "FieldProblem",
                  "id": 4
                },
                "retryAfter": {
                  "type": "google.protobuf.Duration",
                  "id": 5,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "FieldProblem": {
              "fields": {
                "field": {
                  "type": "string",
                  "id": 1
                },
                "message": {
                  "type": "string",
                  "id": 2
                }
              }
            },
            "RateLimiterService": {
              "methods": {
                "Check": {
                  "requestType": "CheckRequest",
                  "responseType": "CheckResponse",
                  "comment": ""
                }
              }
            },
            "CheckRequest": {
              "oneofs": {
                "_cost": {
                  "oneof": [
                    "cost"
                  ]
                }
              },
              "fields": {
                "limit": {
                  "type": "string",
                  "id": 1
                },
                "subject": {
                  "type": "string",
                  "id": 2
                },
                "cost": {
                  "type": "int32",
                  "id": 3,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "CheckResponse": {
              "oneofs": {
                "_retryAfter": {
                  "oneof": [
                    "retryAfter"
                  ]
                }
              },
              "fields": {
                "allowed": {
                  "type": "bool",
                  "id": 1
                },
                "quota": {
                  "type": "int64",
                  "id": 2
                },
                "remaining": {
                  "type": "int64",
                  "id": 3
                },
                "resetAfter": {
                  "type": "google.protobuf.Duration",
                  "id": 4
                },
                "retryAfter": {
                  "type": "google.protobuf.Duration",
                  "id": 5,
                  "options": {
                    "proto3_optional": true
                  }
                }
              }
            },
            "RealtimeService": {
              "methods": {
                "PushPosition": {
                  "requestType": "PushPositionRequest",
                  "responseType": "PushPositionResponse",
                  "comment": ""
                },
                "PushStatus": {
                  "requestType": "PushStatusRequest",
                  "responseType": "PushStatusResponse",
                  "comment": ""
                }
              }
            },
            "PushPositionRequest": {
              "fields": {
                "offerId": {
                  "type": "string",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                },
                "positions": {
                  "rule": "repeated",
                  "type": "BookingPosition",
                  "id": 3
                }
              }
            },
            "BookingPosition": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "position": {
                  "type": "int64",
                  "id": 3
                },
                "estimatedWaitSeconds": {
                  "type": "int64",
                  "id": 4
                }
              }
            },
            "PushPositionResponse": {
              "fields": {
                "version": {
                  "type": "int64",
                  "id": 1
                }
              }
            },
            "PushStatusRequest": {
              "oneofs": {
                "_reason": {
                  "oneof": [
                    "reason"
                  ]
                },
                "_deadline": {
                  "oneof": [
                    "deadline"
                  ]
                }
              },
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "version": {
                  "type": "int64",
                  "id": 3
                },
                "state": {
                  "type": "BookingState",
                  "id": 4
                },
                "reason": {
                  "type": "string",
                  "id": 5,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "progress": {
                  "type": "int32",
                  "id": 6
                },
                "deadline": {
                  "type": "google.protobuf.Timestamp",
                  "id": 7,
                  "options": {
                    "proto3_optional": true
                  }
                },
                "ticketCodes": {
                  "rule": "repeated",
                  "type": "string",
                  "id": 8
                },
                "offerId": {
                  "type": "string",
                  "id": 9
                }
              }
            },
            "PushStatusResponse": {
              "fields": {
                "state": {
                  "type": "BookingState",
                  "id": 1
                },
                "version": {
                  "type": "int64",
                  "id": 2
                }
              }
            },
            "TicketService": {
              "methods": {
                "CheckAvailability": {
                  "requestType": "CheckAvailabilityRequest",
                  "responseType": "CheckAvailabilityResponse",
                  "comment": ""
                },
                "Reserve": {
                  "requestType": "ReserveRequest",
                  "responseType": "ReserveResponse",
                  "comment": ""
                },
                "Release": {
                  "requestType": "ReleaseRequest",
                  "responseType": "ReleaseResponse",
                  "comment": ""
                },
                "Confirm": {
                  "requestType": "ConfirmRequest",
                  "responseType": "ConfirmResponse",
                  "comment": ""
                }
              }
            },
            "CheckAvailabilityRequest": {
              "fields": {
                "units": {
                  "type": "Units",
                  "id": 1
                }
              }
            },
            "CheckAvailabilityResponse": {
              "fields": {
                "available": {
                  "type": "bool",
                  "id": 1
                },
                "offerId": {
                  "type": "string",
                  "id": 2
                },
                "unitsAvailable": {
                  "type": "int64",
                  "id": 3
                }
              }
            },
            "ReserveRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "units": {
                  "type": "Units",
                  "id": 3
                }
              }
            },
            "ReserveResponse": {
              "fields": {
                "reservation": {
                  "type": "Reservation",
                  "id": 1
                }
              }
            },
            "ReleaseRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "units": {
                  "type": "Units",
                  "id": 3
                }
              }
            },
            "ReleaseResponse": {
              "fields": {
                "reservation": {
                  "type": "Reservation",
                  "id": 1
                }
              }
            },
            "ConfirmRequest": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "units": {
                  "type": "Units",
                  "id": 3
                }
              }
            },
            "ConfirmResponse": {
              "fields": {
                "reservation": {
                  "type": "Reservation",
                  "id": 1
                }
              }
            },
            "Reservation": {
              "fields": {
                "bookingId": {
                  "type": "string",
                  "id": 1
                },
                "fence": {
                  "type": "int64",
                  "id": 2
                },
                "state": {
                  "type": "ReservationState",
                  "id": 3
                },
                "offerId": {
                  "type": "string",
                  "id": 4
                },
                "quantity": {
                  "type": "int32",
                  "id": 5
                }
              }
            },
            "ReservationState": {
              "values": {
                "RESERVATION_STATE_UNSPECIFIED": 0,
                "RESERVATION_STATE_RESERVED": 1,
                "RESERVATION_STATE_CONFIRMED": 2,
                "RESERVATION_STATE_RELEASED": 3
              }
            }
          }
        }
      }
    },
    "google": {
      "nested": {
        "protobuf": {
          "nested": {
            "Timestamp": {
              "fields": {
                "seconds": {
                  "type": "int64",
                  "id": 1
                },
                "nanos": {
                  "type": "int32",
                  "id": 2
                }
              }
            },
            "Duration": {
              "fields": {
                "seconds": {
                  "type": "int64",
                  "id": 1
                },
                "nanos": {
                  "type": "int32",
                  "id": 2
                }
              }
            }
          }
        }
      }
    }
  }
};
