"""Announcements: events, messages and callbacks of functions about the end of an execution.

Owns which messages are announcements. Whether they are true is for `announced-truly`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from drsim.orchestrator.model import TERMINAL
from drsim.simulator.contract.layout import Vocabulary
from drsim.simulator.events import Announced
from drsim.simulator.handlers.operations import Members

if TYPE_CHECKING:
    from drsim.simulator.handlers.calls import A, Calls, ClientCall


class Message(NamedTuple):
    """One message that a service accepted: where it went, and its text."""

    channel: str
    text: str


def record(calls: "Calls[A]", call: "ClientCall[A]", answer: "A") -> None:
    """Record each announcement in a call that succeeded."""
    messages = _MESSAGES.get((call.service, call.operation))
    if messages is None:
        return
    world, invocation = calls.world, call.invocation
    for message in messages(call.asked, calls.responder.members_of(answer)):
        execution_id = _named(message.text, invocation.execution_id, calls.executions)
        word = end_in(message.text, world.layout.executions) if execution_id else None
        if word is not None:
            ids = (invocation.request_id, invocation.function, execution_id)
            world.trace.emit(Announced(world.kernel.now_us, *ids, message.channel, word, call.place))


def end_in(text: str, words: Vocabulary[Any]) -> str | None:
    """Return the team's word for an end that a message announces; None if it says that the execution is open.

    The word is a value of the message's own fields rather than of a list in it, such as that of the waves. A message
    that names one wave, server or job announces the end of that.
    """
    terminal = {word for status in TERMINAL for word in words.theirs[status]}
    known = {word for found in words.theirs.values() for word in found} | words.other
    level: list[object] = [_loaded(text)]
    while level:
        exact = [value for value in level if isinstance(value, str) and value in known]
        spoken = [word for value in level if isinstance(value, str) for word in _WORD.findall(value) if word in known]
        found = exact or spoken
        if found:
            is_end = all(word in terminal for word in found) and not any(map(_is_of_a_part, level))
            return found[0] if is_end else None
        if any(map(_is_of_a_part, level)):
            return None
        level = [below for value in level for below in _below(value)]
    return None


# The fields by which a message names a part of an execution, in lower case without underscores; and texts that do so.
_PART: Final = re.compile(r"(wave|server|sourceserver|job|drsjob|(recovery|ec2)?instance)(id|number|name|index)?")
_PART_IN_TEXT: Final = re.compile(r"\b(wave|server|job|instance)\W+[\w-]*\d", re.IGNORECASE)


def _is_of_a_part(value: object) -> bool:
    """Whether a message names one wave, server or job."""
    if isinstance(value, Mapping):
        scalars = (name for name, each in value.items() if isinstance(each, str | int | float))
        return any(_PART.fullmatch(str(name).lower().replace("_", "")) for name in scalars)
    return isinstance(value, str) and _PART_IN_TEXT.search(value) is not None


_WORD: Final = re.compile(r"[\w-]+")


def _below(value: object) -> Iterator[object]:
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    # Messages hold JSON in texts: the detail of an event, the body of a notification.
    yield from (_loaded(each) if isinstance(each, str) else each for each in values)


def _loaded(text: str) -> object:
    try:
        found: object = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict | list | str) else text


def _named(text: str, own: str, known: Iterable[str]) -> str:
    """Return the execution that a message names; "" if it names none, or several."""
    if own and own in text:
        return own
    named = [execution_id for execution_id in known if execution_id in text]
    # The id of one execution may be a part of another's.
    longest = [each for each in named if not any(each != other and each in other for other in named)]
    return longest[0] if len(longest) == 1 else ""


def _events(asked: Members, answer: Members) -> Iterator[Message]:
    results = answer.get("Entries", ())
    for number, entry in enumerate(asked.get("Entries", ())):
        if number >= len(results) or "ErrorCode" not in results[number]:
            yield Message(f"PutEvents {entry.get('EventBusName', 'default')}", str(entry.get("Detail", "")))


def _notification(asked: Members, _: Members) -> Iterator[Message]:
    target = asked.get("TopicArn") or asked.get("TargetArn") or asked.get("PhoneNumber") or ""
    texts = [str(asked[name]) for name in ("Message", "Subject") if name in asked]
    yield Message(f"Publish {target}", texts[0] if len(texts) == 1 else json.dumps(texts))


def _notifications(asked: Members, answer: Members) -> Iterator[Message]:
    failed = {each.get("Id") for each in answer.get("Failed", ())}
    for entry in asked.get("PublishBatchRequestEntries", ()):
        if entry.get("Id") not in failed:
            yield Message(f"Publish {asked.get('TopicArn', '')}", str(entry.get("Message", "")))


def _queued(asked: Members, _: Members) -> Iterator[Message]:
    yield Message(f"SendMessage {asked.get('QueueUrl', '')}", str(asked.get("MessageBody", "")))


def _queued_batch(asked: Members, answer: Members) -> Iterator[Message]:
    failed = {each.get("Id") for each in answer.get("Failed", ())}
    for entry in asked.get("Entries", ()):
        if entry.get("Id") not in failed:
            yield Message(f"SendMessage {asked.get('QueueUrl', '')}", str(entry.get("MessageBody", "")))


def _success(asked: Members, _: Members) -> Iterator[Message]:
    yield Message("SendTask", str(asked.get("output", "")))


def _failure(asked: Members, _: Members) -> Iterator[Message]:
    yield Message("SendTask", json.dumps([str(asked.get("error", "")), str(asked.get("cause", ""))]))


_MESSAGES: Final[Mapping[tuple[str, str], Callable[[Members, Members], Iterator[Message]]]] = {
    ("eventbridge", "PutEvents"): _events,
    ("sns", "Publish"): _notification,
    ("sns", "PublishBatch"): _notifications,
    ("sqs", "SendMessage"): _queued,
    ("sqs", "SendMessageBatch"): _queued_batch,
    ("sfn", "SendTaskSuccess"): _success,
    ("sfn", "SendTaskFailure"): _failure,
}
"""The operations that announce, by service and operation: the messages of a call, from its parameters and answer."""
