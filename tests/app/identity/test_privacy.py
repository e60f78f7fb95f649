"""Names and telephone numbers, as they are shown to everybody."""

import pytest

from app.identity.privacy import mask_name, mask_phone, mask_username


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三", "张*"), ("欧阳娜娜", "欧*"), (" Li ", "L*"), ("张", "张*"), ("", None), (None, None)],
)
def test_a_name_is_shown_by_its_first_character(name, shown):
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("138 1234-5678", "138****5678"),
        ("+86 138 1234 5678", "861****5678"),
        ("0412-5512345", "041****2345"),
        ("12345678", "123****5678"),
        ("1234567", "****"),
        ("110", "****"),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_shown_by_its_ends(phone, shown):
    assert mask_phone(phone) == shown


def test_a_username_that_is_a_number_is_masked_and_no_other():
    assert mask_username("13887654321") == "138****4321"
    assert mask_username("+8613887654321") == "861****4321"
    assert mask_username("w0001") == "w0001"
    assert mask_username("li.2024") == "li.2024"
