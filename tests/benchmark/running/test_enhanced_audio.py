"""Enhanced audio comes back bit by bit, and a folder that is not whole is refused."""

import pytest
import torch

from benchmark.errors import EarmarkError
from benchmark.running.enhanced_audio import AUDIO, INDEX, EnhancedAudio, Output, writing


@pytest.fixture
def outputs():
    torch.manual_seed(0)
    return {
        ("a|snr_0", ""): Output(torch.randn(1, 1, 1601)),
        ("b|snr_0", "N3"): Output(torch.randn(1, 2, 7) * 1e-30, torch.randn(1, 3, 4)),
        ("c|clean", ""): Output(failed="RuntimeError: no"),
    }


def written(folder, outputs):
    with writing(folder) as writer:
        for (scene, listener), output in outputs.items():
            writer.add(scene, listener, output)


def test_what_was_written_comes_back_to_the_bit(tmp_path, outputs):
    written(tmp_path, outputs)
    found = EnhancedAudio(tmp_path)
    for (scene, listener), output in outputs.items():
        back = found.get(scene, listener)
        assert back.failed == output.failed
        for one, other in ((back.audio, output.audio), (back.shared, output.shared)):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)
    with pytest.raises(EarmarkError, match="it was not enhanced"):
        found.get("b|snr_0", "S3")


def test_a_front_end_that_always_failed_leaves_no_samples(tmp_path):
    written(tmp_path, {("a", ""): Output(failed="why")})
    assert EnhancedAudio(tmp_path).get("a") == Output(failed="why")


@pytest.mark.parametrize("name", [AUDIO, INDEX])
def test_a_folder_that_is_not_whole_is_refused(tmp_path, outputs, name):
    written(tmp_path, outputs)
    (tmp_path / name).unlink()
    with pytest.raises(EarmarkError, match="no enhanced audio; delete the folder and run again"):
        EnhancedAudio(tmp_path)
