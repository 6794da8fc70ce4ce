"""Assertions of the conformance suite say what they compared, though its file is no test file."""

import pytest

pytest.register_assert_rewrite("ledger.conformance")
