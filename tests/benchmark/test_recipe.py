"""Recipes: what they mean, and one line for what is wrong with them."""

import pytest
import toys
import yaml

from benchmark.contracts import Spec
from benchmark.corpora import Corpora
from benchmark.errors import EarmarkError
from benchmark.plan import make_plan
from benchmark.recipe import load_recipe

GOOD = """# A test
front_ends: {identity: }
tasks: {speech_commands: {targets: synthetic/commands, interferers: synthetic/noise}}
schemes: {clean: }
"""


def load(tmp_path, text, name="r.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return load_recipe(path)


def test_defaults_are_filled_in(tmp_path):
    recipe = load(tmp_path, GOOD + "train: {stock: {lr: 1e-4}}\n")
    assert recipe.title == "A test"
    assert recipe.seeds == (1,)
    assert recipe.front_ends["identity"] == Spec("identity", 1, {})
    task = recipe.tasks["speech_commands"]
    assert task.train.stock.lr == 1e-4  # YAML 1.1 would make it a string
    assert task.train.adapt.lr == 1e-3
    assert task.score.snr == ("clean", 20, 15, 10, 5, 0, -5)
    assert "channels" in task.model  # the constructor's own defaults


def test_a_task_overrides_the_recipe_key_by_key(tmp_path):
    text = GOOD.replace("synthetic/noise}", "synthetic/noise, train: {stock: {steps: 7}}, score: {scenes: 5}}")
    task = load(tmp_path, text + "train: {stock: {batch: 3}, snr: [0, 5]}\n").tasks["speech_commands"]
    assert (task.train.stock.steps, task.train.stock.batch, task.train.snr, task.score.scenes) == (7, 3, (0, 5), 5)


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD.replace("{clean: }", "{clean: , joint: {enhancement_weight: 0.5}, noisy: }") + "seeds: [1, 2]\n")
    recipe = load(tmp_path, "base: base.yaml\nschemes: {joint: , noisy: }\ntrain: {batch_: 1}\n".replace("train: {batch_: 1}\n", ""))
    assert list(recipe.schemes) == ["joint", "noisy"]
    assert recipe.schemes["joint"].config["enhancement_weight"] == 0.5
    assert recipe.seeds == (1, 2)


def test_a_label_may_stand_for_a_component_with_options(tmp_path):
    text = GOOD.replace("{identity: }", "{identity: , small: {unet: {channels: 4}}, both: {chain: [spectral, unet]}}")
    recipe = load(tmp_path, text)
    assert recipe.front_ends["small"].name == "unet"
    assert recipe.front_ends["small"].config["channels"] == 4
    assert recipe.front_ends["both"].config["members"] == ["spectral", "unet"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schemes:", "scheme:", "unknown key 'scheme'; did you mean 'schemes'"),
        ("{identity: }", "{unett: }", "unknown front-end 'unett'; did you mean 'unet'"),
        ("{identity: }", "{unet: {chanels: 3}}", "front_ends.unet: unknown option 'chanels'; did you mean 'channels'"),
        ("{identity: }", "{unet: {channels: many}}", "front_ends.unet: option 'channels'"),
        ("{identity: }", "{reference: }", "the row that the evaluator adds"),
        ("{clean: }", "{clean: , jiont: }", "did you mean 'joint'"),
        ("speech_commands:", "speech_command:", "did you mean 'speech_commands'"),
        ("{clean: }", "{clean: }\ntrain: {snr: 5}", "train.snr"),
        ("{clean: }", "{clean: }\ntrain: {snr: [5, 0]}", r"snr: write \[lowest, highest\]"),
        ("{clean: }", "{clean: }\ntrain: {stock: {steps: 0}}", "train.stock.steps"),
        ("{clean: }", "{clean: }\ntrain: {stock: {stepz: 1}}", "did you mean 'steps'"),
        ("{clean: }", "{clean: }\nscore: {snr: [quiet]}", "'quiet' is neither"),
        ("{clean: }", "{clean: }\nseeds: 3", "write a list"),
        ("{clean: }", "{clean: }\ntrainer: {precison: 16}", "did you mean 'precision'"),
        ("{clean: }", "{clean: ", "not YAML"),
        ("{clean: }", "{}", "give at least one"),
        ("{clean: }", "{clean: }\nbase: nowhere.yaml", "base: nowhere.yaml is neither"),
        ("{targets: synthetic/commands, interferers: synthetic/noise}", "[1]", "write a mapping"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(tmp_path, old, new, message):
    with pytest.raises(EarmarkError, match=message) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_is_answered_with_the_nearest():
    with pytest.raises(EarmarkError, match="did you mean 'mini'"):
        load_recipe("minni")
    with pytest.raises(EarmarkError, match="no recipe"):
        load_recipe("nowhere/x.yaml")


def test_a_front_end_trained_by_several_tasks_is_scored_on_all_of_them(tmp_path):
    toys_file = toys.__file__
    task = {"task": f"{toys_file}:Bands", "targets": {f"{toys_file}:Tones": {}}, "interferers": {f"{toys_file}:Hiss": {}}}
    path = toys.toy_recipe(
        tmp_path,
        tasks={"one": task, "two": task, "three": task},
        schemes={"noisy": None, "joint": None, "both": "joint"},
        together={"both": ["one", "two"]},
    )
    plan = make_plan(load_recipe(path), Corpora(None, tmp_path / "cache"))
    rows = {row.task: row for row in plan.rows if (row.front_end, row.scheme) == ("gain", "both")}
    assert set(rows) == {"one", "two", "three"}
    behind = {label: {plan.cells[key].label: plan.cells[key] for key in row.trained_by} for label, row in rows.items()}
    shared = behind["one"]["gain both, seed 1"]
    assert list(shared.config["tasks"]) == ["one", "two"]
    assert set(shared.config["starts"]) == {"front_end", "one", "two"}
    weights = {label: plan.cells[row.record].config["weights"] for label, row in rows.items()}
    assert {weight["front_end"] for weight in weights.values()} == {shared.key}
    assert weights["one"]["task"] == weights["two"]["task"] == shared.key
    follower = behind["three"]["three: behind gain both, seed 1"]
    assert weights["three"]["task"] == follower.key
    assert follower.config["scheme"]["name"] == "frozen"
    assert follower.config["starts"]["front_end"] == shared.key


@pytest.mark.parametrize(
    ("together", "message"),
    [
        ("{joins: [one, two]}", "did you mean 'joint'"),
        ("{joint: [one]}", "two or more"),
        ("{joint: [one, twoo]}", "did you mean 'two'"),
        ("{noisy: [one, two]}", "trains no front-end"),
        ("[one, two]", "write a mapping"),
    ],
)
def test_bad_groups_of_tasks_are_one_line(tmp_path, together, message):
    toys_file = toys.__file__
    task = {"task": f"{toys_file}:Bands", "targets": {f"{toys_file}:Tones": {}}, "interferers": {f"{toys_file}:Hiss": {}}}
    path = toys.toy_recipe(tmp_path, tasks={"one": task, "two": task}, schemes={"noisy": None, "joint": None}, together=yaml.safe_load(together))
    with pytest.raises(EarmarkError, match=message):
        load_recipe(path)
