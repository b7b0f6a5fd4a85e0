"""Front-ends that each break one rule of benchmark.conformance, and some odd ones that are allowed."""

from pathlib import Path

import torch
import toys
from torch import nn

from benchmark.contracts import Enhanced, FrontEnd


class OneEarOfTwo(FrontEnd):
    channels = None

    def forward(self, audio):
        return audio[:, :1]


class BareFeatures(FrontEnd):
    def process(self, heard, **controls):
        return Enhanced(heard.audio, heard.audio[:, 0])


class NoConstants(FrontEnd):
    """Divides by zero on a constant signal."""

    def forward(self, audio):
        constant = (audio == audio[..., :1]).all(-1, keepdim=True) & (audio[..., :1] != 0)
        return audio / (~constant).float()


class Hum(FrontEnd):
    def forward(self, audio):
        return audio + 1e-3 * (audio == 0).all(-1, keepdim=True)


class Howl(FrontEnd):
    """Amplifies loud input by 80 dB, as acoustic feedback would, to 165 dB SPL."""

    def forward(self, audio):
        return audio * torch.where(audio.square().mean(-1, keepdim=True).sqrt() > 0.12, 1e4, 1.0)


class Impatient(FrontEnd):
    def forward(self, audio):
        if audio.shape[-1] > 30 * 16000:
            raise RuntimeError("too long")
        return audio


class SizedByTheBatch(FrontEnd):
    def forward(self, audio):
        return audio * (1 + 0.01 / len(audio))


class Leaky(FrontEnd):
    """Subtracts a tenth of the mean over the batch."""

    def forward(self, audio):
        return audio - 0.1 * audio.mean(0, keepdim=True)


class EndsWithSilence(FrontEnd):
    """Amplifies input that ends with silence, by a share."""

    def __init__(self, share: float = 1.0) -> None:
        super().__init__()
        self.share = share

    def forward(self, audio):
        return audio * (1 + self.share * (audio[..., -100:] == 0).all(-1, keepdim=True))


class FractionOfARate(FrontEnd):
    sample_rate = 8000.0

    def forward(self, audio):
        return audio


class Remembers(FrontEnd):
    """Adds a little of the last sample of the previous call."""

    last = 0.0

    def forward(self, audio):
        output = audio + 1e-4 * self.last
        self.last = audio[0, 0, -1].item()
        return output


class Counts(FrontEnd):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, audio):
        self.calls += 1
        return audio


class Wakes(FrontEnd):
    def forward(self, audio):
        self.train()
        return audio


class DrawnWhenBuilt(FrontEnd):
    """Its gain is drawn at random and is no parameter, so that no weights restore it."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = 0.5 + float(torch.rand(()))

    def forward(self, audio):
        return audio * self.gain


class WholeUtterance(FrontEnd):
    causal = True

    def forward(self, audio):
        return audio / (1 + audio.square().mean(-1, keepdim=True))


class LooksAhead(FrontEnd):
    """Looks 50 ms ahead: more than a causal front-end may."""

    causal = True

    def forward(self, audio):
        return torch.nn.functional.pad(audio, (0, 800))[..., 800:]


class Waits(FrontEnd):
    """Looks 30 ms ahead: causal by itself, but not behind another of its kind."""

    causal = True

    def forward(self, audio):
        return torch.nn.functional.pad(audio, (0, 480))[..., 480:]


class PlainAhead(nn.Module):
    """A plain module that wrongly claims to be causal."""

    causal = True

    def forward(self, audio):
        return torch.nn.functional.pad(audio, (0, 800))[..., 800:]


class Around(FrontEnd):
    """Wraps another front-end and declares none of its traits."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def process(self, heard, **controls):
        return self.inner.process(heard, **controls)


class DroppedIn(FrontEnd):
    dropped_in_only = True

    def forward(self, audio):
        return audio


class Watches(FrontEnd):
    needs = frozenset({"video"})

    def forward(self, audio):
        return audio


class NotForNormalEars(toys.HearingAid):
    def process(self, heard, **controls):
        return Enhanced(super().process(heard, **controls).audio / heard.listener.any(-1)[..., None])


class OtherDefault(toys.HearingAid):
    def process(self, heard, amount=0.5):
        return super().process(heard, amount=amount)


class Wet(FrontEnd):
    controls = {"wet": 1.0}

    def process(self, heard, wet=1.0):
        return Enhanced(wet * heard.audio)


class Deaf(FrontEnd):
    """Declares a control that `process` does not take."""

    controls = {"amount": 1.0}

    def process(self, heard):
        return Enhanced(heard.audio)


class OneLossForAll(toys.Gain):
    def loss(self, enhanced, batch):
        return super().loss(enhanced, batch).mean().expand(len(batch.heard.audio))


class ScalarLoss(toys.Gain):
    def loss(self, enhanced, batch):
        return super().loss(enhanced, batch).mean()


class RootOfZero(toys.Gain):
    def loss(self, enhanced, batch):
        return enhanced.audio.square().mean((1, 2)).sqrt()


class Detached(toys.Gain):
    """Trained by its own loss; no gradient of the task reaches it."""

    def process(self, heard, **controls):
        own = self(heard.audio)
        return Enhanced(own.detach(), None, {"own": own})

    def loss(self, enhanced, batch):
        return super().loss(enhanced._replace(audio=enhanced.intermediates["own"]), batch)


class Moved(FrontEnd):
    """Softer each time it is moved to a device."""

    moves = 0

    def _apply(self, fn, recurse=True):
        self.moves += 1
        return super()._apply(fn, recurse)

    def forward(self, audio):
        return audio / self.moves


class InPlace(FrontEnd):
    def forward(self, audio):
        return audio.mul_(0.5)


class Tied(FrontEnd):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv1d(1, 1, 1, bias=False)
        self.other = nn.Conv1d(1, 1, 1, bias=False)
        self.other.weight = self.one.weight

    def forward(self, audio):
        return self.one(self.other(audio))


class Stray(FrontEnd):
    def __init__(self) -> None:
        super().__init__()
        self.windows = [torch.ones(1)]

    def forward(self, audio):
        return audio * self.windows[0]


class Biased(nn.Module):
    """A plain module with a bias, which turns silence into sound, and with a layer that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 1, 1)
        self.unused = nn.Linear(2, 2)

    def forward(self, audio):
        return self.layer(audio)


class Fetched(Biased):
    """The same, pre-trained elsewhere."""

    pretrained_on = "a large corpus"


class Absent(toys.HearingAid):
    """Asks for a listener and a control and ignores both."""

    def process(self, heard, **controls):
        return Enhanced(heard.audio)


class Compressor(FrontEnd):
    causal = False

    def forward(self, audio):
        return audio.sign() * audio.abs().sqrt()


class Telephone(FrontEnd):
    sample_rate = 8000

    def forward(self, audio):
        return audio


class Numb(FrontEnd):
    """Passes no gradient on."""

    def forward(self, audio):
        return audio.detach().clone()


class Studio(Telephone):
    sample_rate = 48_000


class Seeded(FrontEnd):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)

    def forward(self, audio):
        return audio


class Hoards(FrontEnd):
    """Keeps all that it has heard."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def forward(self, audio):
        self.heard.append(audio.clone())
        return audio


class Writes(FrontEnd):
    def forward(self, audio):
        Path(__file__).with_name("heard.txt").write_text("heard")
        Path(__file__).with_name("heard.txt").unlink()
        return audio


BREAKING = [
    ("process", Seeded),
    ("memory", Hoards),
    ("works", toys.Shortener),
    ("works", toys.NotANumber),
    ("shape", OneEarOfTwo),
    ("shape", BareFeatures),
    ("finite", NoConstants),
    ("silence", Hum),
    ("level", Howl),
    ("batch", SizedByTheBatch),
    ("neighbours", Leaky),
    ("padding", EndsWithSilence),
    ("rate", FractionOfARate),
    ("deterministic", Remembers),
    ("state", Counts),
    ("state", Wakes),
    ("reload", DrawnWhenBuilt),
    ("causality", WholeUtterance),
    ("causality", LooksAhead),
    ("needs", Watches),
    ("needs", NotForNormalEars),
    ("controls", OtherDefault),
    ("controls", Deaf),
    ("controls", Wet),
    ("loss", OneLossForAll),
    ("loss", ScalarLoss),
    ("gradient", RootOfZero),
    ("joint", Detached),
]
