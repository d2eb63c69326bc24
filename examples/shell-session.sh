#!/bin/sh
# Joins a line, asks for the place in it, pays when it is our turn, and saves the ticket.
#
#   FAIRLINE_URL=http://127.0.0.1:3000 examples/shell-session.sh fan-1 summer-night standing
#
# Needs curl and jq. Exit code 0: the ticket is in the folder that we are in.
set -eu

server=${FAIRLINE_URL:-http://127.0.0.1:3000}
method=${PAYMENT_METHOD:-pm_ok}
user=${1:-fan-1} event=${2:-summer-night} type=${3:-standing}
token=''

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# Seconds, by the server's clock: ours may be wrong.
until_it_opens='[.opensAt, .serverTime] | map(sub("\\.[0-9]+"; "") | fromdate) | .[0] - .[1] + 1'

# call METHOD URL [curl option...]: prints the body of the answer.
# Sent again after a broken connection, before the sale has opened (425), and where the server asks for it (429, 503 and
# their Retry-After); with the same Idempotency-Key that is never a second booking or payment.
call() {
  verb=$1 url=$2
  shift 2
  attempt=0
  while :; do
    attempt=$((attempt + 1))
    status=$(curl --silent --max-time 30 --request "$verb" --dump-header "$work/head" --output "$work/body" \
      --write-out '%{http_code}' ${token:+--header "authorization: Bearer $token"} "$@" "$url") || status=000
    case $status in
      2??) cat "$work/body"; return ;;
      425) pause=$(jq "$until_it_opens" "$work/body") ;;
      429 | 5??) pause=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$work/head") ;;
      000) pause=$attempt ;;
      *) break ;;
    esac
    [ "$attempt" -lt 10 ] || break
    sleep "${pause:-$attempt}"
  done
  echo "$verb $url: $status $(jq -r '.code // empty' "$work/body" 2> /dev/null)" >&2
  return 1
}

new_key() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
json='content-type: application/json'

body=$(jq -n --arg userId "$user" --arg eventId "$event" --arg ticketType "$type" '$ARGS.named')
place=$(call POST "$server/api/bookings" --header "$json" --header "idempotency-key: $(new_key)" --data "$body")
field() { printf '%s' "$place" | jq -r "$1"; }
token=$(field .token)
echo "in line as number $(field .seq), at position $(field .position)"

version=0 paid='' key=$(new_key)
while :; do
  # The answer is never older than the version that we saw last.
  booking=$(call GET "$(field .links.self)?version=$version")
  state=$(printf '%s' "$booking" | jq -r .state)
  reason=$(printf '%s' "$booking" | jq -r '.reason // empty')
  version=$(printf '%s' "$booking" | jq -r .version)
  case $state in
    waiting)
      printf '%s' "$booking" | jq -r '"waiting at position \(.position), about \(.estimatedWaitSeconds) s"'
      # Nobody gains by asking more often: half of the wait, from 1 s to 15 s.
      sleep "$(printf '%s' "$booking" | jq '[[.estimatedWaitSeconds / 2, 1] | max, 15] | min')"
      ;;
    held)
      if [ -n "$paid" ] && [ -n "$reason" ]; then
        # Back in its hold: the bank refused. Who has no other card lets the next in line have it.
        echo "not paid: $reason" >&2
        call DELETE "$(field .links.self)" > "$work/left"
      elif [ -z "$paid" ]; then
        echo 'our turn: paying'
        call POST "$(field .links.payment)" --header "$json" --header "idempotency-key: $key" \
          --data "$(jq -n --arg paymentMethod "$method" '$ARGS.named')" > "$work/paying"
        paid=yes
      fi
      sleep 1
      ;;
    paying | paid)
      printf '%s' "$booking" | jq -r '"\(.state), \(.progress) %"'
      sleep 1
      ;;
    confirmed) break ;;
    *)
      echo "no ticket: $state${reason:+ ($reason)}" >&2
      exit 1
      ;;
  esac
done

file="ticket-$(field .bookingId).pdf"
call GET "$(field .links.ticket)" > "$file"
echo "saved $file"
