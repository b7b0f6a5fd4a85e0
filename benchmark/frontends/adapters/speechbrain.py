"""A pretrained SpeechBrain enhancement model, from a folder or the Hugging Face hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.contracts import SAMPLE_RATE
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters._external import External

HYPERPARAMS = "hyperparams.yaml"


class SpeechBrainModel(External):
    """SpeechBrain's SpectralMaskEnhancement, WaveformEnhancement or SepformerSeparation.

    The model consists of hyperparams.yaml, whose modules decide which of these classes is used, and of checkpoints.
    hyperparams.yaml may build any class, and so runs code: a folder is trusted like a file.py:Class, a name on the hub
    only with `trust`. Checkpoints are read as tensors only, never unpickled, and must fit every parameter. Most of
    these models normalise their output, hence `rescale`.
    """

    def __init__(
        self,
        source: str,
        trust: bool = False,
        revision: str | None = None,
        trainable: bool = False,
        pretrained_on: str = "unknown",
        gain: float = 0.0,
        rescale: bool = True,
    ) -> None:
        """Load the model; for the other options see `External`. The sample rate is that of the hyperparameters.

        Args:
            source: a folder, or a name on the hub, such as speechbrain/metricgan-plus-voicebank
            trust: download from the hub, and run the code that hyperparams.yaml asks for
            revision: a commit of the hub's repository; by default the latest, which may change
            trainable: train the model further, like any front-end; otherwise it stays as it is
        Raises:
            EarmarkError: there is no such folder, the source is not trusted, checkpoints do not fit, or it is not an
                enhancement model
        """
        if not Path(source).expanduser().is_dir() and not trust:
            raise EarmarkError(
                f"{source}: no such folder; a model on the hub brings a {HYPERPARAMS} that runs code, and is loaded "
                "with the option trust: true"
            )
        hyperparams = _hyperparams(source, trust, revision)
        super().__init__(_sample_rate(hyperparams), pretrained_on, gain, rescale)
        self.interface: Any = _interface(source, hyperparams, trainable)

    def enhance(self, signal: Tensor) -> Tensor:
        """Run the model on one signal, (time,) to (time,)."""
        self.interface.device = str(signal.device)
        if hasattr(self.interface, "separate_batch"):
            return self.interface.separate_batch(signal[None])[0, :, 0]
        return self.interface.enhance_batch(signal[None], lengths=signal.new_ones(1))[0]


def _hyperparams(source: str, trust: bool, revision: str | None) -> Mapping[str, Any]:
    """Load hyperparams.yaml, build what it describes, and load its checkpoints."""
    from hyperpyyaml import load_hyperpyyaml  # imported here and below because importing SpeechBrain takes seconds
    from speechbrain.utils.fetching import FetchConfig, LocalStrategy, fetch

    place = str(Path(source).expanduser()) if Path(source).expanduser().is_dir() else source
    config = FetchConfig(allow_network=trust, revision=revision)
    path = fetch(HYPERPARAMS, place, fetch_config=config)
    if not path.is_file():
        raise EarmarkError(f"{path}: no such file; give the folder of a pretrained SpeechBrain model")
    with path.open(encoding="utf-8") as file:
        hyperparams = load_hyperpyyaml(file)
    pretrainer = hyperparams.get("pretrainer")
    if pretrainer is None or not isinstance(hyperparams.get("modules"), Mapping):
        raise EarmarkError(
            f"{path}: modules or pretrainer are missing; give the {HYPERPARAMS} of a pretrained model, not of training"
        )
    pretrainer.collect_files(default_source=place, local_strategy=LocalStrategy.NO_LINK, fetch_config=config)
    pretrainer.add_custom_hooks(dict.fromkeys(pretrainer.loadables, _load_tensors))
    pretrainer.load_collected()
    return hyperparams


def _load_tensors(module: Any, path: str) -> None:
    """Load a checkpoint strictly; SpeechBrain's own loader would leave missing parameters at their random values."""
    from speechbrain.utils.checkpoints import hook_on_loading_state_dict_checkpoint

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(hook_on_loading_state_dict_checkpoint(state))
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); get the whole model") from error
    except Exception as error:
        # a pickle of more than tensors, weights of another model, or no module to load them into
        reason = " ".join(str(error).split())[:160]
        raise EarmarkError(
            f"{path}: not weights of {type(module).__name__} ({reason}); get the model again, or fix its {HYPERPARAMS}"
        ) from error


def _interface(source: str, hyperparams: Mapping[str, Any], trainable: bool) -> nn.Module:
    from speechbrain.inference.enhancement import SpectralMaskEnhancement, WaveformEnhancement
    from speechbrain.inference.separation import SepformerSeparation

    for cls in (
        SepformerSeparation,
        SpectralMaskEnhancement,
        WaveformEnhancement,
    ):  # the last one needs the fewest modules
        if set(cls.MODULES_NEEDED) <= hyperparams["modules"].keys() and set(cls.HPARAMS_NEEDED) <= hyperparams.keys():
            if (speakers := hyperparams.get("num_spks", 1)) != 1:
                raise EarmarkError(f"{source}: it separates {speakers} speakers; give a model of one output")
            return cls(
                modules=hyperparams["modules"],
                hparams=hyperparams,
                run_opts={"device": "cpu"},
                freeze_params=not trainable,
            )
    found = ", ".join(hyperparams["modules"])
    raise EarmarkError(
        f"{source}: its modules {found} are not those of an enhancement model; give one with enhance_model, or with "
        "encoder, masknet and decoder"
    )


def _sample_rate(hyperparams: Mapping[str, Any]) -> int:
    stated = hyperparams.get("sample_rate") or getattr(hyperparams.get("compute_stft"), "sample_rate", None)
    return int(stated or SAMPLE_RATE)
