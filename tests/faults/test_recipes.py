"""Recipes, cards and options that people, or attackers, write: one line each, at once."""

import contextlib
import random
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import trials

from benchmark.cli import main
from benchmark.cli._arguments import _option
from benchmark.errors import EarmarkError
from benchmark.planning.recipe import load_recipe
from benchmark.results.cards import read_card

RECIPE = """# A recipe
seeds: [1]
front_ends: {identity: , mine: {unet: {channels: 4}}}
tasks:
  speech_commands: {targets: synthetic/commands, interferers: synthetic/noise}
schemes: {clean: , noisy: , joint: }
train: {pretrain: {steps: 10, lr: 1e-3}}
score: {snr: [clean, 5], scenes: 4}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
HOSTILE = {
    "an alias bomb": BOMB,
    "an alias of itself": "seeds: &a [*a]\n",
    "nesting": "seeds: " + "[" * 200 + "]" * 200,
    "deeper nesting": "seeds: " + "[" * 20_000 + "]" * 20_000,
    "a mapping that is nested": "tasks: " + "{a: " * 300 + "}" * 300,
    "a surrogate": 'seeds: ["\\ud800"]\n',
    "a long number": "seeds: [" + "9" * 5000 + "]\n",
    "a long hexadecimal number": "seeds: [0x" + "f" * 5000 + "]\n",
    "a long base": "base: " + "x" * 300 + "\n",
    "a very long base": "base: " + "x/" * 5000 + "\n",
    "a million seeds": "seeds: [" + ", ".join(map(str, range(1_000_000))) + "]\n",
    "an impossible date": "seeds: [2020-02-31]\n",
    "a tag": "seeds: !!python/object/apply:os.system ['true']\n",
    "a byte that is no text": "seeds: [\x00]\n",
    "another document": RECIPE + "---\nseeds: [2]\n",
    "nothing": "",
    "a list": "- a\n- b\n",
    "a number for a key": "1: 2\n",
    "an infinite seed": "seeds: [.inf]\n",
    "a long label": RECIPE.replace("mine:", "m" * 300 + ":"),
    "a label in another script": RECIPE.replace("mine:", "ｍｉｎｅ:"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_nobody_writes_by_hand_is_one_line_at_once(tmp_path, capsys, name):
    path = tmp_path / "recipe.yaml"
    path.write_text(HOSTILE[name], encoding="utf-8")
    started = time.monotonic()
    assert main(["run", str(path), "--dry-run"]) == 2
    assert time.monotonic() - started < 10
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("earmark: ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 1500


KEYS = ("seeds", "front_ends", "tasks", "schemes", "together", "train", "score", "trainer", "base", "x")
ODD = ("{", "}", "[", "]", ":", ",", "&a ", "*a", "!!", "'", '"', "\t", "-1", ".nan", "1e999", "null", "é")


def mutated(text: str, rng: random.Random) -> str:
    """A recipe with some characters, words or lines changed, doubled, moved or gone."""
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(5)
        place, other = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        odd = rng.choice(ODD)
        text = (
            text[:place] + odd + text[place:],
            text[:place] + text[min(other, place + 12) :],
            text[:place] + text[place:other] * 2 + text[other:],
            "".join(rng.sample(lines := text.splitlines(keepends=True), len(lines))),
            text.replace(rng.choice(["unet", "joint", "clean", "synthetic/noise", "steps", "10", "snr"]), odd),
        )[kind]
    return text


@settings(max_examples=trials(40), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_recipe_that_was_damaged_is_read_or_refused(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(mutated(RECIPE, random.Random(seed)), encoding="utf-8")
    with contextlib.suppress(EarmarkError):
        load_recipe(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=trials(40), deadline=None)
@given(
    key=st.sampled_from(
        ["seeds", "front_ends", "tasks", "schemes", "together", "train", "score", "trainer", "base", "x"]
    ),
    value=VALUES,
)
def test_a_recipe_with_any_value_anywhere_is_read_or_refused(tmp_path_factory, key, value):
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(RECIPE), key: value}, allow_unicode=True), encoding="utf-8")
    with contextlib.suppress(EarmarkError):
        load_recipe(path)


@settings(max_examples=trials(40), deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_card_of_any_bytes_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("card") / "card.yaml"
    path.write_bytes(content)
    with contextlib.suppress(EarmarkError):
        read_card(path)


@settings(max_examples=trials(40), deadline=None)
@given(text=st.text(max_size=60))
def test_an_option_of_any_text_is_read_or_refused(text):
    with contextlib.suppress(EarmarkError):
        _option(text)


@pytest.mark.parametrize(
    "content",
    [
        b"def broken(:\n",
        b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
        b"x = 1\x00\n",
        b"\xff\xfe\x00",
        b"# -*- coding: no-such-code -*-\n",
        b"import no_such_module_anywhere\n",
        b"raise SystemExit(0)\n",
        b"",
        b"class Mine:\n    pass\n",
        b"(" * 5000,
    ],
)
@pytest.mark.parametrize("command", [["check"], ["submit", "--recipe", "toy"]])
def test_a_file_that_is_no_front_end_is_one_line(tmp_path, monkeypatch, capsys, content, command):
    import toys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path / "cache"))
    toys.toy_recipe(tmp_path, front_ends={"identity": None}, schemes={"clean": None})
    (tmp_path / "mine.py").write_bytes(content)
    words = [command[0], "mine.py:Mine", *command[1:]]
    assert main([word.replace("toy", str(tmp_path / "toy.yaml")) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("earmark: ")
    assert "Traceback" not in said
