"""A fake Stripe for what localstripe lacks: idempotency, lost responses, checkout pages."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class FakeStripe:
    """State of one fake.

    `lose` responses are dropped after the work is done, `refuse` connections before it. `fault` is
    (status, type, message), the response to everything while it is set. While `hang` is an event
    nothing is answered until it is set.
    """

    def __init__(self):
        self.ids = itertools.count(1)
        self.things, self.replies, self.charges = {}, {}, []
        self.lose = self.refuse = 0
        self.decline = False
        self.refund_status = "succeeded"
        self.fault = None
        # Such as {"fee": 172, "currency": "usd"}; None where the network does not say.
        self.fee = None
        self.hang = None
        self.detached = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                fake.serve(self, "GET", {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                fake.serve(
                    self, "POST", {name: values[-1] for name, values in parse_qs(body).items()}
                )

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler, method, form):
        if self.hang:
            # The caller has gone by then.
            self.hang.wait(60)
            handler.close_connection = True
            return None
        if self.refuse:
            self.refuse -= 1
            handler.close_connection = True
            return handler.connection.close()
        key = handler.headers.get("Idempotency-Key") if method == "POST" else None
        path = urlsplit(handler.path).path
        if self.fault:
            status, kind, message = self.fault
            reply = status, {"error": {"type": kind, "message": message}}
        elif key and key in self.replies:
            reply = self.replies[key]
        else:
            reply = self.answer(method, path, form)
            if key:
                self.replies[key] = reply
        if self.lose:
            self.lose -= 1
            handler.close_connection = True
            return handler.connection.close()
        status, body = reply
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        return handler.wfile.write(data)

    def answer(self, method, path, form):
        parts = path.strip("/").split("/")[1:]
        if method == "GET" and len(parts) > 1:
            missing = {
                "type": "invalid_request_error",
                "code": "resource_missing",
                "message": f"No such {parts[-1]}",
            }
            return (
                (200, self.things[parts[-1]])
                if parts[-1] in self.things
                else (404, {"error": missing})
            )
        if method == "GET":
            found = [thing for thing in self.things.values() if thing["object"] == "payment_intent"]
            return 200, {"object": "list", "data": found, "has_more": False, "url": path}
        if parts[-1] == "attach":
            return 200, {
                "id": parts[1],
                "object": "payment_method",
                "type": "sepa_debit",
                "card": None,
            }
        if parts[0] == "payment_methods":
            self.detached.append(parts[1])
            return 200, {"id": parts[1], "object": "payment_method"}
        if parts[-1] == "expire":
            self.things[parts[2]]["status"] = "expired"
            return 200, self.things[parts[2]]
        make = {"customers": self.customer, "payment_intents": self.intent, "refunds": self.refund}
        return make.get(parts[0], self.session)(form)

    def finish_setup(self, brand, last4):
        """Save a card on the page opened last; returns the session's id."""
        session = [
            thing for thing in self.things.values() if thing["object"] == "checkout.session"
        ][-1]
        method = {
            "id": f"pm_{last4}",
            "object": "payment_method",
            "type": "card",
            "card": {"brand": brand, "last4": last4},
        }
        session |= {
            "status": "complete",
            "setup_intent": {"id": "seti_1", "object": "setup_intent", "payment_method": method},
        }
        return session["id"]

    def keep(self, prefix, kind, **fields):
        thing = {"id": f"{prefix}_{next(self.ids)}", "object": kind, **fields}
        self.things[thing["id"]] = thing
        return 200, thing

    def finish_payment(self):
        """Pay on the page opened last; returns the session's id."""
        session = [
            thing for thing in self.things.values() if thing["object"] == "checkout.session"
        ][-1]
        session |= {
            "status": "complete",
            "payment_status": "paid",
            "payment_intent": f"pi_of_{session['id']}",
        }
        self.charges.append(session["amount"])
        return session["id"]

    def customer(self, form):
        return self.keep("cus", "customer", name=form.get("name"), email=form.get("email"))

    def intent(self, form):
        if self.decline:
            _, made = self.keep(
                "pi",
                "payment_intent",
                status="requires_payment_method",
                amount=int(form["amount"]),
                metadata={"parley_key": form["metadata[parley_key]"]},
            )
            error = {
                "type": "card_error",
                "code": "card_declined",
                "message": "Your card was declined.",
            }
            return 402, {"error": {**error, "payment_intent": made}}
        self.charges.append(int(form["amount"]))
        # Stripe's own fee is in the balance transaction of the charge, where that is asked for.
        moved = {"id": "txn_1", "object": "balance_transaction", **(self.fee or {})}
        charge = {"id": "ch_1", "object": "charge", "balance_transaction": moved}
        expanded = form.get("expand[0]") == "latest_charge.balance_transaction"
        return self.keep(
            "pi",
            "payment_intent",
            status="succeeded",
            amount=int(form["amount"]),
            latest_charge=charge if expanded and self.fee else "ch_1",
            metadata={"parley_key": form["metadata[parley_key]"]},
        )

    def refund(self, form):
        return self.keep(
            "re",
            "refund",
            status=self.refund_status,
            amount=int(form["amount"]),
            payment_intent=form["payment_intent"],
        )

    def session(self, form):
        if form["mode"] == "setup":
            return self.keep(
                "cs",
                "checkout.session",
                mode="setup",
                status="open",
                customer=form["customer"],
                setup_intent=None,
                url="https://pay.example/setup",
                success_url=form["success_url"],
            )
        return self.keep(
            "cs",
            "checkout.session",
            mode="payment",
            status="open",
            setup_intent=None,
            payment_status="unpaid",
            url="https://pay.example/1",
            amount=int(form["line_items[0][price_data][unit_amount]"]),
        )
