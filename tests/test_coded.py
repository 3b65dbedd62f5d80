from evergreen.coded import coded, uncoded


def test_what_stands_between_backticks_is_code_and_nothing_is_markup() -> None:
    said = coded("`evergreen <b>` & <script> one ` more")

    assert said == "<code>evergreen &lt;b&gt;</code> &amp; &lt;script&gt; one ` more"


def test_a_title_has_the_words_alone() -> None:
    assert uncoded("`evergreen ls` tells it") == "evergreen ls tells it"
