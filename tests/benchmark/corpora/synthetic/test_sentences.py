"""The plan of synthetic/sentences."""

from benchmark.corpora.synthetic.sentences import Sentences


def test_sentences_are_short_in_vocabulary_and_never_repeated(by_split, tmp_path):
    splits = by_split(Sentences)
    texts = [row["text"] for rows in splits.values() for row in rows]
    assert len(set(texts)) == len(texts)
    schema = Sentences(tmp_path).schema
    assert len(schema["words"]) >= 60
    assert schema["words"] == sorted({word for row in splits["train"] for word in row["text"].split(" ")})
    for text in texts:
        assert 4 <= len(text.split(" ")) <= 7
        assert set(text.split(" ")) <= set(schema["words"])
        assert set(text) <= set(schema["alphabet"])
