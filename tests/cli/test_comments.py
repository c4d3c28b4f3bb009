from o2recon.cli.comments import key_comments, summary
from o2recon.cli.options import describe, groups

TEXT = """# @package _global_
# Two words. And
# more.
defaults:
  - auto  # no key
depth: 2  # metres: of "all"
inner:   # a group
  depth: [1, 2]  # another
  plain: "a # b"
"""


def test_a_choice_is_summed_up_by_its_first_sentence():
    assert summary(TEXT) == "Two words"
    assert summary("# One sentence\n# over two lines; both count.\nkey: 1") == "One sentence over two lines; both count"
    assert summary("key: 1  # nothing about the file") == ""


def test_comments_belong_to_the_key_on_their_line():
    told = key_comments(TEXT)
    assert told["depth"] == 'metres: of "all"' and told["inner"] == "a group" and told["inner.depth"] == "another"
    assert set(told) == {"depth", "inner", "inner.depth", "inner.plain"}


def test_help_tells_what_choices_and_keys_are():
    text = describe("run")
    assert "  * auto " in text and "Claims from the completed surface alone" in text
    line = next(line for line in text.splitlines() if line.startswith("  masks.margin="))
    assert "# metres; a covered surface" in line
    assert not [line for line in f"{text}\n{describe('synth')}".splitlines() if "._" in line.partition("=")[0]]
    assert all(f"\n{group}:\n" in text for group in ("masks", "field", "loss", "ablation")) and groups()["ablation"]
