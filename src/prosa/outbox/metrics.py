"""What operators watch about sending."""

from prometheus_client import Counter, Histogram

OUTCOMES = Counter(
    "prosa_outbox_attempts",
    "Tries to send a message, by outcome: sent, retried, failed, cancelled, offline",
    ["outcome"],
)
SENT = OUTCOMES.labels("sent")
DELAY = Histogram(
    "prosa_outbox_delay_seconds",
    "From a message's being stored to WhatsApp's server having it.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
