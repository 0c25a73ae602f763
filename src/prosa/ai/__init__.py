"""From a prompt to an answer: models, context, prices. No database, no WhatsApp."""
