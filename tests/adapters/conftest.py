"""The contract is no test module by its name, yet its assertions should explain themselves."""

import pytest

pytest.register_assert_rewrite("tests.adapters.messenger_contract")
