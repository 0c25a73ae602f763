"""Messages on their way out: claiming, sending, retrying, receipts."""
