"""What a submission is told beside its figures."""

from pathlib import Path

from benchmark.board import boards_of
from benchmark.landing import remarks
from benchmark.records import Records

BOARDS = Path(__file__).resolve().parent.parent.parent / "leaderboards" / "hearing"


class Here(Records):
    def folder(self, line):
        return self.store.root


def test_a_baseline_of_another_machine_is_named(tmp_path):
    found, card = boards_of(BOARDS), {"training_data": "", "pretrained_on": []}
    (said,) = remarks(found, "identity", card, Records(tmp_path))
    assert said.startswith("hearing_loss: the baseline on the board was run elsewhere")
    assert "`earmark run hearing`" in said
    assert remarks(found, "identity", card, Here(tmp_path)) == []
