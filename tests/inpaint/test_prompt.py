import pytest

from o2recon.inpaint import Prompt


def test_aliases_name_odd_categories_in_words_that_a_network_knows() -> None:
    prompt = Prompt(template="a {category}, no background", aliases={"Stack of chairs": "chair"})
    assert prompt("stack of chairs") == "a chair, no background"
    assert prompt(" Coffee Table") == "a coffee table, no background"


def test_a_template_without_the_category_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inpaint\.prompt\.template"):
        Prompt(template="a thing", aliases={})
