from collections import Counter

from edgeprint.cclp.columns import schema
from edgeprint.schema import FeatureSchema

HASH = "be691f5093f7dc79b8be959fff0f723c9c0d4c3dc8ed2845b44f4fd9cc13975e"


def test_the_schema_has_219_columns_of_their_own_names():
    assert len(schema().columns) == len(set(schema().names)) == 219


def test_the_groups_are_those_of_section_iv():
    sections = Counter(column.source for column in schema().columns)
    assert sections == {
        "papers/cclp IV.A": 96,
        "papers/cclp IV.B": 80,
        "papers/cclp IV.C": 35,
        "papers/cclp IV.D": 8,
    }


def test_names_tell_their_direction():
    for column in schema().columns:
        ends = {d for d in ("in", "out", "both") if f"_{d}_" in f"{column.name}_"}
        assert ends <= {column.direction}


def test_the_window_and_every_definition_go_into_the_hash():
    assert schema().hash == HASH
    assert schema(15).hash != HASH


def test_the_schema_survives_json():
    assert FeatureSchema.from_dict(schema().to_dict()) == schema()
