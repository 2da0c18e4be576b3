"""Texts from outside, made to break what shows them."""

from __future__ import annotations

from hypothesis import strategies as st

from ci_ops.core.text.lines import one_line
from tests.support.reports import HOSTILE

HOSTILE_TEXTS = st.one_of(
    st.text(min_size=1),
    st.text(alphabet="|`*_~<>[]()!@#&:;%\\\n\r-+=\"'{}$^ ax1", min_size=1, max_size=60),
    st.text().map(lambda text: HOSTILE + text),
).filter(one_line)
