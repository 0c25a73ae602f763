"""What operators watch about webhooks."""

from prometheus_client import Counter, Gauge

TRIES = Counter("prosa_webhook_tries", "Tries to deliver to a webhook, by outcome: accepted, refused", ["outcome"])
ACCEPTED, REFUSED = TRIES.labels("accepted"), TRIES.labels("refused")
LINES = Gauge("prosa_webhooks_followed", "Webhooks whose events are delivered", multiprocess_mode="livesum")
