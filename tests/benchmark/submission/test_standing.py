"""What a submission is told beside its figures."""

from pathlib import Path

from benchmark.results.board import boards_of
from benchmark.results.records import Records
from benchmark.submission.standing import remarks

BOARDS = Path(__file__).resolve().parents[3] / "leaderboards" / "hearing"


class Here(Records):
    def folder(self, line):
        return self.store.root


def test_a_baseline_of_another_machine_is_named(tmp_path):
    found, card = boards_of(BOARDS), {"training_data": "", "pretrained_on": []}
    (said,) = remarks(found, "identity", card, Records(tmp_path))
    assert said.startswith("hearing_loss: the baseline on the board was run elsewhere")
    assert "`earmark run hearing`" in said
    assert remarks(found, "identity", card, Here(tmp_path)) == []
