from evergreen_workshop.demo import crop


def test_a_farms_rows_are_its_six_seasons_in_order() -> None:
    rows = [row for row in crop._harvests() if row[0] == 101001]

    assert [row[1] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert len(crop._harvests()) == 1026


def test_a_fed_farm_depends_on_its_number_alone_and_resembles_a_real_one() -> None:
    farm = crop.grow(700_000)

    assert farm == crop.grow(700_000)
    assert farm != crop.grow(700_001)
    names = (*crop.TEXTS, *crop.NUMBERS)
    values = dict(zip(names, farm[2:], strict=True))
    assert 300 < values["goutput"] / values["size"] < 30_000
