"""Recipes: what they mean, and one line for what is wrong with them."""

import json
from inspect import signature

import pytest
import toys
import yaml

from benchmark import registry
from benchmark.catalogue import Corpora
from benchmark.contracts import Spec
from benchmark.errors import EarmarkError
from benchmark.options import bind
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe

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
    assert task.model.name == "waveform_cnn"
    assert "channels" in task.model.config  # the constructor's own defaults


def test_a_front_end_may_be_added_under_its_own_name_or_another():
    recipe = load_recipe(
        "demo", {"nal_r": {"nal_r": {"gain": 3.0}}, "fig6": {"fig6": None}, "louder": {"nal_r": {"gain": 6.0}}}
    )
    assert [
        (recipe.front_ends[label].name, recipe.front_ends[label].config.get("gain"))
        for label in ("nal_r", "fig6", "louder")
    ] == [
        ("nal_r", 3.0),
        ("fig6", None),
        ("nal_r", 6.0),
    ]


def test_a_task_overrides_the_recipe_key_by_key(tmp_path):
    text = GOOD.replace("synthetic/noise}", "synthetic/noise, train: {stock: {steps: 7}}, score: {scenes: 5}}")
    task = load(tmp_path, text + "train: {stock: {batch: 3}, snr: [0, 5]}\n").tasks["speech_commands"]
    assert (task.train.stock.steps, task.train.stock.batch, task.train.snr, task.score.scenes) == (7, 3, (0, 5), 5)


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path):
    (tmp_path / "base.yaml").write_text(
        GOOD.replace("{clean: }", "{clean: , joint: {enhancement_weight: 0.5}, noisy: }") + "seeds: [1, 2]\n"
    )
    recipe = load(
        tmp_path,
        "base: base.yaml\nschemes: {joint: , noisy: }\ntrain: {batch_: 1}\n".replace("train: {batch_: 1}\n", ""),
    )
    assert list(recipe.schemes) == ["joint", "noisy"]
    assert recipe.schemes["joint"].config["enhancement_weight"] == 0.5
    assert recipe.seeds == (1, 2)


def test_what_a_recipe_says_of_all_tasks_beats_what_its_base_says_of_one(tmp_path):
    base = GOOD.replace(
        "synthetic/noise}",
        "synthetic/noise, train: {stock: {steps: 7, lr: 2e-3}, adapt: {steps: 9}}, score: {scenes: 5}}",
    )
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "middle.yaml").write_text("base: base.yaml\ntrain: {stock: {steps: 11}}\n")
    task = load(tmp_path, "base: middle.yaml\ntrain: {adapt: {steps: 13}}\nscore: {snr: [0]}\n").tasks[
        "speech_commands"
    ]
    assert (task.train.stock.steps, task.train.stock.lr, task.train.adapt.steps) == (11, 2e-3, 13)
    assert (task.score.scenes, task.score.snr) == (5, (0,))
    own = load(
        tmp_path,
        "base: base.yaml\ntrain: {adapt: {steps: 13}}\ntasks: {speech_commands: {train: {adapt: {steps: 15}}}}\n",
    )
    assert own.tasks["speech_commands"].train.adapt.steps == 15


def test_tasks_trained_together_and_alone_make_as_many_steps():
    recipe = load_recipe("multi_task")
    assert {entry.train.adapt.steps for entry in recipe.tasks.values()} == {recipe.train.adapt.steps}


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
        (
            "{identity: }",
            "{unet: {channels: '8'}}",
            "front_ends.unet: option 'channels': Input should be a valid integer",
        ),
        ("{identity: }", "{unet: {channels: true}}", "option 'channels': Input should be a valid integer"),
        (
            "{identity: }",
            "{unet: {channels: -4}}",
            "option 'channels': Input should be greater than or equal to 1; it is -4",
        ),
        ("{identity: }", "{unet: {channels: 1000000000}}", "option 'channels': Input should be less than"),
        ("{identity: }", "{unet: {kernel: -3}}", "option 'kernel'"),
        ("{identity: }", "{unet: {kernel: 4}}", "r.yaml: front_ends.unet: kernel: 4 is even"),
        ("{identity: }", "{unet: {depth: 0}}", "option 'depth'"),
        ("{identity: }", "{unet: 3}", "3 are no options of unet"),
        (
            "{identity: }",
            "{both: {chain: [spectral, {unet: {kernel: 4}}]}}",
            "r.yaml: front_ends.both: unet: kernel: 4 is even",
        ),
        ("{identity: }", "{both: {chain: [spectral, unett]}}", "r.yaml: front_ends.both: unknown front-end 'unett'"),
        ("{identity: }", "{both: {chain: []}}", "r.yaml: front_ends.both: members: there are none"),
        (
            "{identity: }",
            "{spectral: {smoothing: .nan}}",
            "r.yaml: front_ends.spectral.smoothing: nan is not a plain value",
        ),
        ("{identity: }", "{a: {unet: }, a: {unet: }}", "the key 'a' occurs twice.*line 2"),
        ("{identity: }", "{3: unet}", "front_ends: 3 is not a name"),
        ("{identity: }", "all", "front_ends: 'all' is not a mapping"),
        ("{clean: }", "{clean: , jiont: }", "r.yaml: schemes.jiont: unknown scheme 'jiont'; did you mean 'joint'"),
        (
            "{clean: }",
            "{x: {sample_importance: {importance: sofmax}}}",
            "r.yaml: schemes.x: unknown importance 'sofmax'; did you mean 'softmax'",
        ),
        (
            "{clean: }",
            "{joint: {enhancement_weight: .inf}}",
            "schemes.joint.enhancement_weight: inf is not a plain value",
        ),
        ("speech_commands:", "speech_command:", "did you mean 'speech_commands'"),
        ("{clean: }", "{clean: }\ntrain: {snr: 5}", "train.snr"),
        ("{clean: }", "{clean: }\ntrain: {snr: [5, 0]}", r"snr: write \[lowest, highest\]"),
        ("{clean: }", "{clean: }\ntrain: {stock: {steps: 0}}", "train.stock.steps"),
        (
            "{clean: }",
            "{clean: }\ntrain: {stock: {steps: '8'}}",
            "r.yaml: train.stock.steps: Input should be a valid integer .it says '8'.",
        ),
        ("{clean: }", "{clean: }\ntrain: {stock: {steps: true}}", "train.stock.steps"),
        ("{clean: }", "{clean: }\ntrain: {stock: {lr: .nan}}", "train.stock.lr: nan is not a plain value"),
        ("{clean: }", "{clean: }\ntrain: {stock: {segment: .inf}}", "train.stock.segment: inf is not a plain value"),
        (
            "{clean: }",
            "{clean: }\ntrain: {stock: {segment: 1e-5}}",
            "train.stock.segment: Input should be greater than or equal to 0.1",
        ),
        ("{clean: }", "{clean: }\ntrain: {snr: [.nan, 5]}", "train.snr.0: nan is not a plain value"),
        ("{clean: }", "{clean: }\ntrain: {snr: [0, 1e999]}", "train.snr.1: inf is not a plain value"),
        (
            "{clean: }",
            "{clean: }\ntrain: {level: [60, 121]}",
            "train.level.1: Input should be less than or equal to 120",
        ),
        (
            "{clean: }",
            "{clean: }\ntrain: {stock: {stepz: 1}}",
            "r.yaml: train.stock: unknown key 'stepz'; did you mean 'steps'",
        ),
        ("{clean: }", "{clean: }\ntrain: 3", "train: 3 is not a mapping"),
        (
            "synthetic/noise}",
            "synthetic/noise, train: {adapt: {stpes: 3}}}",
            "r.yaml: tasks.speech_commands.train.adapt: unknown key 'stpes'",
        ),
        ("synthetic/noise}", "synthetic/noise, train: 0}", "tasks.speech_commands.train: Input should be an object"),
        (
            "synthetic/noise}",
            "synthetic/noise, folds: []}",
            "tasks.speech_commands.folds: Tuple should have at least 1 item",
        ),
        ("synthetic/noise}", "synthetic/noise, folds: [a, a]}", "tasks.speech_commands.folds: write each value once"),
        ("synthetic/noise}", "synthetic/noise, folds: [a]}", "tasks.speech_commands.targets: unknown option 'fold'"),
        (
            "synthetic/noise}",
            "synthetic/noise, task: [a]}",
            "tasks.speech_commands.task: Input should be a valid string",
        ),
        (
            "synthetic/noise}",
            "synthetic/noise, model: {channels: [-1]}}",
            r"tasks.speech_commands.model: option 'channels'\[0\]",
        ),
        (
            "synthetic/noise}",
            "synthetic/noise, model: {channels: [], pools: []}}",
            "tasks.speech_commands.model: option 'channels'",
        ),
        (
            "synthetic/noise}",
            "synthetic/nois}",
            "r.yaml: tasks.speech_commands.interferers: unknown corpus 'synthetic/nois'",
        ),
        ("synthetic/commands", "{synthetic/commands: [1]}", r"targets: \[1\] are no options of synthetic/commands"),
        ("synthetic/commands", "{synthetic/commands: x}", "targets: 'x' are no options of synthetic/commands"),
        ("synthetic/commands", "{an4: {path: 3}}", "targets: path: 3 is not a path"),
        ("synthetic/commands", "[an4]", "targets: .* is no component"),
        ("{clean: }", "{clean: }\nscore: all", "score: 'all' is not a mapping"),
        ("{clean: }", "{clean: }\nscore: {snr: []}", "score.snr: Tuple should have at least 1 item"),
        ("{clean: }", "{clean: }\nscore: {snr: [5, clean, 5.0]}", "score.snr: write each value once"),
        ("{clean: }", "{clean: }\nscore: {snr: [.nan]}", "score.snr.0: nan is not a plain value"),
        ("{clean: }", "{clean: }\nscore: {level: -1}", "score.level"),
        ("{clean: }", "{clean: }\nscore: {level: .inf}", "score.level: inf is not a plain value"),
        (
            "{clean: }",
            "{clean: }\nscore: {snr: [2020-01-01]}",
            r"score.snr.0: datetime.date\(2020, 1, 1\) is not a plain value",
        ),
        ("{clean: }", "{clean: }\nscore: {snr: [2020-13-41]}", "not YAML: month must be"),
        ("{clean: }", "{clean: }\nseeds: [true]", "seeds.0: Input should be a valid integer"),
        ("{clean: }", "{clean: }\nseeds: [-1]", "seeds.0: Input should be greater than or equal to 0"),
        ("{clean: }", "{clean: }\nseeds: [1, 1]", "seeds: write each value once"),
        ("{clean: }", "{clean: }\nseeds: []", "seeds: Tuple should have at least 1 item"),
        ("{clean: }", "{clean: }\nseeds: [1]\nseeds: [2]", r"the key 'seeds' occurs twice in .*r\.yaml., line 6"),
        (
            "{clean: }",
            "{clean: }\ntrainer: {accelerator: gppu}",
            "trainer.accelerator: Input should be 'cpu', 'gpu', 'cuda', 'mps' or 'auto'",
        ),
        ("{clean: }", "{clean: }\ntrainer: {devices: 2}", "trainer.devices: write 1, .*--jobs"),
        ("{clean: }", "{clean: }\ntrainer: {devices: true}", "trainer.devices: write 1"),
        ("{clean: }", "{clean: }\ntrainer: {precision: 17}", "trainer.precision"),
        (
            "{clean: }",
            "{clean: }\ntrainer: {strategy: dpp}",
            "trainer.strategy: unknown strategy 'dpp'; did you mean 'ddp'",
        ),
        ("{clean: }", "{clean: }\nscore: {snr: [quiet]}", "'quiet' is neither"),
        ("{clean: }", "{clean: }\nseeds: 3", "seeds: Input should be a valid array .it says 3."),
        ("{clean: }", "{clean: }\ntrainer: {precison: 16}", "did you mean 'precision'"),
        ("{clean: }", "{clean: ", "not YAML"),
        ("{clean: }", "{}", "schemes: Dictionary should have at least 1 item"),
        ("schemes: {clean: }", "", "schemes: Field required"),
        ("schemes:", "? [a]\n:", "unhashable|not YAML"),
        ("{clean: }", "{clean: &a [*a]}", "not YAML: an alias stands inside what it stands for"),
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
    task = {
        "task": f"{toys_file}:Bands",
        "targets": {f"{toys_file}:Tones": {}},
        "interferers": {f"{toys_file}:Hiss": {}},
    }
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
    assert list(shared.work.tasks) == ["one", "two"]
    assert set(shared.work.starts) == {"front_end", "one", "two"}
    assert {plan.enhancing(row).weights["front_end"] for row in rows.values()} == {shared.key}
    models = {label: plan.scoring(row).weights["model"] for label, row in rows.items()}
    assert models["one"] == models["two"] == shared.key
    follower = behind["three"]["three: behind gain both, seed 1"]
    assert models["three"] == follower.key
    assert follower.work.scheme.name == "frozen"
    assert follower.work.starts["front_end"] == shared.key


@pytest.mark.parametrize(
    ("together", "message"),
    [
        ("{joins: [one, two]}", "did you mean 'joint'"),
        ("{joint: [one]}", "together.joint: Value should have at least 2 items"),
        ("{joint: [one, one]}", "together.joint: write each value once"),
        ("{joint: [[one], [two]]}", "together.joint.0: Input should be a valid string"),
        ("{joint: [one, twoo]}", "did you mean 'two'"),
        ("{noisy: [one, two]}", "trains no front-end"),
        ("[one, two]", "is not a mapping"),
    ],
)
def test_bad_groups_of_tasks_are_one_line(tmp_path, together, message):
    toys_file = toys.__file__
    task = {
        "task": f"{toys_file}:Bands",
        "targets": {f"{toys_file}:Tones": {}},
        "interferers": {f"{toys_file}:Hiss": {}},
    }
    path = toys.toy_recipe(
        tmp_path,
        tasks={"one": task, "two": task},
        schemes={"noisy": None, "joint": None},
        together=yaml.safe_load(together),
    )
    with pytest.raises(EarmarkError, match=message):
        load_recipe(path)


@pytest.mark.parametrize("text", [f"base: r.yaml\n{GOOD}", "base: other.yaml\n"])
def test_bases_in_a_circle_are_one_line(tmp_path, text):
    (tmp_path / "other.yaml").write_text("base: r.yaml\n")
    with pytest.raises(EarmarkError, match=r"yaml: base: r.yaml is itself based on this recipe; let one"):
        load(tmp_path, text)


def test_a_recipe_is_utf_8(tmp_path):
    (tmp_path / "r.yaml").write_bytes(b"# Caf\xe9\n" + GOOD.encode())
    with pytest.raises(
        EarmarkError, match=r"r.yaml: not YAML: 'utf-8' codec can't decode byte 0xe9 .*; write YAML in UTF-8"
    ):
        load_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    "label",
    [
        "",
        "a/b",
        "../a",
        "a.b",
        "-a",
        "=1+1",
        "a b",
        "<b>",
        "é",
        "a" * 65,
        "overall",
        "costs",
        "front_end",
        "all",
        "train",
        "training",
    ],
)
def test_labels_of_tasks_become_file_names_and_modules(tmp_path, label):
    text = GOOD.replace("{speech_commands: {", f"{{'{label}': {{task: speech_commands, ")
    with pytest.raises(EarmarkError, match=r"r.yaml: tasks: '.*' (is not a label; write|means something else)"):
        load(tmp_path, text)


@pytest.mark.parametrize("label", [r"a\e[31m", r"a\nb", r"a\0"])
def test_no_label_steers_a_terminal(tmp_path, label):
    with pytest.raises(EarmarkError, match=r"front_ends: 'a\\.*' is not a name; write printable") as caught:
        load(tmp_path, GOOD.replace("identity: ", f'"{label}": unet'))
    assert str(caught.value).isprintable()


def test_labels_of_front_ends_and_schemes(tmp_path):
    for old, new in (
        ("identity: ", "reference: unet"),
        ("identity: ", "adapters/folder: {path: x}"),
        ("{clean: ", "{a/b: clean"),
    ):
        with pytest.raises(
            EarmarkError,
            match=(
                r"is not a label; write .* my_label: |'reference' means something else|"
                r"is a component, not a label; write my_label"
            ),
        ):
            load(tmp_path, GOOD.replace(old, new))
    assert set(load(tmp_path, GOOD.replace("identity: ", "2nd_U-Net: unet")).front_ends) == {"2nd_U-Net"}


MINE = """from pathlib import Path
from torch import nn

class Fine(nn.Module):
    def __init__(self, folder: Path = Path("x")):
        super().__init__()

class Raises(nn.Module):
    def __init__(self, size: int = 3):
        raise IndexError("size is\\nnot to be had")

class Odd(nn.Module):
    def __init__(self, activation=nn.ReLU):
        super().__init__()

class Other:
    pass
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.py:Raises", r"r.yaml: front_ends.mine: cannot be built \(IndexError: size is not to be had\); change"),
        ("mine.py:Odd", "r.yaml: front_ends.mine: option 'activation': <class .*> is no plain value"),
        ("mine.py:Other", "r.yaml: front_ends.mine: Other is not a Module"),
        ("mine.py:None", "r.yaml: front_ends.mine: unknown class in .*mine.py: 'None'"),
        ("nowhere.py:Fine", "r.yaml: front_ends.mine: no file nowhere.py"),
    ],
)
def test_what_is_wrong_with_a_users_class_is_one_line(tmp_path, name, message):
    (tmp_path / "mine.py").write_text(MINE)
    with pytest.raises(EarmarkError, match=message) as caught:
        load(tmp_path, GOOD.replace("{identity: }", f"{{mine: {{{name}: {{}}}}}}"))
    assert "\n" not in str(caught.value)


def test_a_users_file_is_found_beside_the_recipe_then_in_the_current_folder(tmp_path, monkeypatch):
    recipes, current = tmp_path / "recipes", tmp_path / "current"
    for folder in (recipes, current):
        folder.mkdir()
        (folder / "mine.py").write_text(MINE)
    (current / "own.py").write_text(MINE)
    monkeypatch.chdir(current)
    text = GOOD.replace("{identity: }", "{a: {mine.py:Fine: {folder: y}}, b: own.py:Fine, c: {chain: [mine.py:Fine]}}")
    (recipes / "base.yaml").write_text(text)
    found = load(tmp_path, "base: recipes/base.yaml\n").front_ends
    assert found["a"].name == f"{(recipes / 'mine.py').resolve()}:Fine"
    assert found["a"].config == {"folder": "y"}
    assert found["b"] == Spec("own.py:Fine", 1, {"folder": "x"})
    assert found["c"].config == {"members": [found["a"].name]}


def test_defaults_and_the_same_values_written_out_are_one_recipe(tmp_path, recwarn):
    implicit = load(
        tmp_path,
        GOOD.replace("{identity: }", "{unet: , spectral: }").replace("{clean: }", "{joint: , sample_importance: }"),
    )
    task = implicit.tasks["speech_commands"]
    written = task.model_dump(mode="json", exclude={"roles", "options", "model"}) | task.roles | task.options
    written["model"] = {task.model.name: dict(task.model.config)}
    explicit = {
        "seeds": list(implicit.seeds),
        "front_ends": {label: dict(spec.config) for label, spec in implicit.front_ends.items()},
        "schemes": {label: dict(spec.config) for label, spec in implicit.schemes.items()},
        "tasks": {"speech_commands": written},
        "train": {**implicit.train.model_dump(mode="json"), "snr": [-5, 20], "level": [55, 75]},
        "score": {"snr": ["clean", 20, 15, 10, 5, 0, -5], "scenes": 60, "level": 65},
        "trainer": implicit.trainer.model_dump(mode="json"),
    }
    again = load(tmp_path, "# A test\n" + yaml.safe_dump(explicit, sort_keys=False))
    assert again == implicit
    assert repr(again) == repr(implicit)  # 65 and 65.0 are equal, their JSON is not
    assert not [warning for warning in recwarn if "Pydantic" in str(warning.message)]


@pytest.mark.parametrize(
    ("kind", "given"),
    [("front_ends", 0), ("schemes", 0), ("tasks", 1), ("task_models", 1), ("metrics", 0), ("corpora", 1)],
)
def test_the_defaults_of_every_component_are_valid_and_stay_what_they_are(kind, given):
    for name in registry.names(kind):
        cls = registry.load(kind, name)
        # what some constructors insist on
        wanted = {"path": "x", "module": "x.py:X", "members": [], "command": "x {in} {out}", "source": "x"}
        needed = {key: value for key, value in wanted.items() if key in signature(cls).parameters}
        bound = bind(name, cls, needed, given)
        assert json.loads(json.dumps(bound)) == bound
        assert repr(bind(name, cls, bound, given)) == repr(bound)
