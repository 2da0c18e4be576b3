import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service.logs.context import frame, log_context
from ci_ops.service.logs.trace import (
    new_request_id,
    outgoing_headers,
    request_frame,
    trace_id_of,
    valid_request_id,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("text", "trace_id"),
    [
        (PARENT, TRACE),
        (f"cc-{TRACE}-b7ad6b7169203331-01-what-comes-later", TRACE),
        (f"cc-{TRACE}-b7ad6b7169203331-01.what", ""),
        (f"00-{TRACE}-b7ad6b7169203331-01-more", ""),
        (f"ff-{TRACE}-b7ad6b7169203331-01", ""),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (PARENT.upper(), ""),
        (PARENT + "\n", ""),
        ("", ""),
    ],
)
def test_a_traceparent_is_read_as_the_specification_says(text: str, trace_id: str) -> None:
    assert trace_id_of(text) == trace_id


@pytest.mark.parametrize("text", ["a\nb", "a b", "x" * 129, "é", "<script>", "a\x00", "%0a", ""])
def test_a_request_id_with_odd_characters_or_too_long_is_not_taken(text: str) -> None:
    assert valid_request_id(text) == ""


@given(st.text(), st.text(), st.text())
def test_whatever_is_sent_there_is_an_id_that_fits_a_header(sent: str, parent: str, state: str) -> None:
    made = request_frame(request_id=sent, traceparent=parent, tracestate=state)

    assert valid_request_id(made.fields["request_id"])
    assert made.carried == {}


def test_the_id_is_the_one_that_was_sent_else_the_trace_else_a_new_one() -> None:
    assert request_frame(request_id="r-1", traceparent=PARENT).fields == {
        "request_id": "r-1",
        "trace_id": TRACE,
    }
    assert request_frame(traceparent=PARENT).fields["request_id"] == TRACE
    assert request_frame(request_id="no good", traceparent="nonsense").fields.keys() == {"request_id"}
    assert len({new_request_id() for _ in range(1000)}) == 1000


def test_a_trace_is_passed_on_as_it_came_and_none_is_invented() -> None:
    assert outgoing_headers() == {}
    frame.set(request_frame(traceparent=PARENT, tracestate="vendor=1"))
    with log_context(order=1):
        assert outgoing_headers() == {
            "traceparent": PARENT,
            "tracestate": "vendor=1",
            "x-request-id": TRACE,
        }
    frame.set(request_frame(request_id="r-1"))
    assert outgoing_headers() == {"x-request-id": "r-1"}
    frame.set(None)
    with log_context(order=1):
        assert outgoing_headers() == {}


def test_a_tracestate_that_could_break_a_header_is_left_behind() -> None:
    assert "tracestate" not in request_frame(traceparent=PARENT, tracestate="a=1\r\nX: y").carried
    assert "tracestate" not in request_frame(traceparent=PARENT, tracestate="a" * 513).carried


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_forked_children_do_not_repeat_the_ids_of_each_other() -> None:
    told = []
    for _ in range(2):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, new_request_id().encode())
            os._exit(0)
        os.close(writer)
        told.append(os.read(reader, 64))
        os.close(reader)
        os.wait()

    assert len({*told, new_request_id().encode()}) == 3
