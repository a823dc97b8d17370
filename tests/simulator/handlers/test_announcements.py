"""Which messages announce an end: by the team's words, at the place where a message states its own status."""

import json

import pytest

from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.presets import preset
from drsim.simulator.handlers.announcements import _MESSAGES, _named, end_in

WORDS = Layout(preset("plain", words={"execution": {"COMPLETED": ["DONE"], "POLLING": ["RUNNING"]}})).executions


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (json.dumps({"id": "e-1", "status": "DONE"}), "DONE"),
        ("Execution e-1 ended: DONE", "DONE"),
        ("Execution e-1 is still RUNNING", None),
        ("e-1 went from RUNNING to DONE", None),
        (json.dumps({"status": "RUNNING", "waves": [{"status": "DONE"}]}), None),
        (json.dumps({"status": "PARTIAL", "waves": [{"status": "DONE"}, {"status": "FAILED"}]}), "PARTIAL"),
        (json.dumps({"detail": json.dumps({"status": "FAILED"})}), "FAILED"),
        (json.dumps({"text": "all DONE", "status": "PARTIAL"}), "PARTIAL"),
        # COMPLETED is none of this team's words.
        (json.dumps({"status": "COMPLETED"}), None),
        # A part of the execution ended.
        (json.dumps({"id": "e-1", "wave": 1, "status": "DONE"}), None),
        (json.dumps({"id": "e-1", "sourceServerID": "s-1", "status": "FAILED"}), None),
        (json.dumps({"id": "e-1", "wave_number": 2, "detail": {"status": "DONE"}}), None),
        ("e-1: wave 1 is DONE", None),
        ("e-1: job drsjob-0123 FAILED", None),
        (json.dumps({"id": "e-1", "waves": 3, "status": "DONE"}), "DONE"),
        ("e-1 ended with 3 waves: DONE", "DONE"),
        ("e-1", None),
        ("{", None),
    ],
)
def test_message_announces_the_word_of_its_own_status(text: str, word: str | None) -> None:
    assert end_in(text, WORDS) == word


@pytest.mark.parametrize(
    ("text", "own", "named"),
    [
        ("e-1", "", "e-1"),
        ("e-12", "", "e-12"),
        ("e-1 and e-2", "", ""),
        ("e-1 and e-2", "e-2", "e-2"),
        ("none", "e-2", ""),
    ],
)
def test_message_names_one_execution(text: str, own: str, named: str) -> None:
    assert _named(text, own, ["e-1", "e-12", "e-2"]) == named


def test_entries_that_a_service_refused_are_no_announcements() -> None:
    entries = [{"Detail": "a"}, {"Detail": "b", "EventBusName": "ends"}, {"Detail": "c"}]
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}, {"EventId": "2"}, {"EventId": "3"}]}
    found = list(_MESSAGES["eventbridge", "PutEvents"]({"Entries": entries}, answer))
    assert found == [("PutEvents ends", "b"), ("PutEvents default", "c")]
    batch = {"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b"}]}
    failed = {"Failed": [{"Id": "1"}]}
    assert list(_MESSAGES["sqs", "SendMessageBatch"](batch, failed)) == [("SendMessage q", "b")]


def test_callbacks_and_notifications_have_their_texts() -> None:
    assert list(_MESSAGES["sfn", "SendTaskSuccess"]({"output": "o"}, {})) == [("SendTask", "o")]
    assert list(_MESSAGES["sfn", "SendTaskFailure"]({"error": "E", "cause": "c"}, {})) == [("SendTask", '["E", "c"]')]
    assert list(_MESSAGES["sns", "Publish"]({"TopicArn": "t", "Message": "m"}, {})) == [("Publish t", "m")]
    entries = [{"Id": "1", "Message": "m"}, {"Id": "2", "Message": "refused"}]
    batch = {"TopicArn": "t", "PublishBatchRequestEntries": entries}
    assert list(_MESSAGES["sns", "PublishBatch"](batch, {"Failed": [{"Id": "2"}]})) == [("Publish t", "m")]
