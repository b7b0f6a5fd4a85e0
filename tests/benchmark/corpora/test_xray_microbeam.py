import numpy as np
import pytest
import soundfile

from benchmark.corpora._articulography import VARIABLES, tract_variables
from benchmark.corpora.xray_microbeam import LOST, PELLETS, XRayMicrobeam
from benchmark.errors import EarmarkError

REST = {
    "UL": (14, 19),
    "LL": (10, -22),
    "T1": (-6, 5),
    "T2": (-21, 11),
    "T3": (-34, 16),
    "T4": (-51, 18),
    "MI": (-1, -5),
    "MM": (-43, -1),
}
PALATE = [(-4000, 4433), (-12763, 8545), (-21688, 17580), (-33245, 23683), (-49037, 26184), (-61500, 25700)]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path_factory.mktemp("cache")))


def movement(frames: int, seed: int, lost: slice) -> np.ndarray:
    """Time in microseconds, and every pellet in micrometres wandering about its rest; the tip is lost for a while."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) * 6866
    waves = [
        2000 * np.sin(2e-6 * np.pi * rng.uniform(1, 4) * time + rng.uniform(0, 6)) for _ in range(2 * len(PELLETS))
    ]
    table = (
        np.stack(
            [
                time,
                *(1000 * REST[name][axis] + waves[2 * i + axis] for i, name in enumerate(PELLETS) for axis in (0, 1)),
            ],
            -1,
        )
        .round()
        .astype(int)
    )
    table[lost, 5:7] = LOST
    return table


@pytest.fixture(params=["JW{}/TP{:03d}.TXY", "jw{0}_tp{1:03d}.txy"])
def root(tmp_path, clip, request):
    for speaker in (11, 12, 502):
        for task in (1, 5):
            path = tmp_path / request.param.format(speaker, task)
            clip(path.with_suffix(".WAV" if path.suffix.isupper() else ".wav"), rate=21739, seconds=0.5)
            np.savetxt(path, movement(80, speaker + task, slice(20, 30)), "%d", "\t")
        palate = tmp_path / (f"JW{speaker}/PAL.DAT" if "/" in request.param else f"jw{speaker}_pal.dat")
        np.savetxt(palate, PALATE, "%d")
        np.savetxt(
            palate.with_name(palate.name.replace("PAL", "PHA").replace("pal", "pha")),
            [(-90663, 16444), (-90629, -24627)],
            "%d",
        )
    return tmp_path


def test_rows_carry_tracks_with_gaps_where_a_pellet_was_lost(root, read):
    found = read(XRayMicrobeam(root))
    assert [len(rows) for rows in found.values()] == [2, 2, 2]
    for row in (row for rows in found.values() for row in rows):
        tracks = dict(zip(VARIABLES, np.load(row["tracks"]).T, strict=True))
        assert len(tracks["LA"]) == int(soundfile.info(row["audio"]).duration * 100) + 1
        gaps = np.flatnonzero(np.isnan(tracks["TTCD"]))
        # 20 to 29 frames of 6.866 ms, and what the smoothing touches
        assert {16, 18} <= set(gaps) <= set(range(10, 24))
        assert not np.isnan(tracks["LA"]).any()
        assert not np.isnan(tracks["TBCL"]).any()
        assert all(np.nanmax(np.abs(track)) < 1.5 for track in tracks.values())


def test_a_repetition_is_the_same_sentence(root):
    one = next(path for path in root.rglob("*.*") if path.name.lower().endswith("tp005.txy"))
    sound = next(path for path in one.parent.iterdir() if path.stem == one.stem and path.suffix.lower() == ".wav")
    for path in (one, sound):
        path.with_stem(f"{path.stem}_2").write_bytes(path.read_bytes())
    assert {utterance.item for utterance in XRayMicrobeam(root).utterances()} == {"tp001", "tp005"}


def test_walls_are_traced_for_each_speaker(root):
    corpus = XRayMicrobeam(root)
    palate, pharynx = corpus.walls("jw11")
    np.testing.assert_allclose(palate, np.array(PALATE) / 1000)
    np.testing.assert_allclose(pharynx, [[-90.663, 16.444], [-90.629, -24.627]])
    for path in root.rglob("*.*"):
        if path.name.lower() in ("pha.dat", "jw11_pha.dat"):
            path.unlink()
    assert corpus.walls("jw11")[1] is None


def test_tract_variables_of_known_places():
    palate = np.array([[0.0, 0.0], [-60.0, 0.0]])  # flat; its top is its front end
    pharynx = np.array([[-90.0, 0.0], [-90.0, -60.0]])
    spots = {"UL": (10, 3), "LL": (7, -1), "T1": (0, -4), "T2": (-20, -15), "T3": (-40, -5), "T4": (-60, -12)}
    pellets = {name: np.array([place], float) for name, place in spots.items()}
    la, lp, ttcl, ttcd, tbcl, tbcd = tract_variables(pellets, palate, pharynx)[0]
    assert (la, lp, ttcd) == pytest.approx((5, 7, 4))
    assert ttcl == pytest.approx(90)  # straight above the origin, 20 mm below the top
    assert tbcd == pytest.approx(5)
    assert tbcl == pytest.approx(np.degrees(np.arctan2(20, -40)), abs=1)
    pellets |= {"T3": np.array([[-70.0, -30.0]]), "T4": np.array([[-87.0, -40.0]])}
    *_, tbcl, tbcd = tract_variables(pellets, palate, pharynx)[0]
    assert tbcd == pytest.approx(3)
    assert tbcl == pytest.approx(np.degrees(np.arctan2(-20, -90)) + 360, abs=2)  # the pharynx, behind and below


def test_user_s_errors(root, tmp_path_factory):
    with pytest.raises(EarmarkError, match="xray_microbeam: no recording with movement"):
        XRayMicrobeam(tmp_path_factory.mktemp("empty")).rows("train")
    path = next(path for path in sorted(root.rglob("*.*")) if path.suffix.lower() == ".txy")
    np.savetxt(path, movement(80, 0, slice(0))[:, :9], "%d")
    with pytest.raises(EarmarkError, match="holds 9 columns and 80 lines; 17 columns are needed") as error:
        XRayMicrobeam(root).rows("train")
    assert "\n" not in str(error.value)
    path.write_text("no numbers\nhere\n")
    with pytest.raises(EarmarkError, match="holds more than numbers"):
        XRayMicrobeam(root).rows("train")
