"""What a decoded message says, to be compared whatever its heartbeats are kept in."""

from models.message import Message


def as_values(message: Message) -> tuple[object, ...]:
    """All of it, its heartbeats as a list."""
    return (
        message.batch_id,
        message.sent_at_us,
        message.historical,
        list(message.heartbeats),
        message.rejects,
        message.total,
        message.unknown_fields,
        message.payload,
    )
