"""A folder of enhanced WAV files, made by any program from the exported mixtures."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmark import audio
from benchmark.contracts import SAMPLE_RATE, Enhanced, FrontEnd, Heard
from benchmark.errors import EarmarkError
from benchmark.frontends.adapters._enhanced_files import clipped, read_enhanced


class Folder(FrontEnd):
    """Reads `<path>/<name>.wav` for every scene, where name is that of the exported mixture; other formats do as well.

    A file must have the rate, the channels and the length of its mixture. Levels count in scoring, so float samples are
    best.
    """

    channels = None
    dropped_in_only = True
    exported = True

    def __init__(self, path: str) -> None:
        """`path` of the folder; EarmarkError if there is no such folder."""
        super().__init__()
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            raise EarmarkError(
                f"{path}: no such folder; it should hold one enhanced WAV file for each exported mixture"
            )

    @cached_property
    def files(self) -> dict[str, Path]:
        """The files in the folder, by the name of their mixture."""
        return enhanced_files(self.path)

    def process(self, heard: Heard, **controls: float) -> Enhanced:
        """Read the files for (batch, channels, time).

        Raises:
            EarmarkError: a file is missing, unreadable or not finite, or its rate or shape is not that of its mixture
        """
        enhanced = torch.zeros_like(heard.audio)
        for index, (name, length) in enumerate(zip(heard.names, heard.lengths.tolist(), strict=True)):
            path = self.files.get(name, self.path / f"{name}.wav")
            samples = read_enhanced(path, (heard.audio.shape[1], length), SAMPLE_RATE)
            enhanced[index, :, :length] = torch.from_numpy(samples)
        return Enhanced(enhanced)


def enhanced_files(folder: Path) -> dict[str, Path]:
    """The audio files of a folder by name without suffix, in any format.

    Raises EarmarkError where two have the same name but for the suffix, or the folder cannot be read.
    """
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise EarmarkError(f"{folder}: cannot be read ({error.strerror}); check the folder's permissions") from error
    for path in filter(audio.is_audio, paths):
        if path.stem in found:
            raise EarmarkError(f"{path}: {found[path.stem].name} has the same name; remove one of them")
        found[path.stem] = path
    return found


def audit(folder: Path, manifest: Path | Mapping[str, Any]) -> list[str]:
    """Check a folder of enhanced files before anything is scored.

    Args:
        folder: of the enhanced files
        manifest: path of the export's manifest.json, or its contents
    Returns:
        one line per problem, none if the folder is complete: files that are missing, unreadable, cut short, not finite,
        resampled or clipped, or whose channels or length are not those of their mixture; and files for which there is
        no mixture
    Raises:
        EarmarkError: there is no such folder, or no such manifest
    """
    if not folder.is_dir():
        raise EarmarkError(f"{folder}: no such folder; it should hold one enhanced WAV file for each exported mixture")
    expected = _expected(read_manifest(manifest) if isinstance(manifest, Path) else manifest)
    files = enhanced_files(folder)
    extra = sorted(files.keys() - expected.keys())
    findings = [f"{audio.shown(files[name])}: no mixture was exported under this name; remove it" for name in extra]
    for name, (channels, samples, sample_rate) in expected.items():
        path = files.get(name, folder / f"{name}.wav")
        try:
            enhanced = read_enhanced(path, (channels, samples), sample_rate)
        except EarmarkError as error:
            findings.append(str(error))
            continue
        if count := clipped(path, enhanced):
            findings.append(
                f"{path}: clipped, {count} samples are at full scale; write 32-bit float samples, unclipped"
            )
    return findings


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest that `earmark export` wrote; EarmarkError if the file is none."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        _expected(manifest)
    except OSError as error:
        raise EarmarkError(f"{path}: cannot be read ({error.strerror}); give the manifest.json of an export") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EarmarkError(f"{path}: not the manifest of an export; run `earmark export` again") from error
    return manifest


def _expected(manifest: Mapping[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Channels, samples and sample rate of each exported mixture, by name."""
    return {entry["name"]: (entry["channels"], entry["samples"], entry["sample_rate"]) for entry in manifest["files"]}
