"""A front-end that holds others has the traits that follow from theirs, however deep they lie."""

import copy
import sys

import pytest
import toys
from torch import nn

from benchmark.catalogue import Corpora
from benchmark.contracts import FrontEnd
from benchmark.costs import measure
from benchmark.frontends import as_front_end, build_front_end, front_ends, learned_elsewhere
from benchmark.frontends.cascade import Cascade
from benchmark.frontends.identity import Identity
from benchmark.planning.planner import make_plan
from benchmark.planning.recipe import load_recipe

COMMAND = {"adapters/command": {"command": [sys.executable, "-c", "0", "{in}", "{out}"]}}
TINY = {"features": 2, "hidden": 2, "layers": 1, "head": 2}


class Opaque(Identity):
    """Computes elsewhere."""

    opaque = True


class Plain(nn.Module):
    """Knows nothing of the suite, but of itself."""

    opaque = True
    causal = False
    pretrained_on = "a large corpus"
    sample_rate = 8000

    def forward(self, audio):
        return audio


class Exporter(nn.Module):
    """Its attribute `exported` is a method, and no trait."""

    def exported(self):
        return True

    def forward(self, audio):
        return audio


class Holder(FrontEnd):
    """A user's front-end around another, which says nothing of it."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def process(self, heard, **controls):
        return self.inner.process(heard)


def flags(front_end):
    return front_end.dropped_in_only, front_end.opaque, front_end.exported


def chain(*members):
    return build_front_end({"chain": {"members": list(members)}})


@pytest.fixture
def folder(tmp_path):
    return {"adapters/folder": {"path": str(tmp_path)}}


def test_one_member_with_a_flag_is_enough(folder):
    opaque = f"{__file__}:Opaque"
    assert flags(chain("identity", "spectral")) == (False, False, False)
    assert flags(chain("identity", folder)) == (True, False, True)
    assert flags(chain(COMMAND, "spectral")) == (True, False, False)
    assert flags(chain("identity", opaque)) == (False, True, False)
    assert flags(chain(opaque, {"chain": {"members": ["identity", folder]}})) == (True, True, True)
    assert flags(Cascade(TINY)) == (False, False, False)


def test_a_users_own_composite_need_not_say_what_is_inside(folder):
    assert flags(as_front_end(Holder(Identity()))) == (False, False, False)
    assert flags(as_front_end(Holder(build_front_end(folder)))) == (True, False, True)
    assert flags(as_front_end(Holder(Holder(Opaque())))) == (False, True, False)
    assert flags(as_front_end(nn.Sequential(Opaque()))) == (False, True, False)
    assert flags(Identity()) == flags(Holder(Identity())) == (False, False, False)  # no class was changed


def test_a_plain_module_is_believed_in_what_it_says():
    wrapped = as_front_end(Plain())
    assert (wrapped.opaque, wrapped.causal, wrapped.pretrained_on, wrapped.sample_rate) == (
        True,
        False,
        "a large corpus",
        8000,
    )
    assert flags(as_front_end(Exporter())) == (False, False, False)
    assert as_front_end(Exporter()).causal is None


def test_front_ends_are_found_at_any_depth():
    built = chain("identity", {"chain": {"members": ["spectral"]}})
    assert [type(each).__name__ for each in front_ends(built)] == ["Chain", "Identity", "Chain", "Spectral"]
    assert front_ends(Identity())[1:] == []
    assert front_ends(nn.Linear(1, 1)) == []


def test_what_any_member_learned_elsewhere_counts(folder):
    assert learned_elsewhere(chain("identity", "spectral")) == set()
    assert learned_elsewhere(chain("identity", folder)) == {"unknown"}
    assert learned_elsewhere(chain(f"{__file__}:Plain", f"{__file__}:Plain")) == {"a large corpus"}
    assert learned_elsewhere(Holder(as_front_end(Plain()))) == {"a large corpus"}
    command = {"adapters/command": COMMAND["adapters/command"] | {"pretrained_on": "books"}}
    assert {"books"} < learned_elsewhere(chain(command, {"chain": {"members": [folder]}}))


def test_a_row_runs_at_its_members_rate_on_their_ears_and_needs_what_they_need():
    telephone = chain(f"{__file__}:Plain", f"{__file__}:Plain")
    assert (telephone.sample_rate, telephone.channels, telephone.needs) == (8000, 1, frozenset())
    cascade = Cascade(TINY)
    assert (cascade.sample_rate, cascade.channels) == (16000, 1)
    assert cascade.needs == cascade.reducer.needs | cascade.compensator.needs
    assert cascade.controls == cascade.reducer.controls | cascade.compensator.controls


def test_controls_of_a_chain_in_a_chain_and_names_that_collide(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from benchmark.frontends.spectral import Spectral\nclass spectral2(Spectral):\n    pass\n")
    inner = {"chain": {"members": ["spectral", "nal_r"]}}
    assert chain(inner, "spectral").controls == {"chain.attenuation": 20.0, "gain": 0.0, "spectral.attenuation": 20.0}
    assert list(chain(f"{path}:spectral2", "spectral", "spectral").controls) == [
        "spectral2.attenuation",
        "spectral.attenuation",
        "spectral3.attenuation",
    ]


def test_costs_are_those_of_all_members(folder):
    assert measure(chain("identity", folder))["notes"] == ["made elsewhere: no cost can be measured"]
    costs = measure(chain(f"{__file__}:Opaque", {"unet": {"channels": 2, "depth": 1}}))
    assert costs["parameters"] is costs["macs_per_second"] is None
    assert costs["real_time_factor"] > 0


def test_a_chain_with_exported_files_is_scored_on_exported_scenes_alone(tmp_path, folder):
    fronts = {"identity": None, "files": {"chain": [folder, "spectral"]}}
    plan = make_plan(load_recipe(toys.toy_recipe(tmp_path, front_ends=fronts)), Corpora(None, tmp_path / "cache"))
    rows = [row for row in plan.rows if row.front_end == "files"]
    assert {row.scheme for row in rows} == {"clean", "noisy"}
    assert {row.track for row in rows} == {"open"}
    assert {plan.scoring(row).scenes.snr for row in rows} == {(0, -5)}


def test_a_copy_has_the_same_traits(folder):
    built = chain("identity", folder)
    assert flags(copy.deepcopy(built)) == flags(built)
