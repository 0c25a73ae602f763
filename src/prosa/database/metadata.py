"""All tables in one metadata, for migrations and their checks."""

from sqlalchemy import MetaData

# Importing the models is what registers their tables. This module reaches up on purpose, and only migrations use it.
import prosa.answers.models
import prosa.auth.models
import prosa.conversations.models
import prosa.events.models
import prosa.keys.models
import prosa.knowledge.models
import prosa.outbox.models
import prosa.sessions.models
import prosa.tools.models
import prosa.usage.models
import prosa.users.models
import prosa.webhooks.models  # noqa: F401
from prosa.database.base import Base

metadata: MetaData = Base.metadata
