"""rnnbook.widgets.texts: minibatches of a text, and what a model that counts expects."""

from rnnbook import widgets

PNG = b"\x89PNG"


def test_explorer_redraws_and_says_what_is_wrong():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    before = explorer.picture.value
    assert before.startswith('<img alt="sequential: ') and explorer.png.startswith(PNG)
    explorer.controls["num_steps"].value = 7
    assert explorer.picture.value != before
    explorer.controls["kind"].value = "random"
    assert '<img alt="random: ' in explorer.picture.value
    explorer.controls["batch_size"].value, explorer.controls["num_steps"].value = 8, 40
    assert "role='alert'" in explorer.picture.value and "too short" in explorer.picture.value
    explorer.controls["num_steps"].value = 5
    assert explorer.picture.value.startswith("<img")


def test_every_control_has_a_name():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    assert all(control.description for control in explorer.controls.values())


def test_its_words_name_all_controls():
    explorer = widgets.window_explorer("the tide comes in and goes out again " * 6)
    words = explorer._repr_mimebundle_()[0]["text/plain"]
    assert words.endswith("sampler, batch size, steps, offset")


def test_ngram_explorer_shows_probabilities_and_the_validation_perplexity():
    text = "the tide and the drum " * 20
    explorer = widgets.ngram_explorer(text, text, context="th")
    before = explorer.picture.value
    assert "Likeliest: e" in before
    explorer.controls["n"].value = 0
    assert explorer.picture.value != before and "perplexity 12.00" in explorer.picture.value
